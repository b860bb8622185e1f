//! The main job: what is wrong in the cluster stands in the reports, and what happened in their history.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Resource as _, api::ListParams};
use plumbline_api::{ItemStatus, Severity, conditions::ConditionType, history::ReferenceKind};
use plumbline_baseline::ITEMS;
use plumbline_tests::{Component, ControlPlane, Operator, Options, Reports, condition, eventually, item};
use serde_json::json;

use crate::{SOON, drifted, events, history, is, kubectl, namespace, set_privileged, shop};

const SHOP: Option<&str> = Some("shop");

#[tokio::test]
async fn the_reports_tell_what_is_wrong_and_what_happened() {
    // A stock API server fails AZ-06a, and here nothing is to fail at first.
    let options = Options::default().nodes(1);
    let options = options.flag(Component::ApiServer, "--anonymous-auth=false");
    let plane = ControlPlane::start(options).await.unwrap();
    plane.install_crds().await.unwrap();
    // Without them the report says that nothing proves who approves.
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/policies");
    kubectl(&plane, &["apply", "-k", policies]).await;
    plane.apply(&shop().to_string()).await.unwrap();
    kubectl(&plane, &["-n", "shop", "rollout", "status", "deployment/web"]).await;
    let _operator = Operator::start(&plane).await.unwrap();
    let reports = plane.reports();

    every_report_is_complete_and_nothing_else(&plane, &reports).await;
    kubectl_shows_the_columns(&plane).await;
    a_failure_shows_at_once_and_is_history_once_it_has_held(&plane, &reports).await;
    a_repair_ends_the_drift_at_once(&plane, &reports).await;
    what_does_not_hold_is_no_history_and_namespaces_come_and_go(&plane, &reports).await;
}

async fn every_report_is_complete_and_nothing_else(plane: &ControlPlane, reports: &Reports) {
    let status = reports.until_complete().await.unwrap();
    let baseline = reports.baselines().get("default").await.unwrap();
    let uid = baseline.metadata.uid.clone().unwrap();

    let ids: Vec<&str> = status.items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids.len(), 79);
    assert_eq!(ids, ITEMS.map(|item| item.id));
    assert_eq!(status.baseline.as_ref().unwrap().uid, uid);
    let system: Api<Namespace> = Api::all(plane.admin_client());
    let system = system.get("kube-system").await.unwrap();
    assert_eq!(status.cluster_id, system.metadata.uid);
    assert!(!status.coverage.is_empty());

    let of_cluster = reports.of_cluster().get("default").await.unwrap();
    assert_eq!(owner(&of_cluster.metadata), ("ComplianceBaseline", uid.as_str()));
    assert_eq!(status.observed_generation, of_cluster.metadata.generation);

    let wanted: Vec<&str> = ITEMS
        .into_iter()
        .filter(|item| item.scope.is_namespaced())
        .map(|item| item.id)
        .collect();
    let namespaces: Api<Namespace> = Api::all(plane.admin_client());
    for namespace in namespaces.list(&ListParams::default()).await.unwrap() {
        let name = namespace.metadata.name.unwrap();
        let what = format!("namespace {name} has a report");
        let status = reports
            .until(Some(&name), &what, |status| !status.items.is_empty())
            .await
            .unwrap();
        let ids: Vec<&str> = status.items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids, wanted, "{name}");
        let report = reports.of_namespace(&name).get("default").await.unwrap();
        assert_eq!(owner(report.meta()), ("ComplianceBaseline", uid.as_str()));
    }

    for home in [None, SHOP] {
        let status = reports.get(home).await.unwrap();
        let failing: Vec<&str> = status
            .items
            .iter()
            .filter(|item| item.status == ItemStatus::Fail)
            .map(|item| item.id.as_str())
            .collect();
        assert_eq!(failing, [""; 0]);
        assert_eq!(condition(&status, ConditionType::Ready), ("True", "Evaluated"));
        assert_eq!(condition(&status, ConditionType::Fresh), ("True", "InputsSynced"));
        // Items that nobody can decide yet leave the verdict open.
        assert_eq!(
            condition(&status, ConditionType::Compliant),
            ("Unknown", "EvidenceMissing")
        );
        assert_eq!(
            condition(&status, ConditionType::Drifted),
            ("False", "MatchesReference")
        );
        assert_eq!(status.conditions.len(), 4, "{:?}", status.conditions);
        assert_eq!(status.reference.as_ref().unwrap().kind, ReferenceKind::Initial);
        assert_eq!(status.reference.as_ref().unwrap().items.len(), status.items.len());
        assert_eq!(status.history, []);
    }
    let baseline = eventually("the baseline has a status", SOON, || async {
        Ok(reports.baselines().get_status("default").await?.status)
    });
    let conditions = baseline.await.unwrap().conditions;
    let conditions: Vec<_> = conditions
        .iter()
        .map(|condition| (condition.type_.as_str(), condition.status.as_str()))
        .collect();
    assert_eq!(conditions, [("Ready", "True"), ("Valid", "True")]);
}

