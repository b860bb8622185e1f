//! Several baselines side by side, and baselines that go while their reports are there.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams, PostParams, PropagationPolicy};
use plumbline_api::baseline::ComplianceBaselineSpec;
use plumbline_api::{ComplianceBaseline, ItemStatus, ReportStatus, conditions::ConditionType};
use plumbline_inventory::Kind;
use plumbline_tests::{ControlPlane, Operator, Options, Reports, condition, eventually, item};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{SOON, drifted, events, history, is, set_privileged, shop};

const SHOP: Option<&str> = Some("shop");

/// What a baseline has for its reports. Other stories run on the machine, and it takes some attempts until one of
/// them falls into a moment in which they wait.
const A_SECOND: Duration = Duration::from_secs(1);
const ATTEMPTS: i32 = 20;

/// Longer than a report without a baseline waits for the garbage collector.
const CALM: Duration = Duration::from_secs(5);

#[tokio::test]
async fn several_baselines_give_several_reports_from_one_inventory() {
    let plane = ControlPlane::start(Options::default().nodes(1)).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    let kubeconfig = plane.operator_account(Kind::ALL).await.unwrap();
    let start = async || {
        Operator::start_as(&plane, &kubeconfig, "plumbline-0")
            .await
            .unwrap()
    };
    let operator = start().await;
    let (default, lenient) = (plane.reports(), plane.reports_under("lenient"));
    default.until_complete().await.unwrap();

    a_baseline_has_its_reports_within_a_second(&plane, &default, &lenient).await;
    each_judges_by_its_own_rules(&plane, &operator, &default, &lenient).await;
    a_changed_baseline_is_in_its_reports_within_a_second(&default, &lenient).await;

    // What is stored tells of both, and a new operator has nothing to add.
    let (of_default, of_lenient) = (
        default.versions().await.unwrap(),
        lenient.versions().await.unwrap(),
    );
    operator.terminate().await.unwrap();
    let operator = start().await;
    for baseline in ["default", "lenient"] {
        until_series(&operator, baseline, true).await;
    }
    sleep(CALM).await;
    assert_eq!(default.versions().await.unwrap(), of_default);
    assert_eq!(lenient.versions().await.unwrap(), of_lenient);

    // One that goes takes its reports and its series along, and nothing else.
    let policy = DeleteParams::background();
    lenient.baselines().delete("lenient", &policy).await.unwrap();
    until_series(&operator, "lenient", false).await;
    eventually("its reports go with it", SOON, || async {
        Ok(lenient.versions().await?.is_empty().then_some(()))
    })
    .await
    .unwrap();
    sleep(CALM).await;
    assert_eq!(lenient.versions().await.unwrap().len(), 0, "and stay away");
    assert_eq!(default.versions().await.unwrap(), of_default);
    until_series(&operator, "default", true).await;
}

/// Waits until nothing has been written for a while, and gives the versions of the reports.
async fn until_quiet(reports: &Reports) -> BTreeMap<String, String> {
    eventually("the reports are quiet", 2 * SOON, || async {
        let before = reports.versions().await?;
        sleep(CALM).await;
        Ok((reports.versions().await? == before).then_some(before))
    })
    .await
    .unwrap()
}

fn without(id: &str, why: &str) -> Value {
    json!({ "items": [{ "id": id, "enabled": false, "reason": why }] })
}

async fn make(reports: &Reports, name: &str, spec: Value) -> ComplianceBaseline {
    let spec: ComplianceBaselineSpec = serde_json::from_value(spec).unwrap();
    let baseline = ComplianceBaseline::new(name, spec);
    let baselines = reports.baselines();
    baselines.create(&PostParams::default(), &baseline).await.unwrap()
}

async fn change(reports: &Reports, name: &str, spec: &Value) -> ComplianceBaseline {
    let (params, patch) = (PatchParams::default(), json!({ "spec": spec }));
    let baselines = reports.baselines();
    baselines
        .patch(name, &params, &Patch::Merge(&patch))
        .await
        .unwrap()
}

