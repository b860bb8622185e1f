//! `make demo`: Plumbline at work on a real control plane, in half a minute.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use plumbline_api::conditions::{self, ConditionType};
use plumbline_api::{ClusterComplianceReport, ComplianceReport, ItemStatus, ReportStatus};
use plumbline_tests::{ControlPlane, Operator, Options, eventually};

/// Ample for anything that the demo waits for.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tokio::select! {
        result = demo() => result,
        // Whatever has been started ends with this program.
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn demo() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    step("A control plane: etcd, API server, controller manager, scheduler; three nodes by KWOK")?;
    let plane = ControlPlane::start(Options::default().nodes(3)).await?;

    step("kubectl apply -k config/default")?;
    kubectl(&plane, &["apply", "-k", &path(&root, "config/default")]).await?;
    step("A small company: six namespaces, some well kept, some not")?;
    kubectl(&plane, &["apply", "-f", &path(&root, "demo/company.yaml")]).await?;
    pods_run(&plane).await?;

    step("The operator, with the ServiceAccount and the rights that the install gives it")?;
    let kubeconfig = plane
        .service_account_kubeconfig("plumbline-system", "plumbline")
        .await?;
    let started = Instant::now();
    let operator = Operator::start_as(&plane, &kubeconfig, "plumbline-demo").await?;
    let reports = Reports::of(&plane);
    eventually("the reports are there", PATIENCE, || async {
        reports.are_complete().await
    })
    .await?;
    say(&format!(
        "every namespace has its report after {} ms",
        started.elapsed().as_millis()
    ))?;
    // kubectl knows the new kinds when it has asked again what the API server serves.
    show(&plane, &["api-resources", "--api-group", plumbline_api::GROUP]).await?;
    show(&plane, &["get", "plumbline", "-A"]).await?;
    plumbline(&plane, &["report", "-n", "payments"]).await?;

    step(
        "A tired colleague: kubectl apply -f demo/break.yaml (a privileged Deployment in namespace payments)",
    )?;
    let mut watch = reports.watch_payments().await?;
    kubectl(&plane, &["apply", "-f", &path(&root, "demo/break.yaml")]).await?;
    let applied = Instant::now();
    let report = watch
        .until(|status| status_of(status, "WL-04") == Some(ItemStatus::Fail))
        .await?;
    say(&format!(
        "the report shows it {} ms after kubectl has come back",
        applied.elapsed().as_millis()
    ))?;
    say(&message_of(&report, "WL-04"))?;
    say("what holds for ten seconds is drift …")?;
    watch.until(is_drifted).await?;
    show(&plane, &["get", "compliancereports", "-n", "payments"]).await?;
    let drifted = "custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.note";
    let about = "reportingController=compliance.plumbline.dev/operator";
    let events = [
        "get",
        "events.events.k8s.io",
        "-n",
        "payments",
        "--field-selector",
        about,
        "-o",
        drifted,
    ];
    show(&plane, &events).await?;

    step("Repaired: kubectl delete -f demo/break.yaml")?;
    kubectl(
        &plane,
        &["delete", "--wait=false", "-f", &path(&root, "demo/break.yaml")],
    )
    .await?;
    let deleted = Instant::now();
    watch
        .until(|status| status_of(status, "WL-04") == Some(ItemStatus::Pass) && !is_drifted(status))
        .await?;
    say(&format!(
        "the drift has closed {} ms later, when the last of its pods was gone",
        deleted.elapsed().as_millis()
    ))?;
    show(&plane, &["get", "compliancereports", "-n", "payments"]).await?;

    say("")?;
    operator.terminate().await?;
    say(
        "That was it; nothing is left running. Read on: README.md, docs/items/README.md, plumbline explain WL-04",
    )
}

/// The reports of the demo.
struct Reports {
    cluster: Api<ClusterComplianceReport>,
    namespaces: Api<ComplianceReport>,
    payments: Api<ComplianceReport>,
}

impl Reports {
    fn of(plane: &ControlPlane) -> Self {
        let client = plane.admin_client();
        Self {
            cluster: Api::all(client.clone()),
            namespaces: Api::all(client.clone()),
            payments: Api::namespaced(client, "payments"),
        }
    }

