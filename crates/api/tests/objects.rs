//! Objects as the contract shows them: read, written back, and nothing lost.

use kube::ResourceExt;
use plumbline_api::baseline::{ComplianceBaselineSpec, ItemOverride};
use plumbline_api::{
    ClusterComplianceApproval, ClusterComplianceReport, ClusterComplianceWaiver, ComplianceApproval,
    ComplianceAttestation, ComplianceBaseline, ComplianceReport, ComplianceWaiver, Drift, ItemStatus, Level,
    Severity, crds, manifest,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The object in a file of `tests/objects`, which must come out as it went in.
fn round_trip<K: DeserializeOwned + Serialize>(yaml: &str) -> K {
    let wire: Value = serde_saphyr::from_str(yaml).expect("the file is YAML");
    let object: K = serde_json::from_value(wire.clone()).expect("the object can be read");
    assert_eq!(
        serde_json::to_value(&object).expect("the object can be written"),
        wire
    );
    object
}

#[test]
fn cluster_report() {
    let report: ClusterComplianceReport = round_trip(include_str!("objects/clustercompliancereport.yaml"));
    let status = report.status.expect("the report has a status");
    let summary = status.summary.expect("the status has a summary");
    assert_eq!((summary.total, summary.score, summary.drifted), (79, Some(68), 1));
    let item = &status.items[0];
    assert_eq!(
        (item.status, item.level, item.severity),
        (ItemStatus::Fail, Some(Level::Required), Some(Severity::Critical))
    );
    assert_eq!((item.drift, item.failing_change), (Drift::Regressed, Some(2)));
    assert_eq!(item.more, item.findings - 1);
    assert_eq!(status.coverage[0].group, "");
}

#[test]
fn report() {
    let report: ComplianceReport = round_trip(include_str!("objects/compliancereport.yaml"));
    assert_eq!(report.namespace().as_deref(), Some("payments"));
    let status = report.status.expect("the report has a status");
    assert_eq!(
        status.items[0].sample[0].waived.as_deref(),
        Some("SystemNamespace")
    );
    assert_eq!(
        status.items[1].sample[0].subject.as_deref(),
        Some("ServiceAccount/payments/ci")
    );
}

#[test]
fn a_cluster_report_may_have_nothing_but_conditions() {
    let report: ClusterComplianceReport = round_trip(
        r#"
apiVersion: compliance.plumbline.dev/v1alpha1
kind: ClusterComplianceReport
metadata: {name: default}
status:
  conditions:
  - {type: Ready, status: Unknown, reason: Syncing, message: "", lastTransitionTime: "2026-11-24T10:00:00Z"}
  - {type: Fresh, status: "False", reason: Syncing, message: "", lastTransitionTime: "2026-11-24T10:00:00Z"}
"#,
    );
    assert!(report.status.is_some_and(|status| status.items.is_empty()));
}

#[test]
fn baseline() {
    let baseline: ComplianceBaseline = round_trip(include_str!("objects/compliancebaseline.yaml"));
    assert!(!baseline.spec.items[0].enabled);
    assert_eq!(baseline.spec.thresholds.audit_max_age_days, 90);
}

#[test]
fn waiver() {
    let waiver: ComplianceWaiver = round_trip(include_str!("objects/compliancewaiver.yaml"));
    assert_eq!(waiver.spec.0.scope.workloads[0].name, "agent");
}

#[test]
fn cluster_waiver() {
    let waiver: ClusterComplianceWaiver = round_trip(include_str!("objects/clustercompliancewaiver.yaml"));
    assert_eq!(waiver.spec.0.scope.namespaces, ["tools"]);
}

#[test]
fn approval() {
    let approval: ComplianceApproval = round_trip(include_str!("objects/complianceapproval.yaml"));
    assert_eq!(approval.spec.0.waiver.name, "agent");
}

#[test]
fn cluster_approval() {
    let approval: ClusterComplianceApproval =
        round_trip(include_str!("objects/clustercomplianceapproval.yaml"));
    assert_eq!(approval.spec.0.approved_by, "carol@example.com");
}

#[test]
fn attestation() {
    let attestation: ComplianceAttestation = round_trip(include_str!("objects/complianceattestation.yaml"));
    assert_eq!(attestation.spec.evidence[0].tool, "kube-bench");
}

/// `api.md`: "A field left out has the value shown".
#[test]
fn the_defaults_are_those_of_the_contract() {
    let spec: ComplianceBaselineSpec =
        serde_json::from_value(json!({})).expect("every field may be left out");
    assert_eq!(spec, ComplianceBaselineSpec::default());
    let shown = json!({
        "systemNamespaces": ["kube-system", "kube-public", "kube-node-lease"],
        "systemLabels": [
            "app.kubernetes.io/part-of", "meta.helm.sh/release-name", "argocd.argoproj.io/instance",
            "kustomize.toolkit.fluxcd.io/name",
        ],
        "thresholds": {
            "wildcardBindingPercent": 10, "keylessWorkloadPercent": 50, "auditMaxAgeDays": 30,
            "dataMaxAgeDays": 180, "certificateMinDays": 14, "limitToUsageRatio": 4, "usageWindowDays": 7,
            "maxImageLayers": 10, "maxPorts": 5, "patchLag": 2,
        },
        "runAsRoot": {"unknownImageUser": "Fail", "userNamespaces": "Fail"},
        "podSecurityCountsAsPolicyEngine": false,
        "waivers": {"maxDays": 365, "warnDays": 14},
        "attestations": {"maxDays": 365},
    });
    assert_eq!(serde_json::to_value(&spec).expect("plain data"), shown);
    let item: ItemOverride =
        serde_json::from_value(json!({"id": "WL-04"})).expect("only the id is mandatory");
    assert!(item.enabled);
}

/// A part of an object is as good as none: the fields left out of it have their defaults, too.
#[test]
fn a_part_of_the_thresholds_leaves_the_others_alone() {
    let spec: ComplianceBaselineSpec =
        serde_json::from_value(json!({"thresholds": {"patchLag": 5}})).expect("the rest may be left out");
    let mut expected = ComplianceBaselineSpec::default();
    expected.thresholds.patch_lag = 5;
    assert_eq!(spec, expected);
}

/// What the API server fills in must be what the operator would have taken anyway.
#[test]
fn the_schema_has_the_same_defaults() {
    let crd = crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == "ComplianceBaseline")
        .expect("it is there");
    let schema =
        manifest(&crd)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].take();
    for given in [
        json!({}),
        json!({"thresholds": {}, "runAsRoot": {}, "waivers": {}, "attestations": {}}),
    ] {
        let mut filled = given;
        fill_in(&schema, &mut filled);
        assert_eq!(
            filled,
            serde_json::to_value(ComplianceBaselineSpec::default()).expect("plain data")
        );
    }
}

/// What the API server does with defaults.
fn fill_in(schema: &Value, object: &mut Value) {
    let (Some(properties), Some(fields)) = (schema["properties"].as_object(), object.as_object_mut()) else {
        return;
    };
    for (name, property) in properties {
        if let Some(default) = property.get("default") {
            fields.entry(name).or_insert_with(|| default.clone());
        }
        if let Some(value) = fields.get_mut(name) {
            fill_in(property, value);
        }
    }
}
