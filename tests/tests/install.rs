//! The install: one `kubectl apply -k`, and an operator that needs what it grants and nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::Api;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use plumbline_tests::{Component, ControlPlane, Options, eventually};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

const SOON: Duration = Duration::from_mins(2);
const NAMESPACE: &str = "plumbline-system";
const ACCOUNT: &str = "system:serviceaccount:plumbline-system:plumbline";
const CLUSTER_REPORTS: &str = "clustercompliancereports.compliance.plumbline.dev";
const REPORTS: &str = "compliancereports.compliance.plumbline.dev";

/// Verbs and what they are for.
type Rights = BTreeSet<(String, String)>;

/// Rights that only a mishap makes use of.
const FOR_MISHAPS: [(&str, &str); 2] = [
    // To look again at a report that somebody else wrote to between our reading and our writing, and at those that
    // have to say that inputs take long to list.
    ("get", CLUSTER_REPORTS),
    ("get", REPORTS),
];

const PRIVILEGED: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers:
      - {name: agent, image: "registry.example/agent:1.0", securityContext: {privileged: true}}
"#;

#[tokio::test]
async fn one_apply_is_enough_and_a_second_changes_nothing() -> Result<()> {
    let plane = ControlPlane::start(Options::default().nodes(2)).await?;
    let (first, warnings) = kubectl(&plane, &["apply", "-k", &config("default")]).await?;
    assert_eq!(warnings, "");
    assert!(first.lines().all(|line| line.ends_with(" created")), "{first}");
    let objects = kubectl(&plane, &["kustomize", &config("default")]).await?.0;
    let objects = objects.lines().filter(|line| line.starts_with("kind: ")).count();
    assert_eq!(first.lines().count(), objects);

    let (second, _) = kubectl(&plane, &["apply", "-k", &config("default")]).await?;
    let changed: Vec<&str> = second
        .lines()
        .filter(|line| !line.ends_with(" unchanged"))
        .collect();
    // kubectl sends the selector of a PodDisruptionBudget every time and calls that a change; to the server it is none.
    assert_eq!(changed, ["poddisruptionbudget.policy/plumbline configured"]);
    let budget = json(
        &plane,
        &["get", "poddisruptionbudget", "plumbline", "-n", NAMESPACE],
    )
    .await?;
    assert_eq!(budget["metadata"]["generation"], 1);

    // Pod Security lets the operator's pods in, and would not let in any others.
    let deployments: Api<Deployment> = Api::namespaced(plane.admin_client(), NAMESPACE);
    eventually("both replicas are ready", SOON, || async {
        let status = deployments.get("plumbline").await?.status.unwrap_or_default();
        Ok((status.ready_replicas == Some(2)).then_some(()))
    })
    .await?;
    plane.apply(&privileged_in(NAMESPACE)).await?;
    eventually("a privileged pod is refused", SOON, || async {
        let status = deployments.get("agent").await?.status.unwrap_or_default();
        let failure = status
            .conditions
            .into_iter()
            .flatten()
            .find(|condition| condition.type_.as_deref() == Some("ReplicaFailure"));
        let message = failure.and_then(|failure| failure.message);
        Ok(message.filter(|message| message.contains("violates PodSecurity \"restricted:latest\"")))
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn components_add_what_they_say() -> Result<()> {
    let plane = server().await?;
    kubectl(&plane, &["apply", "-k", &config("default")]).await?;
    let may_watch_config_maps = ["auth", "can-i", "watch", "configmaps", "-A", "--as", ACCOUNT];
    assert!(!answers_yes(&plane, &may_watch_config_maps).await?);

    let everything = kubectl(&plane, &["kustomize", &config("samples/everything")])
        .await?
        .0;
    for kind in ["PodMonitor", "PrometheusRule"] {
        assert!(everything.contains(&format!("\nkind: {kind}\n")), "{kind}");
    }
    // Those two are the Prometheus Operator's, which is not here.
    let ours: Vec<&str> = everything
        .split("\n---\n")
        .filter(|object| !object.contains("monitoring.coreos.com"))
        .collect();
    plane.apply(&ours.join("\n---\n")).await?;
    assert!(answers_yes(&plane, &may_watch_config_maps).await?);
    assert!(
        !answers_yes(
            &plane,
            &["auth", "can-i", "get", "configmaps", "-A", "--as", ACCOUNT]
        )
        .await?
    );
    Ok(())
}

#[tokio::test]
async fn tenants_see_their_report_and_ask_for_waivers_and_no_more() -> Result<()> {
    // Aggregated roles are put together by the controller manager.
    let plane = ControlPlane::start(
        Options::default()
            .without(Component::Scheduler)
            .without(Component::Kwok),
    )
    .await?;
    kubectl(&plane, &["apply", "-k", &config("default")]).await?;
    for role in ["view", "edit", "admin"] {
        let (clusterrole, user) = (format!("--clusterrole={role}"), format!("--user={role}er"));
        kubectl(&plane, &["create", "rolebinding", role, &clusterrole, &user]).await?;
    }
    let plane = &plane;
    let may = async |role: &str, verb: &str, resource: &str| {
        let (resource, user) = (
            format!("{resource}.compliance.plumbline.dev"),
            format!("{role}er"),
        );
        answers_yes(
            plane,
            &["auth", "can-i", verb, &resource, "-n", "default", "--as", &user],
        )
        .await
    };
    eventually("the roles are aggregated", SOON, || async {
        let all = may("view", "list", "compliancereports").await?
            && may("admin", "create", "compliancewaivers").await?;
        Ok(all.then_some(()))
    })
    .await?;
    for role in ["view", "edit", "admin"] {
        assert!(may(role, "list", "compliancereports").await?, "{role}");
        assert!(may(role, "get", "compliancewaivers").await?, "{role}");
        assert_eq!(
            may(role, "create", "compliancewaivers").await?,
            role != "view",
            "{role}"
        );
        assert_eq!(
            may(role, "delete", "compliancewaivers").await?,
            role != "view",
            "{role}"
        );
        for verb in ["create", "update", "patch", "delete"] {
            assert!(!may(role, verb, "compliancereports").await?, "{role} {verb}");
            assert!(!may(role, verb, "complianceapprovals").await?, "{role} {verb}");
            assert!(
                !may(role, verb, "clustercomplianceapprovals").await?,
                "{role} {verb}"
            );
            assert!(
                !may(role, verb, "clustercompliancewaivers").await?,
                "{role} {verb}"
            );
            assert!(!may(role, verb, "complianceattestations").await?, "{role} {verb}");
            assert!(!may(role, verb, "compliancebaselines").await?, "{role} {verb}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_operator_is_never_refused_and_uses_every_right() -> Result<()> {
    let audit = Audit::new()?;
    let plane = ControlPlane::start(audit.options().nodes(1)).await?;
    kubectl(&plane, &["apply", "-k", &config("default")]).await?;
    let operator = operator(&plane).await?;
    eventually("there is a report on the cluster", SOON, || async {
        let report = json(&plane, &["get", CLUSTER_REPORTS, "default"]).await?;
        Ok(report["status"]["summary"].is_object().then_some(()))
    })
    .await?;

    // Something gets worse, for long enough to be told of, in a namespace that has been there: what a new one
    // begins with is no event.
    kubectl(&plane, &["create", "namespace", "payments"]).await?;
    plane.apply(&privileged_in("default")).await?;
    eventually("an Event tells of it", SOON, || async {
        let events = json(&plane, &["get", "events.events.k8s.io", "-n", "default"]).await?;
        let told = items(&events).iter().any(|event| event["reason"] == "ItemFail");
        Ok(told.then_some(()))
    })
    .await?;
    our_own_namespace_passes(&plane).await?;
    decisions_are_told_what_they_are_worth(&plane).await?;

    stop(operator).await?;
    let leases: Api<Lease> = Api::namespaced(plane.admin_client(), NAMESPACE);
    let holder = leases
        .get("plumbline")
        .await?
        .spec
        .and_then(|spec| spec.holder_identity);
    assert_eq!(holder.as_deref(), Some(""), "the lease is given back");

    let (used, refused) = audit.requests()?;
    assert_eq!(refused, Vec::<String>::new());
    let granted = granted(&plane).await?;
    let idle: BTreeSet<_> = granted
        .difference(&used)
        .map(|(verb, what)| (verb.as_str(), what.as_str()))
        .collect();
    let excused = BTreeSet::from(FOR_MISHAPS);
    let unused: Vec<_> = idle.difference(&excused).collect();
    assert!(unused.is_empty(), "granted and never used: {unused:?}");
    for (verb, what) in excused {
        assert!(
            granted.contains(&(verb.to_owned(), what.to_owned())),
            "{verb} {what} is not granted"
        );
    }
    Ok(())
}

#[tokio::test]
async fn our_own_manifests_pass() -> Result<()> {
    let plane = server().await?;
    let manifests = kubectl(&plane, &["kustomize", &config("default")]).await?.0;
    let mut check = Command::new(plumbline()?)
        .args(["check", "-f", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = check.stdin.take().context("no standard input")?;
    input.write_all(manifests.as_bytes()).await?;
    drop(input);
    let output = check.wait_with_output().await?;
    ensure!(output.status.success(), "plumbline check: {}", output.status);
    let result: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(result["errors"], Value::Array(Vec::new()));
    all_pass(&result["items"]);
    Ok(())
}

#[tokio::test]
async fn the_image_has_the_version_of_the_release() -> Result<()> {
    let manifest = std::fs::read_to_string(config("operator/deployment.yaml"))?;
    let image = format!(
        "image: ghcr.io/plumbline/plumbline:{}\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(
        manifest.contains(&image),
        "config/operator/deployment.yaml should have {image}"
    );
    Ok(())
}

fn privileged_in(namespace: &str) -> String {
    PRIVILEGED.replace(
        "{name: agent}",
        &format!("{{name: agent, namespace: {namespace}}}"),
    )
}

/// One decision of each kind, made by the administrator of these tests.
async fn decisions_are_told_what_they_are_worth(plane: &ControlPlane) -> Result<()> {
    let me = plane
        .kubectl(&["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"])
        .await?;
    let me = String::from_utf8(me.stdout)?;
    let until = "2099-01-01T00:00:00Z";
    let waiver =
        serde_json::json!({ "items": ["WL-04"], "reason": "r", "requestedBy": "dev", "expires": until });
    let approval = serde_json::json!({
        "waiver": { "name": "x", "uid": "x" }, "specDigest": "0".repeat(64), "approvedBy": me,
    });
    let attestation = serde_json::json!({
        "items": ["AZ-01"], "statement": "s", "attestedBy": me, "validUntil": until,
    });
    let decisions = [
        ("ComplianceWaiver", &waiver),
        ("ClusterComplianceWaiver", &waiver),
        ("ComplianceApproval", &approval),
        ("ClusterComplianceApproval", &approval),
        ("ComplianceAttestation", &attestation),
    ];
    for (kind, spec) in decisions {
        let object = serde_json::json!({
            "apiVersion": "compliance.plumbline.dev/v1alpha1", "kind": kind,
            "metadata": { "name": "x" }, "spec": spec,
        });
        plane.apply(&object.to_string()).await?;
        eventually(&format!("{kind} has a status"), SOON, || async {
            let object = json(plane, &["get", kind, "x"]).await?;
            Ok(object["status"]["conditions"].is_array().then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// The operator's own pods, as they run, do what it asks of others.
async fn our_own_namespace_passes(plane: &ControlPlane) -> Result<()> {
    let report = eventually("there is a report on the operator's own pods", SOON, || async {
        let report = json(plane, &["get", REPORTS, "default", "-n", NAMESPACE]).await?;
        let workloads = items(&report["status"])
            .iter()
            .find(|item| item["id"] == "WL-04")
            .cloned();
        Ok(workloads
            .is_some_and(|item| item["evaluated"] == 1)
            .then_some(report))
    })
    .await?;
    all_pass(&report["status"]["items"]);
    Ok(())
}

/// What is nothing to complain about; an attestation is missing where only people can tell.
const GOOD: [&str; 3] = ["Pass", "NotApplicable", "NeedsAttestation"];

/// What cannot be seen here: manifests do not say what the API server answers to requests without credentials, and
/// there is no network plugin in the control plane of the tests.
const UNSEEN: [&str; 3] = ["NotImplemented", "NotProbed", "EnforcementUnknown"];

/// Every item that has a check passes, or has nothing to say; some pass.
fn all_pass(results: &Value) {
    let results = results.as_array().expect("a list of items");
    let checked: Vec<&Value> = results
        .iter()
        .filter(|item| !UNSEEN.iter().any(|unseen| item["reason"] == *unseen))
        .collect();
    let open: Vec<&&Value> = checked
        .iter()
        .filter(|item| !GOOD.iter().any(|good| item["status"] == *good))
        .collect();
    assert!(open.is_empty(), "{open:#?}");
    assert!(
        checked.iter().any(|item| item["status"] == "Pass"),
        "{results:#?}"
    );
}

/// What the shipped roles grant: verb and resource.
async fn granted(plane: &ControlPlane) -> Result<Rights> {
    let cluster: Api<ClusterRole> = Api::all(plane.admin_client());
    let own: Api<Role> = Api::namespaced(plane.admin_client(), NAMESPACE);
    let rules = [
        cluster.get("plumbline").await?.rules,
        own.get("plumbline").await?.rules,
    ];
    let pairs = |rule: PolicyRule| {
        let groups = rule.api_groups.unwrap_or_default();
        let resources = rule.resources.unwrap_or_default();
        let resources: Vec<String> = groups
            .iter()
            .flat_map(|group| resources.iter().map(move |resource| qualified(resource, group)))
            .collect();
        let verbs = rule.verbs;
        resources.into_iter().flat_map(move |resource| {
            verbs
                .clone()
                .into_iter()
                .map(move |verb| (verb, resource.clone()))
        })
    };
    Ok(rules.into_iter().flatten().flatten().flat_map(pairs).collect())
}

/// `pods`, `deployments.apps`, `compliancereports.compliance.plumbline.dev/status`.
fn qualified(resource: &str, group: &str) -> String {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let dot = if group.is_empty() { "" } else { "." };
    let slash = if subresource.is_empty() { "" } else { "/" };
    format!("{resource}{dot}{group}{slash}{subresource}")
}

/// The audit log of an API server, as far as it is about the operator.
struct Audit(TempDir);

impl Audit {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let policy = format!(
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\n\
             rules:\n- level: Metadata\n  users: [\"{ACCOUNT}\"]\n- level: None\n"
        );
        std::fs::write(folder.path().join("policy.yaml"), policy)?;
        Ok(Self(folder))
    }

    fn options(&self) -> Options {
        let path = |file: &str| self.0.path().join(file).display().to_string();
        Options::default()
            .flag(
                Component::ApiServer,
                format!("--audit-policy-file={}", path("policy.yaml")),
            )
            .flag(
                Component::ApiServer,
                format!("--audit-log-path={}", path("audit.log")),
            )
    }

    /// The rights that were made use of, and the requests that were refused for want of one.
    fn requests(&self) -> Result<(Rights, Vec<String>)> {
        let log = std::fs::read_to_string(self.0.path().join("audit.log"))?;
        let (mut used, mut refused) = (Rights::new(), Vec::new());
        for line in log.lines() {
            let event: Value = serde_json::from_str(line)?;
            let field = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default();
            let code = event.pointer("/responseStatus/code").and_then(Value::as_i64);
            if matches!(code, Some(401 | 403)) {
                refused.push(format!("{} {}", field("/verb"), field("/requestURI")));
                continue;
            }
            let mut resource = field("/objectRef/resource").to_owned();
            if let Some(subresource) = event.pointer("/objectRef/subresource").and_then(Value::as_str) {
                resource = format!("{resource}/{subresource}");
            }
            let resource = qualified(&resource, field("/objectRef/apiGroup"));
            // Server-side apply of an object that is not there asks for the right to create it as well.
            if field("/verb") == "patch" && code == Some(201) {
                used.insert(("create".to_owned(), resource.clone()));
            }
            used.insert((field("/verb").to_owned(), resource));
        }
        ensure!(!used.is_empty(), "the operator has made no request");
        Ok((used, refused))
    }
}

/// An API server that knows roles; nothing else runs.
async fn server() -> Result<ControlPlane> {
    let options = Options::default()
        .without(Component::ControllerManager)
        .without(Component::Scheduler)
        .without(Component::Kwok);
    ControlPlane::start(options).await
}

/// Runs the operator as the `ServiceAccount` of the install.
async fn operator(plane: &ControlPlane) -> Result<Child> {
    let kubeconfig = plane.service_account_kubeconfig(NAMESPACE, "plumbline").await?;
    Command::new(plumbline()?)
        .args(["run", "--namespace", NAMESPACE, "--metrics-addr", "127.0.0.1:0"])
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("the operator cannot be started")
}

/// As the kubelet does it.
async fn stop(mut operator: Child) -> Result<()> {
    let pid = operator.id().context("the operator has ended by itself")?;
    kill(Pid::from_raw(pid as i32), Signal::SIGTERM)?;
    let status = operator.wait().await?;
    ensure!(status.success(), "the operator ended with {status}");
    Ok(())
}

/// The program under test: `PLUMBLINE` names it, else it is the one beside this test.
fn plumbline() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("PLUMBLINE") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).context("tests lie in deps/")?;
    let path = folder.join("plumbline");
    ensure!(
        path.exists(),
        "{} is missing: cargo build -p plumbline",
        path.display()
    );
    Ok(path)
}

fn config(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../config")
        .join(path)
        .display()
        .to_string()
}

/// What kubectl says on standard output and on standard error.
async fn kubectl(plane: &ControlPlane, arguments: &[&str]) -> Result<(String, String)> {
    let output = plane.kubectl(arguments).await?;
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    ensure!(output.status.success(), "kubectl {}: {err}", arguments.join(" "));
    Ok((out, err))
}

async fn json(plane: &ControlPlane, arguments: &[&str]) -> Result<Value> {
    let arguments = [arguments, &["-o", "json"]].concat();
    Ok(serde_json::from_str(&kubectl(plane, &arguments).await?.0)?)
}

/// `kubectl auth can-i` answers by its exit code, too.
async fn answers_yes(plane: &ControlPlane, arguments: &[&str]) -> Result<bool> {
    let output = plane.kubectl(arguments).await?;
    Ok(output.stdout.starts_with(b"yes"))
}

fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map_or(&[], Vec::as_slice)
}
