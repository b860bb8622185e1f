//! What the operator may not read.

use plumbline_api::{ItemStatus, ReportStatus, conditions::ConditionType, coverage::InputState};
use plumbline_baseline::{ITEMS, optional_kinds, required_kinds};
use plumbline_inventory::Kind;
use plumbline_tests::{Component, ControlPlane, Operator, Options, Reports, condition, eventually, item};
use serde_json::json;

use crate::{SOON, is, set_privileged, shop, without_input};

#[tokio::test]
async fn what_may_not_be_read_is_unknown_and_the_rest_goes_on() {
    // A stock API server fails AZ-06a, and here what is missing is to decide.
    let options = Options::default().nodes(1);
    let options = options.flag(Component::ApiServer, "--anonymous-auth=false");
    let plane = ControlPlane::start(options).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    let granted = required_kinds().into_iter().filter(|kind| *kind != Kind::CronJob);
    let kubeconfig = plane.operator_account(granted).await.unwrap();
    let operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    let reports = plane.reports();

    whatever_reads_a_forbidden_kind_says_what_grants_it(&reports, &operator).await;
    a_grant_needs_no_restart(&plane, &reports, &operator).await;
    an_optional_kind_sharpens_the_verdict(&plane, &reports, &operator).await;
}

async fn synced(operator: &Operator, kind: &str) -> anyhow::Result<Option<f64>> {
    let series = format!(r#"plumbline_input_synced{{kind="{kind}"}}"#);
    operator.metric(&series).await
}

async fn whatever_reads_a_forbidden_kind_says_what_grants_it(reports: &Reports, operator: &Operator) {
    let status = reports.until_complete().await.unwrap();
    let mut blind: Vec<&str> = Vec::new();
    for known in ITEMS.into_iter().filter(|item| item.is_implemented()) {
        let result = item(&status, known.id);
        if known.reads.contains(&Kind::CronJob) {
            blind.push(known.id);
            assert_eq!(
                (result.status, result.reason.as_str()),
                (ItemStatus::Unknown, "InputForbidden")
            );
            assert_eq!(result.missing_evidence[0].source, "cronjobs.batch");
            assert!(
                result.missing_evidence[0]
                    .grant
                    .contains("list and watch on cronjobs.batch")
            );
        } else {
            assert!(!result.reason.starts_with("Input"), "{result:?}");
        }
    }
    assert!(blind.contains(&"WL-04"));
    assert_eq!(without_input(&status), blind);
    assert_eq!(state(&status, Kind::CronJob), Some(InputState::Forbidden));
    assert_eq!(state(&status, Kind::Deployment), Some(InputState::Synced));
    // It is settled: nothing else is to be expected.
    assert_eq!(condition(&status, ConditionType::Fresh), ("True", "InputsSynced"));
    assert_eq!(condition(&status, ConditionType::Ready), ("True", "Evaluated"));
    assert_eq!(
        condition(&status, ConditionType::Compliant),
        ("Unknown", "EvidenceMissing")
    );
    assert_eq!(synced(operator, "CronJob.batch").await.unwrap(), Some(0.0));
    assert_eq!(synced(operator, "Pod").await.unwrap(), Some(1.0));
    assert!(operator.is_ok("/readyz").await.unwrap());
}

async fn a_grant_needs_no_restart(plane: &ControlPlane, reports: &Reports, operator: &Operator) {
    // Meanwhile what is known is kept up to date.
    set_privileged(plane, true).await;
    reports
        .until(None, "the message has what is known", |status| {
            item(status, "WL-04")
                .message
                .contains("of what is known, 1 of 1 workload")
        })
        .await
        .unwrap();

    plane.operator_account(required_kinds()).await.unwrap();
    let status = reports
        .until(None, "the items recover", |status| {
            without_input(status).is_empty()
        })
        .await
        .unwrap();
    assert!(is(&status, "WL-04", ItemStatus::Fail));
    assert_eq!(state(&status, Kind::CronJob), Some(InputState::Synced));
    eventually("the metric recovers", SOON, || async {
        Ok((synced(operator, "CronJob.batch").await? == Some(1.0)).then_some(()))
    })
    .await
    .unwrap();
}

async fn an_optional_kind_sharpens_the_verdict(plane: &ControlPlane, reports: &Reports, operator: &Operator) {
    // It is not asked for by force: the item decides without it and says so.
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings", "namespace": "shop" },
        "data": { "DB_PASSWORD": "correct-horse-battery" },
    });
    plane.apply(&map.to_string()).await.unwrap();
    let status = reports.get(None).await.unwrap();
    let secrets = item(&status, "SE-02a");
    assert_eq!(secrets.status, ItemStatus::Pass, "{secrets:?}");
    assert!(
        secrets.message.contains("configmaps not read"),
        "{}",
        secrets.message
    );
    assert_eq!(state(&status, Kind::ConfigMap), None);
    assert!(optional_kinds().contains(&Kind::ConfigMap));

    // It is asked for once a minute, and at a start.
    plane.operator_account(Kind::ALL).await.unwrap();
    eventually("the grant is noticed", SOON * 2, || async {
        Ok((synced(operator, "ConfigMap").await? == Some(1.0)).then_some(()))
    })
    .await
    .unwrap();
    for home in [None, Some("shop")] {
        let status = reports
            .until(home, "the ConfigMap is found", |status| {
                is(status, "SE-02a", ItemStatus::Fail)
            })
            .await
            .unwrap();
        let finding = &item(&status, "SE-02a").sample[0];
        assert_eq!(
            (finding.kind.as_str(), finding.name.as_str()),
            ("ConfigMap", "settings")
        );
        let text = serde_json::to_string(&status).unwrap();
        assert!(!text.contains("correct-horse"), "a report shows no secret");
    }
}