    /// Something, once the cluster and each of its namespaces have a report that says something.
    async fn are_complete(&self) -> anyhow::Result<Option<()>> {
        let Ok(Some(report)) = self.cluster.get_opt("default").await else {
            return Ok(None);
        };
        let reports = self.namespaces.list(&ListParams::default()).await?;
        let said = reports
            .items
            .iter()
            .filter(|r| r.status.as_ref().is_some_and(|s| !s.items.is_empty()));
        Ok((report.status.is_some() && said.count() >= 11).then_some(()))
    }

    /// Follows the report of namespace payments.
    async fn watch_payments(&self) -> anyhow::Result<Followed> {
        let report = self.payments.get("default").await?;
        let version = report.metadata.resource_version.unwrap_or_default();
        let params = WatchParams::default().timeout(200);
        let events = self.payments.watch(&params, &version).await?.boxed();
        Ok(Followed {
            events,
            latest: report.status.unwrap_or_default(),
        })
    }
}

/// A report that is followed.
struct Followed {
    events: futures::stream::BoxStream<'static, kube::Result<WatchEvent<ComplianceReport>>>,
    latest: ReportStatus,
}

impl Followed {
    /// Waits until the report says what is `wanted`.
    async fn until(&mut self, wanted: impl Fn(&ReportStatus) -> bool) -> anyhow::Result<ReportStatus> {
        let follow = async {
            while !wanted(&self.latest) {
                let event = self.events.next().await.context("the watch has ended")??;
                if let WatchEvent::Added(report) | WatchEvent::Modified(report) = event {
                    self.latest = report.status.unwrap_or_default();
                }
            }
            Ok(self.latest.clone())
        };
        tokio::time::timeout(PATIENCE, follow)
            .await
            .context("the report does not change as it should")?
    }
}

fn status_of(status: &ReportStatus, id: &str) -> Option<ItemStatus> {
    status
        .items
        .iter()
        .find(|item| item.id == id)
        .map(|item| item.status)
}

fn message_of(status: &ReportStatus, id: &str) -> String {
    let item = status.items.iter().find(|item| item.id == id);
    item.map(|item| format!("{id}: {}", item.message))
        .unwrap_or_default()
}

fn is_drifted(status: &ReportStatus) -> bool {
    conditions::find(&status.conditions, ConditionType::Drifted).is_some_and(|it| it.status == "True")
}

async fn pods_run(plane: &ControlPlane) -> anyhow::Result<()> {
    let pods: Api<Pod> = Api::all(plane.admin_client());
    let is_running = |pod: &Pod| pod.status.as_ref().and_then(|it| it.phase.as_deref()) == Some("Running");
    eventually("the company's pods run", PATIENCE, || async {
        let pods = pods.list(&ListParams::default()).await?.items;
        Ok((pods.len() >= 15 && pods.iter().all(is_running)).then_some(()))
    })
    .await
}

/// Runs kubectl quietly; what it says comes out only if it fails.
async fn kubectl(plane: &ControlPlane, arguments: &[&str]) -> anyhow::Result<String> {
    let output = plane.kubectl(arguments).await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kubectl {}: {said}", arguments.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs kubectl and shows the command and what it says.
async fn show(plane: &ControlPlane, arguments: &[&str]) -> anyhow::Result<()> {
    say(&format!("$ kubectl {}", arguments.join(" ")))?;
    say(kubectl(plane, arguments).await?.trim_end())
}

/// Runs `plumbline` as the administrator and shows what it says.
async fn plumbline(plane: &ControlPlane, arguments: &[&str]) -> anyhow::Result<()> {
    say(&format!("$ plumbline {}", arguments.join(" ")))?;
    let program = std::env::current_exe()?.with_file_name("plumbline");
    let mut command = tokio::process::Command::new(program);
    command
        .args(arguments)
        .env("KUBECONFIG", plane.admin_kubeconfig());
    let output = command.output().await?;
    say(String::from_utf8_lossy(&output.stdout).trim_end())?;
    say(String::from_utf8_lossy(&output.stderr).trim_end())
}

fn path(root: &Path, below: &str) -> String {
    let path: PathBuf = root.join(below);
    path.display().to_string()
}

fn step(text: &str) -> anyhow::Result<()> {
    say(&format!("\n==> {text}"))
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