fn owner(meta: &kube::api::ObjectMeta) -> (&str, &str) {
    match meta.owner_references.as_deref() {
        Some([owner]) => (&owner.kind, &owner.uid),
        other => panic!("one owner is wanted: {other:?}"),
    }
}

async fn kubectl_shows_the_columns(plane: &ControlPlane) {
    let table = kubectl(plane, &["get", "plumbline", "-A"]).await;
    let headers: BTreeSet<Vec<&str>> = table
        .lines()
        .filter(|line| line.contains("AGE"))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let columns = "COMPLIANT SCORE FAIL PASS WAIVED UNKNOWN DRIFT EVALUATED AGE";
    let headers: Vec<String> = headers.into_iter().map(|header| header.join(" ")).collect();
    assert!(headers.contains(&format!("NAMESPACE NAME {columns}")), "{table}");
    assert!(
        table.contains("clustercompliancereport.compliance.plumbline.dev/default"),
        "{table}"
    );
    let row = kubectl(plane, &["get", "cpr", "-n", "shop", "--no-headers"]).await;
    let row: Vec<&str> = row.split_whitespace().collect();
    assert_eq!((row[0], row[1], row[3]), ("default", "Unknown", "0"), "{row:?}");
    let wide = kubectl(plane, &["get", "clcr", "-o", "wide"]).await;
    let header = wide
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert_eq!(header, format!("NAME {columns} MANUAL ATTESTED NOT-APPLICABLE"));
}

async fn a_failure_shows_at_once_and_is_history_once_it_has_held(plane: &ControlPlane, reports: &Reports) {
    set_privileged(plane, true).await;
    for home in [None, SHOP] {
        let status = reports
            .until(home, "the privileged Deployment is reported", |status| {
                is(status, "WL-04", ItemStatus::Fail)
            })
            .await
            .unwrap();
        let result = item(&status, "WL-04");
        assert_eq!(
            (result.reason.as_str(), result.failing),
            ("PrivilegedContainer", 1)
        );
        assert_eq!(
            condition(&status, ConditionType::Compliant),
            ("False", "RequirementsFailed")
        );
        assert_eq!(condition(&status, ConditionType::Ready).0, "True");
        // It has not held yet.
        assert_eq!((drifted(&status), status.history.len()), (vec![], 0));
        let finding = &result.sample[0];
        assert_eq!(
            (finding.kind.as_str(), finding.name.as_str()),
            ("Deployment", "web")
        );
        assert_eq!(finding.namespace.as_deref(), SHOP);
        assert_eq!(finding.container.as_deref(), Some("web"));
        assert_eq!(finding.severity, Severity::Critical);
        assert!(finding.message.contains("privileged"), "{finding:?}");
        let namespaces: Vec<_> = result
            .namespaces
            .iter()
            .map(|n| (n.name.as_str(), n.failing))
            .collect();
        let wanted: &[_] = if home.is_none() { &[("shop", 1)] } else { &[] };
        assert_eq!(namespaces, wanted);
    }
    for (home, events_in) in [(None, "default"), (SHOP, "shop")] {
        let status = reports
            .until(home, "the failure is history", |status| {
                !history(status, "WL-04").is_empty()
            })
            .await
            .unwrap();
        assert_eq!(
            history(&status, "WL-04"),
            [(ItemStatus::Pass, ItemStatus::Fail, "Deployment shop/web")]
        );
        let since = item(&status, "WL-04").since.clone();
        assert_eq!(status.history[0].time, since);
        let now = status.last_evaluated.clone().unwrap();
        assert!(now.0.duration_since(since.0).as_secs() >= 10, "{since:?} {now:?}");
        let status = reports
            .until(home, "the report has drifted", |status| {
                drifted(status).contains(&"WL-04")
            })
            .await
            .unwrap();
        assert_eq!(
            condition(&status, ConditionType::Drifted),
            ("True", "DiffersFromReference")
        );
        assert_eq!(item(&status, "WL-04").drift, plumbline_api::Drift::Regressed);
        assert_eq!(item(&status, "WL-04").failing_change, Some(1));
        let told = eventually("an Event tells of it", SOON, || async {
            let events = events(plane.admin_client(), events_in).await;
            let event = events.into_iter().find(|(_, note)| note.starts_with("WL-04"));
            Ok(event)
        });
        let (reason, note) = told.await.unwrap();
        assert_eq!(reason, "ItemFail");
        assert!(
            note.contains("Pass → Fail") && note.contains("cause: Deployment shop/web"),
            "{note}"
        );
    }
    // Counts may take half a minute.
    let status = reports
        .until(None, "the pod is counted", |status| {
            item(status, "WL-04").pods == 1
        })
        .await
        .unwrap();
    assert_eq!(status.summary.unwrap().drifted, drifted_count(&status.items));
}