#[tokio::test]
async fn a_right_that_is_withdrawn_is_missed_within_the_life_of_a_watch() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    let kubeconfig = plane.operator_account(required_kinds()).await.unwrap();
    let operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    let reports = plane.reports();
    let before = reports.until_complete().await.unwrap();
    assert_eq!(without_input(&before), [""; 0]);

    let left = required_kinds()
        .into_iter()
        .filter(|kind| *kind != Kind::LimitRange);
    plane.operator_account(left).await.unwrap();
    // The API server lets a watch go on that has begun, for a minute; a quarter of one more, and it counts.
    let status = eventually("the loss is reported", SOON * 3, || async {
        let status = reports.get(None).await?;
        Ok((state(&status, Kind::LimitRange) == Some(InputState::Forbidden)).then_some(status))
    })
    .await
    .unwrap();
    let lost = item(&status, "WL-10a");
    assert_eq!(
        (lost.status, lost.reason.as_str()),
        (ItemStatus::Unknown, "InputForbidden")
    );
    assert_eq!(item(&status, "WL-04").status, item(&before, "WL-04").status);
    assert_eq!(synced(&operator, "LimitRange").await.unwrap(), Some(0.0));

    plane.operator_account(required_kinds()).await.unwrap();
    reports
        .until(None, "it is read again", |status| {
            without_input(status).is_empty() && is(status, "WL-10a", item(&before, "WL-10a").status)
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_kind_that_is_not_served_makes_just_its_items_unknown() {
    let options = Options::default()
        .flag(Component::ApiServer, "--runtime-config=node.k8s.io/v1=false")
        .flag(Component::ApiServer, "--disable-admission-plugins=RuntimeClass");
    let plane = ControlPlane::start(options).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    let kubeconfig = plane.operator_account(required_kinds()).await.unwrap();
    let operator = Operator::start_as(&plane, &kubeconfig, "plumbline-0")
        .await
        .unwrap();
    let status = plane.reports().until_complete().await.unwrap();
    assert_eq!(state(&status, Kind::RuntimeClass), Some(InputState::Absent));
    let readers: Vec<&str> = ITEMS
        .into_iter()
        .filter(|known| known.is_implemented() && known.reads.contains(&Kind::RuntimeClass))
        .map(|known| known.id)
        .collect();
    assert!(!readers.is_empty());
    assert_eq!(without_input(&status), readers);
    for id in readers {
        let result = item(&status, id);
        assert_eq!(
            (result.status, result.reason.as_str()),
            (ItemStatus::Unknown, "InputAbsent")
        );
        assert_eq!(result.missing_evidence[0].source, "runtimeclasses.node.k8s.io");
    }
    assert_eq!(condition(&status, ConditionType::Ready), ("True", "Evaluated"));
    assert_eq!(
        synced(&operator, "RuntimeClass.node.k8s.io").await.unwrap(),
        Some(0.0)
    );
}

fn state(status: &ReportStatus, kind: Kind) -> Option<InputState> {
    let input = status
        .coverage
        .iter()
        .find(|input| input.kind == kind.as_str() && input.group == kind.group());
    input.map(|input| input.state)
}
