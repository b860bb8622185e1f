//! What people decide, by the command line and by Git, on a real API server with the install and its policies.

mod approve;
mod attest;
mod diff;
mod drift;
mod gitops;
mod pin;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Resource};
use plumbline_tests::{Component, ControlPlane, Operator, Options, eventually};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const SOON: Duration = Duration::from_mins(1);

/// `bob` and `carol` are of the security team, `alice` edits waivers, as tenants do, and may read approvals.
const ROLES: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: payments}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: security-team}
rules:
- apiGroups: [compliance.plumbline.dev]
  resources: [complianceapprovals, clustercomplianceapprovals, complianceattestations]
  verbs: [create, get, list, delete, patch]
- apiGroups: [compliance.plumbline.dev]
  resources: [compliancewaivers, clustercompliancewaivers]
  verbs: [get, list]
- apiGroups: [compliance.plumbline.dev]
  resources: [compliancebaselines]
  verbs: [get, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: security-team}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: security-team}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: bob}
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: carol}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: tenant}
rules:
- apiGroups: [compliance.plumbline.dev]
  resources: ["compliancewaivers"]
  verbs: [create, get, list, patch, update, delete]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: tenant}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: tenant}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: alice}
"#;

/// What came of a run of the command.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    /// Asserts that it did what it was asked to, and gives what it printed.
    fn done(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// Asserts that it refused and said why.
    fn refused(&self, why: &str) {
        assert_eq!(self.code, 2, "{self:?}");
        assert!(self.err.contains(why), "{why}: {self:?}");
    }
}

/// An API server with the install, its policies in force, and the people of these tests.
async fn install() -> Result<ControlPlane> {
    let options = Options::default()
        .without(Component::ControllerManager)
        .without(Component::Scheduler)
        .without(Component::Kwok);
    let plane = ControlPlane::start(options).await?;
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/default");
    kubectl(&plane, &["apply", "-k", &config.display().to_string()]).await?;
    plane.apply(ROLES).await?;
    let forged = waiver_approval("nobody").to_string();
    eventually("approvals are guarded", SOON, || async {
        Ok(plane
            .apply(&forged)
            .await
            .is_err_and(|error| error.to_string().contains("plumbline-approved-by"))
            .then_some(()))
    })
    .await?;
    Ok(plane)
}

fn waiver_approval(by: &str) -> Value {
    json!({
        "apiVersion": "compliance.plumbline.dev/v1alpha1", "kind": "ComplianceApproval",
        "metadata": { "name": "trial", "namespace": "payments" },
        "spec": { "waiver": { "name": "w", "uid": "u" }, "specDigest": "ab".repeat(32), "approvedBy": by },
    })
}

/// The command as a user runs it, with nothing on standard input.
async fn plumbline(plane: &ControlPlane, user: &str, arguments: &[&str]) -> Result<Ran> {
    run(&plane.user_kubeconfig(user)?, arguments, "").await
}

/// The same by whoever may do everything, whose name is `plumbline-tests`.
async fn plumbline_as_admin(plane: &ControlPlane, arguments: &[&str]) -> Result<Ran> {
    run(&plane.admin_kubeconfig(), arguments, "").await
}

async fn run(kubeconfig: &PathBuf, arguments: &[&str], input: &str) -> Result<Ran> {
    let mut child = Command::new(Operator::binary()?)
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .env("COLUMNS", "120")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().context("there is a standard input")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    Ok(Ran {
        code: output.status.code().context("it was not killed")?,
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

async fn kubectl(plane: &ControlPlane, arguments: &[&str]) -> Result<String> {
    let output = plane.kubectl(arguments).await?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "kubectl {}: {error}",
        arguments.join(" ")
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Objects of a kind as they are on the wire.
fn raw<K: Resource<DynamicType = ()>>(plane: &ControlPlane, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<K>(&());
    match namespace {
        Some(namespace) => Api::namespaced_with(plane.admin_client(), namespace, &resource),
        None => Api::all_with(plane.admin_client(), &resource),
    }
}

/// A waiver that `alice` asks for.
fn waiver(name: &str) -> Value {
    json!({
        "apiVersion": "compliance.plumbline.dev/v1alpha1",
        "kind": "ComplianceWaiver",
        "metadata": { "name": name, "namespace": "payments" },
        "spec": {
            "items": ["WL-04", "WL-10a"],
            "scope": { "workloads": [{ "kind": "DaemonSet", "name": "agent" }] },
            "reason": "The agent reads the kernel's counters until version 3.",
            "ticket": "SEC-1234",
            "requestedBy": "alice",
            "expires": "2099-01-01T00:00:00Z",
        },
    })
}

/// The same for the cluster.
fn cluster_waiver(name: &str) -> Value {
    let mut waiver = waiver(name);
    waiver["kind"] = json!("ClusterComplianceWaiver");
    waiver["metadata"] = json!({ "name": name });
    waiver["spec"]["scope"] = json!({
        "namespaceSelector": { "matchLabels": { "team": "build" } },
        "labelSelector": { "matchExpressions": [{ "key": "app", "operator": "In", "values": ["runner"] }] },
    });
    waiver
}
