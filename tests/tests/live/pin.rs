//! The reference that somebody pins.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use plumbline_api::history::{Reference, ReferenceKind};
use plumbline_api::{Drift, ItemStatus, ReportStatus, conditions::ConditionType};
use plumbline_inventory::Kind;
use plumbline_tests::{ControlPlane, Operator, Options, Reports, condition, item};
use serde_json::{Value, json};

use crate::{drifted, history, is, kubectl, set_privileged, shop};

const SHOP: Option<&str> = Some("shop");

#[tokio::test]
async fn drift_is_measured_against_what_somebody_pinned() {
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
    let reports = plane.reports();
    reports.until_complete().await.unwrap();
    set_privileged(&plane, true).await;
    let before = until_drift(&reports, Drift::Regressed).await;

    let first = "2026-11-24T10:00:00Z";
    pin(&reports, &json!({ "time": first, "by": "alice" })).await;
    for (home, before) in [None, SHOP].into_iter().zip(&before) {
        let status = until_reference(&reports, home, first, "alice").await;
        let reference = status.reference.as_ref().unwrap();
        assert_eq!(pinned(reference), (ItemStatus::Fail, 1));
        assert_eq!(drifted(&status), [""; 0]);
        assert_eq!(item(&status, "WL-04").failing_change, Some(0));
        assert_eq!(condition(&status, ConditionType::Drifted).1, "MatchesReference");
        // That is all it does.
        assert_eq!(status.history, before.history);
        assert_eq!(item(&status, "WL-04").since, item(before, "WL-04").since);
        assert_eq!(item(&status, "WL-06").since, item(before, "WL-06").since);
    }
    let table = kubectl(&plane, &["get", "cbl", "default", "-o", "wide"]).await;
    assert!(table.contains("PINNED") && table.contains("alice"), "{table}");

    // A repair is an improvement on it, and another rule leaves it as it is.
    set_privileged(&plane, false).await;
    until_drift(&reports, Drift::Improved).await;
    let rule = json!({ "spec": { "items": [{ "id": "WL-06", "severity": "low" }] } });
    patch(&reports, &rule).await;
    let status = reports
        .until(SHOP, "the report goes by the new rule", |status| {
            status.baseline.as_ref().is_some_and(|by| by.generation == 3)
        })
        .await
        .unwrap();
    assert_eq!(item(&status, "WL-04").drift, Drift::Improved);

    // Once taken, it is not taken again by whoever comes next.
    operator.terminate().await.unwrap();
    let operator = start().await;
    set_privileged(&plane, true).await;
    let status = reports
        .until(SHOP, "the state that was pinned is back", |status| {
            let last = history(status, "WL-04").pop();
            last.is_some_and(|(_, to, _)| to == ItemStatus::Fail)
        })
        .await
        .unwrap();
    assert_eq!(status.reference.as_ref().map(pinned), Some((ItemStatus::Fail, 1)));
    assert_eq!(
        drifted(&status),
        [""; 0],
        "the present value equals the reference"
    );

    // One that nobody saw is taken by whoever comes next.
    operator.terminate().await.unwrap();
    let second = "2026-11-24T11:00:00Z";
    pin(&reports, &json!({ "time": second, "by": "bob" })).await;
    set_privileged(&plane, false).await;
    let _operator = start().await;
    for home in [None, SHOP] {
        let status = until_reference(&reports, home, second, "bob").await;
        assert_eq!(status.reference.as_ref().map(pinned), Some((ItemStatus::Pass, 0)));
    }

    // Without one, the next evaluation is the reference.
    pin(&reports, &Value::Null).await;
    for home in [None, SHOP] {
        let status = reports
            .until(home, "nothing is pinned any more", |status| {
                let reference = status.reference.as_ref();
                reference.is_some_and(|reference| reference.kind == ReferenceKind::Initial)
            })
            .await
            .unwrap();
        assert_eq!(
            status
                .reference
                .as_ref()
                .and_then(|reference| reference.by.as_ref()),
            None
        );
        assert_eq!(drifted(&status), [""; 0]);
        assert!(is(&status, "WL-04", ItemStatus::Pass));
        assert!(!history(&status, "WL-04").is_empty());
    }
}

async fn patch(reports: &Reports, patch: &Value) {
    let baselines = reports.baselines();
    let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
    baselines.patch("default", &params, &patch).await.unwrap();
}

async fn pin(reports: &Reports, pin: &Value) {
    patch(reports, &json!({ "spec": { "pin": pin } })).await;
}

/// What a reference says of the item that changes here.
fn pinned(reference: &Reference) -> (ItemStatus, i32) {
    let item = reference.items.iter().find(|item| item.id == "WL-04").unwrap();
    (item.status, item.failing)
}

/// Waits until both reports show how the item compares with the reference.
async fn until_drift(reports: &Reports, drift: Drift) -> [ReportStatus; 2] {
    let until = async |home| {
        let what = format!("the item has drifted: {drift}");
        let shows = |status: &ReportStatus| item(status, "WL-04").drift == drift;
        reports.until(home, &what, shows).await.unwrap()
    };
    [until(None).await, until(SHOP).await]
}

async fn until_reference(reports: &Reports, home: Option<&str>, time: &str, by: &str) -> ReportStatus {
    let time = Time(time.parse::<Timestamp>().unwrap());
    reports
        .until(home, "the report has what was pinned", |status| {
            status.reference.as_ref().is_some_and(|reference| {
                reference.kind == ReferenceKind::Pin
                    && reference.time == time
                    && reference.by.as_deref() == Some(by)
            })
        })
        .await
        .unwrap()
}