/// Waits until the reports on the cluster and the shop go by this object and generation, and tells how long that
/// took.
async fn until_goes_by(reports: &Reports, baseline: &ComplianceBaseline) -> Duration {
    let began = Instant::now();
    let meta = &baseline.metadata;
    let goes_by = |status: &ReportStatus| {
        let by = status.baseline.as_ref();
        by.is_some_and(|by| Some(&by.uid) == meta.uid.as_ref() && Some(by.generation) == meta.generation)
            && condition(status, ConditionType::Ready).0 == "True"
    };
    for home in [None, SHOP] {
        reports
            .until(home, "the report goes by the baseline", goes_by)
            .await
            .unwrap();
    }
    began.elapsed()
}

async fn a_baseline_has_its_reports_within_a_second(
    plane: &ControlPlane,
    default: &Reports,
    lenient: &Reports,
) {
    let of_default = until_quiet(default).await;
    let baseline = make(lenient, "lenient", without("WL-04", "a build cluster")).await;
    let mut quickest = until_goes_by(lenient, &baseline).await;
    for attempt in 1..ATTEMPTS {
        if quickest < A_SECOND {
            break;
        }
        let name = format!("attempt-{attempt}");
        let baseline = make(lenient, &name, json!({})).await;
        quickest = quickest.min(until_goes_by(&plane.reports_under(&name), &baseline).await);
        let policy = DeleteParams::background();
        lenient.baselines().delete(&name, &policy).await.unwrap();
    }
    assert!(quickest < A_SECOND, "{quickest:?}");
    eventually("every namespace has a report under either", SOON, || async {
        let (default, lenient) = (default.versions().await?, lenient.versions().await?);
        Ok(default.keys().eq(lenient.keys()).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(
        default.versions().await.unwrap(),
        of_default,
        "a baseline is no other's business"
    );
}

async fn each_judges_by_its_own_rules(
    plane: &ControlPlane,
    operator: &Operator,
    default: &Reports,
    lenient: &Reports,
) {
    set_privileged(plane, true).await;
    for home in [None, SHOP] {
        let strict = default
            .until(home, "the failure is history", |status| {
                !history(status, "WL-04").is_empty()
            })
            .await
            .unwrap();
        assert_eq!(condition(&strict, ConditionType::Compliant).0, "False");
        // What both ask for fails under both; a privileged container may escalate as well.
        let status = lenient
            .until(home, "so is the other under the other", |status| {
                !history(status, "WL-03").is_empty()
            })
            .await
            .unwrap();
        assert_eq!(item(&status, "WL-04").reason, "Disabled");
        assert_eq!(history(&status, "WL-04"), []);
        let failing = |status: &ReportStatus| item(status, "WL-03").failing;
        assert_eq!((failing(&status), failing(&strict)), (1, 1));
    }
    let series = |baseline: &str, item: &str| {
        format!(r#"plumbline_item_status{{baseline="{baseline}",item="{item}",status="Fail"}}"#)
    };
    for (baseline, id, fails) in [
        ("default", "WL-04", 1.0),
        ("lenient", "WL-04", 0.0),
        ("default", "WL-03", 1.0),
        ("lenient", "WL-03", 1.0),
    ] {
        let value = operator.metric(&series(baseline, id)).await.unwrap();
        assert_eq!(value, Some(fails), "{baseline} {id}");
    }
    // Each report has Events of its own.
    eventually("Events tell of it", SOON, || async {
        let told = events(plane.admin_client(), "shop").await;
        let of = |id: &str| told.iter().filter(|(_, note)| note.starts_with(id)).count();
        Ok((of("WL-04") == 1 && of("WL-03") == 2).then_some(()))
    })
    .await
    .unwrap();
    set_privileged(plane, false).await;
    for reports in [default, lenient] {
        reports
            .until(None, "the repair is history", |status| {
                history(status, "WL-03").len() == 2 && drifted(status).is_empty()
            })
            .await
            .unwrap();
    }
}

async fn a_changed_baseline_is_in_its_reports_within_a_second(default: &Reports, lenient: &Reports) {
    let of_default = until_quiet(default).await;
    let mut quickest = Duration::MAX;
    for attempt in 0..ATTEMPTS {
        let why = format!("a build cluster, the {attempt}th time");
        let baseline = change(lenient, "lenient", &without("WL-06", &why)).await;
        quickest = quickest.min(until_goes_by(lenient, &baseline).await);
        let status = lenient.get(SHOP).await.unwrap();
        assert!(item(&status, "WL-06").message.contains(&why));
        assert_ne!(item(&status, "WL-04").reason, "Disabled");
        if quickest < A_SECOND {
            break;
        }
    }
    assert!(quickest < A_SECOND, "{quickest:?}");
    assert_eq!(default.versions().await.unwrap(), of_default);
}

/// Waits until the metrics have the series of a baseline, or have them no more.
async fn until_series(operator: &Operator, baseline: &str, wanted: bool) {
    let names = ["plumbline_last_evaluated_timestamp_seconds", "plumbline_drifted"];
    eventually("the metrics know the baseline or do not", SOON, || async {
        for name in names {
            let series = format!(r#"{name}{{baseline="{baseline}"}}"#);
            if operator.metric(&series).await?.is_some() != wanted {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn reports_without_a_baseline_say_so_and_go_on_when_it_comes_back() {
    let plane = ControlPlane::start(Options::default().nodes(1)).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    let kubeconfig = plane.operator_account(Kind::ALL).await.unwrap();
    let start = async || {
        Operator::start_as(&plane, &kubeconfig, "plumbline-0")
            .await
            .unwrap()
    };
    let operator = start().await;
    let (default, strict) = (plane.reports(), plane.reports_under("strict"));
    default.until_complete().await.unwrap();
    until_the_collector_knows_our_kinds(&plane).await;
    make(&strict, "strict", json!({})).await;
    strict.until_complete().await.unwrap();
    set_privileged(&plane, true).await;
    for (reports, home) in [(&default, None), (&default, SHOP), (&strict, SHOP)] {
        reports
            .until(home, "there is a history", |status| {
                !history(status, "WL-04").is_empty()
            })
            .await
            .unwrap();
    }

    let before = default.get(SHOP).await.unwrap();
    let operator = orphans_say_so_once(&plane, operator, start, &default, &strict).await;
    the_baseline_that_comes_back_takes_them_up(&default, &before).await;
    without_orphaning_reports_go_and_the_others_stay(&operator, &default, &strict).await;
    the_last_one_that_goes_leaves_room_for_the_built_in_one(&default, &strict).await;
}

async fn orphans_say_so_once(
    plane: &ControlPlane,
    operator: Operator,
    start: impl AsyncFn() -> Operator,
    default: &Reports,
    strict: &Reports,
) -> Operator {
    let orphaning = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    default.baselines().delete("default", &orphaning).await.unwrap();
    for home in [None, SHOP, Some("kube-system")] {
        let status = default
            .until(home, "the report says that it has no baseline", |status| {
                condition(status, ConditionType::Ready) == ("False", "BaselineNotFound")
            })
            .await
            .unwrap();
        for (type_, wanted) in [
            (ConditionType::Compliant, "Unknown"),
            (ConditionType::Drifted, "Unknown"),
            (ConditionType::Fresh, "False"),
            (ConditionType::Stalled, "True"),
        ] {
            assert_eq!(
                condition(&status, type_),
                (wanted, "BaselineNotFound"),
                "{home:?}"
            );
        }
        assert!(!status.items.is_empty(), "what it said stays");
    }
    until_series(&operator, "default", false).await;
    eventually("every report says so", SOON, || async {
        let mut says_so = true;
        for namespace in default.versions().await?.keys().filter(|name| !name.is_empty()) {
            let status = default.get(Some(namespace)).await?;
            says_so &= condition(&status, ConditionType::Ready).1 == "BaselineNotFound";
        }
        Ok(says_so.then_some(()))
    })
    .await
    .unwrap();

    // Nobody writes them any more, whatever happens; also not one who has just started.
    let versions = default.versions().await.unwrap();
    set_privileged(plane, false).await;
    strict
        .until(SHOP, "the other baseline goes on", |status| {
            is(status, "WL-04", ItemStatus::Pass)
        })
        .await
        .unwrap();
    operator.terminate().await.unwrap();
    let operator = start().await;
    until_series(&operator, "strict", true).await;
    sleep(CALM).await;
    assert_eq!(default.versions().await.unwrap(), versions);
    is_gone_for_good(default).await;
    operator
}

/// The garbage collector takes up to half a minute to learn of new kinds. Of a baseline that is deleted meanwhile
/// it knows no reports, so that it would not leave them behind when asked to.
async fn until_the_collector_knows_our_kinds(plane: &ControlPlane) {
    let probe = plane.reports_under("probe");
    make(&probe, "probe", json!({})).await;
    probe.until_complete().await.unwrap();
    let policy = DeleteParams::background();
    probe.baselines().delete("probe", &policy).await.unwrap();
    eventually("the garbage collector takes reports along", SOON, || async {
        Ok(probe.versions().await?.is_empty().then_some(()))
    })
    .await
    .unwrap();
}

/// Until the garbage collector has done its part, a baseline is being deleted.
async fn is_gone_for_good(default: &Reports) {
    let baselines = default.baselines();
    eventually("the baseline is gone", SOON, || async {
        Ok(baselines.get_opt("default").await?.is_none().then_some(()))
    })
    .await
    .unwrap();
    sleep(CALM).await;
    let again = baselines.get_opt("default").await.unwrap();
    assert!(again.is_none(), "none is created: there is another");
}

async fn the_baseline_that_comes_back_takes_them_up(default: &Reports, before: &ReportStatus) {
    let baseline = make(default, "default", json!({})).await;
    until_goes_by(default, &baseline).await;
    for home in [None, SHOP] {
        let status = default
            .until(home, "the repair is history", |status| {
                history(status, "WL-04").len() == 2
            })
            .await
            .unwrap();
        let (from, to, _) = history(&status, "WL-04")[0];
        let failure = (ItemStatus::Pass, ItemStatus::Fail);
        assert_eq!((from, to), failure, "it is not forgotten");
        assert_eq!(condition(&status, ConditionType::Ready), ("True", "Evaluated"));
        assert_eq!(condition(&status, ConditionType::Fresh).0, "True");
        assert_eq!(condition(&status, ConditionType::Stalled), ("", ""));
        assert_eq!(drifted(&status), [""; 0], "it is a new reference");
    }
    let status = default.get(SHOP).await.unwrap();
    assert_eq!(item(&status, "WL-06").since, item(before, "WL-06").since);
    let report = default.of_namespace("shop").get("default").await.unwrap();
    let owners = report.metadata.owner_references.unwrap_or_default();
    let owners: Vec<_> = owners.into_iter().map(|owner| Some(owner.uid)).collect();
    assert_eq!(owners, [baseline.metadata.uid]);
}

async fn without_orphaning_reports_go_and_the_others_stay(
    operator: &Operator,
    default: &Reports,
    strict: &Reports,
) {
    let of_strict = until_quiet(strict).await;
    let policy = DeleteParams::foreground();
    default.baselines().delete("default", &policy).await.unwrap();
    eventually("the reports go with their baseline", SOON, || async {
        Ok(default.versions().await?.is_empty().then_some(()))
    })
    .await
    .unwrap();
    until_series(operator, "default", false).await;
    is_gone_for_good(default).await;
    assert_eq!(default.versions().await.unwrap().len(), 0, "and stay away");
    assert_eq!(strict.versions().await.unwrap(), of_strict);
}

async fn the_last_one_that_goes_leaves_room_for_the_built_in_one(default: &Reports, strict: &Reports) {
    let policy = DeleteParams::background();
    strict.baselines().delete("strict", &policy).await.unwrap();
    let baseline = eventually("the built-in baseline is there", SOON, || async {
        Ok(default.baselines().get_opt("default").await?)
    })
    .await
    .unwrap();
    assert_eq!(baseline.spec, ComplianceBaselineSpec::default());
    until_goes_by(default, &baseline).await;
    eventually("nothing is left of the other", SOON, || async {
        Ok(strict.versions().await?.is_empty().then_some(()))
    })
    .await
    .unwrap();
}
