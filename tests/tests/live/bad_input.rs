//! What people and clusters do to an operator.

use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams};
use plumbline_api::{ItemStatus, Level, ReportStatus, Severity, conditions::ConditionType};
use plumbline_tests::{ControlPlane, Operator, Options, Reports, condition, eventually, item};
use serde_json::json;
use tokio::time::sleep;

use crate::{SOON, is, kubectl, namespace, set_privileged, shop, web, with_web};

#[tokio::test]
async fn the_operator_says_what_is_wrong_and_goes_on() {
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    plane.apply(&shop().to_string()).await.unwrap();
    plane
        .apply(&namespace("plumbline-system").to_string())
        .await
        .unwrap();
    plane.apply(&with_web("locked", 1).to_string()).await.unwrap();
    let reports = plane.reports();

    let operator = without_definitions_it_says_what_to_apply_and_waits(&plane, &reports).await;
    a_baseline_is_honoured_as_far_as_it_can_be(&reports).await;
    a_deleted_baseline_is_made_again(&reports).await;
    a_report_that_is_refused_holds_up_no_other(&plane, &reports, &operator).await;
}

async fn without_definitions_it_says_what_to_apply_and_waits(
    plane: &ControlPlane,
    reports: &Reports,
) -> Operator {
    let mut operator = Operator::start(plane).await.unwrap();
    eventually("the log says what to apply", SOON, || async {
        let log = operator.log();
        Ok(log.contains("kubectl apply -k config/default").then_some(()))
    })
    .await
    .unwrap();
    operator.check().unwrap();
    plane.install_crds().await.unwrap();
    reports.until_complete().await.unwrap();
    operator
}

