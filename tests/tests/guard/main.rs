//! The admission policies of the install: who approves and attests is who says so, and what the operator says is the
//! operator's. With real users, on a real API server.

mod absence;
mod names;
mod operator;
mod status;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kube::Client;
use plumbline_tests::requests::{Answer, get, send};
use plumbline_tests::{Component, ControlPlane, Options, eventually};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(1);
const OURS: &str = "/apis/compliance.plumbline.dev/v1alpha1";
const APPROVALS: &str = "/apis/compliance.plumbline.dev/v1alpha1/namespaces/default/complianceapprovals";
const CLUSTER_APPROVALS: &str = "/apis/compliance.plumbline.dev/v1alpha1/clustercomplianceapprovals";
const ATTESTATIONS: &str = "/apis/compliance.plumbline.dev/v1alpha1/complianceattestations";

/// Who may do what in these tests: `alice` and `bob` approve and attest, `mallory` edits waivers as tenants do, and
/// `forger` has been given more than anybody should have.
const ROLES: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: security-team}
rules:
- apiGroups: [compliance.plumbline.dev]
  resources: [complianceapprovals, clustercomplianceapprovals, complianceattestations]
  verbs: ["*"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: security-team}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: security-team}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: alice}
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: bob}
- {kind: ServiceAccount, name: pipeline, namespace: default}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: pipeline, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: tenant}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: plumbline-edit}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: mallory}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: too-much}
rules:
- apiGroups: [compliance.plumbline.dev]
  resources: ["*"]
  verbs: ["*"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: too-much}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: too-much}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: forger}
- {kind: ServiceAccount, name: plumbline, namespace: plumbline-system}
"#;

/// An API server with the install, its policies in force, and the users of these tests.
async fn guarded(options: Options) -> Result<ControlPlane> {
    let plane = ControlPlane::start(options).await?;
    kubectl(&plane, &["apply", "-k", &config("default")]).await?;
    plane.apply(ROLES).await?;
    let admin = plane.admin_client();
    for (path, forged) in forgeries() {
        let trial = format!("{path}?dryRun=All");
        let forged = &forged;
        eventually(&format!("{path} is guarded"), SOON, || async {
            let answer = send(&admin, "POST", &trial, forged).await?;
            Ok((answer.code == 403).then_some(()))
        })
        .await?;
    }
    until_status_is_guarded(&plane).await?;
    Ok(plane)
}

/// Policies come into force one by one.
async fn until_status_is_guarded(plane: &ControlPlane) -> Result<()> {
    let admin = plane.admin_client();
    let (path, waiver) = (
        format!("{OURS}/clustercompliancewaivers"),
        cluster_waiver("trial"),
    );
    send(&admin, "POST", &path, &waiver).await?.success()?;
    let status = json!({ "status": { "state": "Active", "covered": 1 } });
    eventually("statuses are guarded", SOON, || async {
        let path = format!("{path}/trial/status?dryRun=All");
        let answer = send(&admin, "PATCH", &path, &status).await?;
        Ok((answer.code == 403).then_some(()))
    })
    .await?;
    send(&admin, "DELETE", &format!("{path}/trial"), &Value::Null)
        .await?
        .success()?;
    Ok(())
}

/// What is made in the name of somebody who makes no request in these tests.
fn forgeries() -> [(&'static str, Value); 3] {
    [
        (APPROVALS, approval("forged", "carol")),
        (CLUSTER_APPROVALS, cluster_approval("forged", "carol")),
        (ATTESTATIONS, attestation("forged", "carol")),
    ]
}

/// An API server alone: policies are its own business.
fn server() -> Options {
    Options::default()
        .without(Component::ControllerManager)
        .without(Component::Scheduler)
        .without(Component::Kwok)
}

fn approval(name: &str, by: &str) -> Value {
    approval_of("ComplianceApproval", name, by)
}

fn cluster_approval(name: &str, by: &str) -> Value {
    approval_of("ClusterComplianceApproval", name, by)
}

fn approval_of(kind: &str, name: &str, by: &str) -> Value {
    object(
        kind,
        name,
        &json!({
            "waiver": { "name": "legacy", "uid": "1d1f0b41-1111-4c4c-8d8d-000000000001" },
            "specDigest": "ab".repeat(32),
            "approvedBy": by,
        }),
    )
}

fn attestation(name: &str, by: &str) -> Value {
    object(
        "ComplianceAttestation",
        name,
        &json!({
            "items": ["AU-03a"], "statement": "checked", "attestedBy": by, "validUntil": "2099-01-01T00:00:00Z",
        }),
    )
}

fn cluster_waiver(name: &str) -> Value {
    waiver_of("ClusterComplianceWaiver", name)
}

fn waiver_of(kind: &str, name: &str) -> Value {
    object(
        kind,
        name,
        &json!({
            "items": ["WL-04"], "reason": "legacy", "requestedBy": "mallory", "expires": "2099-01-01T00:00:00Z",
        }),
    )
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "compliance.plumbline.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec,
    })
}

/// Asserts that an admission policy refused, and said this.
fn assert_denied(answer: &Answer, policy: &str, said: &str) {
    assert_eq!(answer.code, 403, "{answer:?}");
    for part in [policy, said] {
        assert!(answer.message().contains(part), "{part}: {answer:?}");
    }
}

/// Asserts that RBAC refused, before any policy was asked.
fn assert_no_right(answer: &Answer) {
    assert_eq!(answer.code, 403, "{answer:?}");
    assert!(answer.message().contains(" cannot "), "{answer:?}");
}

fn config(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../config")
        .join(path)
        .display()
        .to_string()
}

async fn kubectl(plane: &ControlPlane, arguments: &[&str]) -> Result<String> {
    let output = plane.kubectl(arguments).await?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "kubectl {}: {error}",
        arguments.join(" ")
    );
    String::from_utf8(output.stdout).context("kubectl speaks UTF-8")
}