fn drifted_count(items: &[plumbline_api::ItemResult]) -> i32 {
    items
        .iter()
        .filter(|item| item.drift != plumbline_api::Drift::None)
        .count() as i32
}

async fn a_repair_ends_the_drift_at_once(plane: &ControlPlane, reports: &Reports) {
    set_privileged(plane, false).await;
    for home in [None, SHOP] {
        let status = reports
            .until(home, "the repair is reported", |status| {
                is(status, "WL-04", ItemStatus::Pass)
            })
            .await
            .unwrap();
        assert_eq!(item(&status, "WL-04").drift, plumbline_api::Drift::None);
        assert_eq!(item(&status, "WL-04").failing_change, Some(0));
        assert_eq!(history(&status, "WL-04").len(), 1, "it has not held yet");
        assert_eq!(item(&status, "WL-04").sample, []);
    }
    for home in [None, SHOP] {
        let status = reports
            .until(home, "the repair is history", |status| {
                history(status, "WL-04").len() == 2
            })
            .await
            .unwrap();
        let repair = (ItemStatus::Fail, ItemStatus::Pass, "Deployment shop/web");
        assert_eq!(history(&status, "WL-04")[1], repair);
        assert_eq!(
            condition(&status, ConditionType::Drifted),
            ("False", "MatchesReference")
        );
    }
}

async fn what_does_not_hold_is_no_history_and_namespaces_come_and_go(
    plane: &ControlPlane,
    reports: &Reports,
) {
    let before = reports.get(SHOP).await.unwrap();
    set_privileged(plane, true).await;
    reports
        .until(SHOP, "the flap is seen", |status| {
            is(status, "WL-04", ItemStatus::Fail)
        })
        .await
        .unwrap();
    set_privileged(plane, false).await;
    let after = reports
        .until(SHOP, "the flap is over", |status| {
            is(status, "WL-04", ItemStatus::Pass)
        })
        .await
        .unwrap();
    assert_eq!(
        item(&after, "WL-04").since,
        item(&before, "WL-04").since,
        "what has come back has never been away"
    );

    // Something that does hold, and that began after the flap had: when it is history, the flap would be, too.
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "tool", "namespace": "lab" },
        "spec": { "serviceAccountName": "tool", "hostNetwork": true, "containers": [{ "name": "tool", "image": "registry.example/tool:1" }] },
    });
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "tool", "namespace": "lab" },
    });
    let lab = json!({ "apiVersion": "v1", "kind": "List", "items": [namespace("lab"), account, pod] });
    plane.apply(&lab.to_string()).await.unwrap();
    reports
        .until(Some("lab"), "the new namespace has a report", |status| {
            is(status, "WL-07", ItemStatus::Fail)
        })
        .await
        .unwrap();
    let status = reports
        .until(None, "what holds is history", |status| {
            !history(status, "WL-07").is_empty()
        })
        .await
        .unwrap();
    assert_eq!(history(&status, "WL-04").len(), 2, "the flap is not");
    assert_eq!(item(&status, "WL-07").namespaces[0].name, "lab");
    assert_eq!(history(&reports.get(SHOP).await.unwrap(), "WL-04").len(), 2);
    // The first status of an item is no event, and the first report of a namespace its reference once it has held.
    let status = reports
        .until(Some("lab"), "the new report has a reference", |status| {
            status.reference.is_some()
        })
        .await
        .unwrap();
    assert_eq!((status.history.len(), drifted(&status)), (0, vec![]));

    kubectl(plane, &["delete", "namespace", "lab", "--wait=false"]).await;
    let status = reports
        .until(None, "the cluster's report forgets the namespace", |status| {
            item(status, "WL-07").namespaces.is_empty()
        })
        .await
        .unwrap();
    assert_ne!(item(&status, "WL-07").status, ItemStatus::Fail);
    eventually("the namespace takes its report along", SOON, || async {
        let namespaces: Api<Namespace> = Api::all(plane.admin_client());
        Ok(namespaces.get_opt("lab").await?.is_none().then_some(()))
    })
    .await
    .unwrap();
    assert!(!reports.versions().await.unwrap().contains_key("lab"));
}