async fn a_baseline_is_honoured_as_far_as_it_can_be(reports: &Reports) {
    let before = reports.get(None).await.unwrap();
    assert_ne!(item(&before, "WL-06").level, Some(Level::Recommended));
    let patch = json!({ "spec": { "items": [
        { "id": "WL-99" },
        { "id": "WL-05", "enabled": false, "reason": "a build cluster" },
        { "id": "WL-06", "level": "recommended", "severity": "low" },
    ]}});
    let baselines = reports.baselines();
    baselines
        .patch("default", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
    let status = eventually("the baseline is told", SOON, || async {
        let status = baselines.get_status("default").await?.status.unwrap_or_default();
        Ok((status.observed_generation == Some(2)).then_some(status))
    })
    .await
    .unwrap();
    let valid = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Valid")
        .unwrap();
    assert_eq!(
        (valid.status.as_str(), valid.reason.as_str()),
        ("False", "UnknownItem")
    );
    assert!(valid.message.contains("WL-99"), "{}", valid.message);
    let status = reports
        .until(None, "the report goes by the new generation", |status| {
            status
                .baseline
                .as_ref()
                .is_some_and(|baseline| baseline.generation == 2)
        })
        .await
        .unwrap();
    let disabled = item(&status, "WL-05");
    assert_eq!(
        (disabled.status, disabled.reason.as_str()),
        (ItemStatus::NotApplicable, "Disabled")
    );
    assert!(disabled.message.contains("a build cluster"));
    let overridden = item(&status, "WL-06");
    assert_eq!(overridden.level, Some(Level::Recommended));
    assert_eq!(overridden.severity, Some(Severity::Low));
    let of_shop = reports
        .until(Some("shop"), "so does that of a namespace", |status| {
            item(status, "WL-05").reason == "Disabled"
        })
        .await
        .unwrap();
    assert_eq!(
        condition(&of_shop, ConditionType::Drifted).0,
        "False",
        "it is a new reference"
    );
}

async fn a_deleted_baseline_is_made_again(reports: &Reports) {
    let baselines = reports.baselines();
    let old = baselines.get("default").await.unwrap().metadata.uid;
    baselines
        .delete("default", &DeleteParams::default())
        .await
        .unwrap();
    let new = eventually("there is a baseline again", SOON, || async {
        let baseline = baselines.get_opt("default").await?;
        let uid = baseline.and_then(|baseline| baseline.metadata.uid);
        Ok(uid.filter(|uid| Some(uid) != old.as_ref()))
    })
    .await
    .unwrap();
    eventually("reports belong to it", SOON, || async {
        let of_cluster = reports.of_cluster().get("default").await?;
        let of_shop = reports.of_namespace("shop").get("default").await?;
        let follows = |meta: &kube::api::ObjectMeta, status: Option<&ReportStatus>| {
            let owners = meta.owner_references.iter().flatten();
            let goes_by = status.and_then(|status| status.baseline.as_ref());
            owners.map(|owner| &owner.uid).eq([&new]) && goes_by.is_some_and(|baseline| baseline.uid == new)
        };
        Ok((follows(&of_cluster.metadata, of_cluster.status.as_ref())
            && follows(&of_shop.metadata, of_shop.status.as_ref()))
        .then_some(()))
    })
    .await
    .unwrap();
    let status = reports.until_complete().await.unwrap();
    assert_ne!(item(&status, "WL-05").reason, "Disabled");
}

async fn a_report_that_is_refused_holds_up_no_other(
    plane: &ControlPlane,
    reports: &Reports,
    operator: &Operator,
) {
    let policy = json!({ "apiVersion": "v1", "kind": "List", "items": [
        {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": "no-reports" },
            "spec": {
                "matchConstraints": { "resourceRules": [{
                    "apiGroups": [plumbline_api::GROUP], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
                    "resources": ["compliancereports", "compliancereports/status"],
                }]},
                "validations": [{
                    "expression": "object.metadata.namespace != 'locked'", "message": "no reports here",
                }],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": "no-reports" },
            "spec": { "policyName": "no-reports", "validationActions": ["Deny"] },
        },
    ]});
    plane.apply(&policy.to_string()).await.unwrap();
    eventually("the policy is in force", SOON, || async {
        let label = [
            "-n",
            "locked",
            "label",
            "cpr",
            "default",
            "try=1",
            "--overwrite",
            "--dry-run=server",
        ];
        let answer = plane.kubectl(label).await?;
        Ok((!answer.status.success()).then_some(()))
    })
    .await
    .unwrap();

    plane.apply(&web("locked", 1, true).to_string()).await.unwrap();
    let status = reports
        .until(None, "the cluster's report says that one is refused", |status| {
            condition(status, ConditionType::Stalled) == ("True", "WriteRefused")
        })
        .await
        .unwrap();
    let message = &status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Stalled")
        .unwrap()
        .message;
    assert!(
        message.contains("namespace locked") && message.contains("no reports here"),
        "{message}"
    );
    assert!(is(&status, "WL-04", ItemStatus::Fail));
    assert!(is(
        &reports.get(Some("locked")).await.unwrap(),
        "WL-04",
        ItemStatus::Pass
    ));
    set_privileged(plane, true).await;
    for home in [None, Some("shop")] {
        let wanted = if home.is_none() { 2 } else { 1 };
        reports
            .until(home, "the others go on", |status| {
                item(status, "WL-04").failing == wanted
            })
            .await
            .unwrap();
    }
    let refused = r#"plumbline_report_writes_total{kind="ComplianceReport",result="refused"}"#;
    eventually("it is tried again", SOON, || async {
        let count = operator.metric(refused).await?;
        Ok((count >= Some(2.0)).then_some(()))
    })
    .await
    .unwrap();

    kubectl(
        plane,
        &["delete", "validatingadmissionpolicybinding", "no-reports"],
    )
    .await;
    reports
        .until(Some("locked"), "the report is written in the end", |status| {
            is(status, "WL-04", ItemStatus::Fail)
        })
        .await
        .unwrap();
    reports
        .until(
            None,
            "the cluster's report has nothing to complain about",
            |status| condition(status, ConditionType::Stalled) == ("", ""),
        )
        .await
        .unwrap();
    // Nothing is left to be tried again.
    let count = operator.metric(refused).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    assert_eq!(operator.metric(refused).await.unwrap(), count);
}
