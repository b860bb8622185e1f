//! `make bench`: the figures that Plumbline promises, each beside the floor that the machine sets in the same run.
//!
//! Times vary with the machine; read the ratios. Memory and numbers of writes do not.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt as _};
use plumbline_api::{ClusterComplianceReport, ComplianceReport};
use plumbline_inventory::Kind;
use plumbline_tests::{ControlPlane, Operator, Options, eventually};
use serde_json::json;

const PATIENCE: Duration = Duration::from_mins(5);

/// Measures the operator against a control plane of its own.
#[derive(Parser)]
struct Arguments {
    /// Pods in the cluster
    #[arg(long, default_value_t = 1000)]
    pods: u32,
    /// Seconds in which nothing changes and nothing may be written
    #[arg(long, default_value_t = 60)]
    quiet: u64,
    /// Single changes that are timed
    #[arg(long, default_value_t = 20)]
    changes: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    line("what", "measured", "floor", "budget")?;
    check_manifests()?;
    let mut plane = ControlPlane::start(Options::default()).await?;
    plane.add_nodes((arguments.pods / 50).max(2)).await?;
    populate(&plane, arguments.pods).await?;
    let floor = list_everything(&plane).await?;

    let kubeconfig = plane
        .service_account_kubeconfig("plumbline-system", "plumbline")
        .await?;
    let started = Instant::now();
    let operator = Operator::start_as(&plane, &kubeconfig, "bench-0").await?;
    let reports: Api<ClusterComplianceReport> = Api::all(plane.admin_client());
    eventually("the first report is complete", PATIENCE, || async {
        let report = reports.get_opt("default").await.ok().flatten();
        Ok(report
            .and_then(|report| report.status)
            .filter(|status| !status.items.is_empty()))
    })
    .await?;
    let first = started.elapsed();
    line(
        "cold start to first report",
        &millis(first),
        &format!("{} raw lists", millis(floor)),
        "1.5 x raw lists",
    )?;

    let namespaces: Api<ComplianceReport> = Api::all(plane.admin_client());
    eventually("every namespace has a report", PATIENCE, || async {
        let reports = namespaces.list(&ListParams::default()).await?.items;
        let said = reports.iter().filter(|report| report.status.is_some());
        // Ten of ours, ours and the cluster's own four.
        Ok((said.count() >= 15).then_some(()))
    })
    .await?;
    single_changes(&plane, arguments.changes).await?;
    burst(&plane).await?;
    quiet(&plane, &operator, arguments.quiet).await?;
    let peak = peak_memory(operator.pid())?;
    line(
        &format!("peak memory, {} pods", arguments.pods),
        &format!("{peak:.1} MiB"),
        "",
        "48 MiB at 1,000 pods",
    )?;
    let restarted = restart(&plane, operator, &kubeconfig).await?;
    line("reports written by a restart", &restarted.to_string(), "", "0")
}

/// A cluster of `pods` running pods in ten namespaces, and the install.
async fn populate(plane: &ControlPlane, pods: u32) -> anyhow::Result<()> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/default");
    let output = plane
        .kubectl(["apply", "-k", &config.display().to_string()])
        .await?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let replicas = 20;
    let mut objects: Vec<serde_json::Value> = (0..10)
        .map(|n| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("bench-{n}")}}))
        .collect();
    objects.extend((0..pods / replicas).map(|n| deployment(n, replicas)));
    plane
        .apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string())
        .await?;
    let api: Api<Pod> = Api::all(plane.admin_client());
    eventually("all pods run", PATIENCE, || async {
        let running = api
            .list(&ListParams::default().fields("status.phase=Running"))
            .await?
            .items
            .len();
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok((running >= (pods / replicas * replicas) as usize).then_some(()))
    })
    .await
}

fn deployment(number: u32, replicas: u32) -> serde_json::Value {
    let labels =
        json!({"app.kubernetes.io/name": format!("app-{number}"), "app.kubernetes.io/part-of": "bench"});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": format!("app-{number}"), "namespace": format!("bench-{}", number % 10), "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": "default",
                    "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [{
                        "name": "app",
                        "image": format!("registry.example.com/bench/app-{number}:1.{number}.0"),
                        "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "PORT", "value": "8080"}],
                        "resources": {"limits": {"cpu": "100m", "memory": "64Mi"}},
                        "securityContext": {"allowPrivilegeEscalation": number.is_multiple_of(3), "capabilities": {"drop": ["ALL"]}},
                    }],
                },
            },
        },
    })
}

/// The time that reading every watched kind takes: pages of 500, nothing decoded.
async fn list_everything(plane: &ControlPlane) -> anyhow::Result<Duration> {
    let client = plane.admin_client();
    let started = Instant::now();
    for kind in plumbline_baseline::required_kinds() {
        let mut token = String::new();
        loop {
            let page = list_page(&client, kind, &token).await?;
            token = page;
            if token.is_empty() {
                break;
            }
        }
    }
    Ok(started.elapsed())
}

async fn list_page(client: &Client, kind: Kind, token: &str) -> anyhow::Result<String> {
    let prefix = if kind.group().is_empty() {
        "/api".to_owned()
    } else {
        format!("/apis/{}", kind.group())
    };
    let url = format!("{prefix}/v1/{}?limit=500&continue={token}", kind.plural());
    let text = client
        .request_text(http::Request::get(url).body(Vec::new())?)
        .await?;
    let head = &text[..text.len().min(1000)];
    let next = head
        .split_once("\"continue\":\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    Ok(next.map(|(token, _)| token.to_owned()).unwrap_or_default())
}

/// A pod that nothing runs: it counts from the moment it exists.
fn gated_pod(name: &str) -> anyhow::Result<Pod> {
    Ok(serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "schedulingGates": [{"name": "plumbline.dev/bench"}],
            "containers": [{"name": "main", "image": "bench:1", "securityContext": {"privileged": true}}],
        },
    }))?)
}

/// Times one change after another, each in a quiet cluster, beside a bare watch and a bare write.
async fn single_changes(plane: &ControlPlane, changes: u32) -> anyhow::Result<()> {
    let pods: Api<Pod> = Api::namespaced(plane.admin_client(), "bench-0");
    let reports: Api<ComplianceReport> = Api::namespaced(plane.admin_client(), "bench-0");
    let (mut seen, mut reported) = (Vec::new(), Vec::new());
    for number in 0..changes {
        let name = format!("single-{number}");
        let mut watch = pods
            .watch(
                &WatchParams::default().fields(&format!("metadata.name={name}")),
                "0",
            )
            .await?
            .boxed();
        let version = reports
            .get("default")
            .await?
            .resource_version()
            .unwrap_or_default();
        let mut report = reports.watch(&WatchParams::default(), &version).await?.boxed();
        let started = Instant::now();
        pods.create(&PostParams::default(), &gated_pod(&name)?).await?;
        watch.next().await.context("the watch has ended")??;
        seen.push(started.elapsed());
        until_failing(&mut report, 1).await?;
        reported.push(started.elapsed());
        pods.delete(&name, &DeleteParams::default().grace_period(0))
            .await?;
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    let floor = format!("{} bare watch", millis(percentile(&mut seen, 50)));
    line(
        "one change to its report, median",
        &millis(percentile(&mut reported, 50)),
        &floor,
        "50 ms",
    )?;
    let floor = format!("{} bare watch", millis(percentile(&mut seen, 99)));
    line(
        "one change to its report, worst",
        &millis(percentile(&mut reported, 99)),
        &floor,
        "150 ms",
    )
}

/// Times changes that come twenty a second: how long each of them waits for a report that counts it.
async fn burst(plane: &ControlPlane) -> anyhow::Result<()> {
    let pods: Api<Pod> = Api::namespaced(plane.admin_client(), "bench-1");
    let reports: Api<ComplianceReport> = Api::namespaced(plane.admin_client(), "bench-1");
    let version = reports
        .get("default")
        .await?
        .resource_version()
        .unwrap_or_default();
    let mut report = reports.watch(&WatchParams::default(), &version).await?.boxed();
    let creating = tokio::spawn(async move {
        let mut created = Vec::new();
        for number in 0..100 {
            created.push(Instant::now());
            pods.create(&PostParams::default(), &gated_pod(&format!("burst-{number}"))?)
                .await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(created)
    });
    let mut counted = BTreeMap::new();
    while !counted.contains_key(&100) {
        let failing = until_failing(&mut report, 1).await?;
        counted.entry(failing).or_insert_with(Instant::now);
    }
    let created = creating.await??;
    let mut waits: Vec<Duration> = created
        .iter()
        .zip(1..)
        .filter_map(|(created, number)| {
            let (_, at) = counted.range(number..).next()?;
            Some(at.saturating_duration_since(*created))
        })
        .collect();
    line(
        "the same at 20 changes a second, worst",
        &millis(percentile(&mut waits, 99)),
        "",
        "1 s",
    )
}

/// Waits for a report in which at least this many objects fail WL-04; tells how many.
async fn until_failing(
    report: &mut futures::stream::BoxStream<'static, kube::Result<WatchEvent<ComplianceReport>>>,
    at_least: i32,
) -> anyhow::Result<i32> {
    let wait = async {
        loop {
            let event = report.next().await.context("the watch has ended")??;
            if let WatchEvent::Added(report) | WatchEvent::Modified(report) = event {
                let status = report.status.unwrap_or_default();
                let failing = status
                    .items
                    .iter()
                    .find(|item| item.id == "WL-04")
                    .map_or(0, |item| item.failing);
                if failing >= at_least {
                    return anyhow::Ok(failing);
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.context("no report")?
}

/// Counts the reports that are written while nothing changes.
async fn quiet(plane: &ControlPlane, operator: &Operator, seconds: u64) -> anyhow::Result<()> {
    // What the changes before have left (history after ten seconds, counts after thirty) goes out first.
    tokio::time::sleep(Duration::from_secs(45)).await;
    let before = versions(plane).await?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let written = changed(&before, &versions(plane).await?);
    let cpu = cpu_seconds(operator.pid())?;
    let what = format!("reports written in {seconds} quiet seconds");
    line(&what, &written.to_string(), "", "0")?;
    line("CPU of the operator so far", &format!("{cpu:.2} s"), "", "")
}

/// Starts the operator anew; tells how many reports that has changed.
async fn restart(plane: &ControlPlane, operator: Operator, kubeconfig: &Path) -> anyhow::Result<usize> {
    let before = versions(plane).await?;
    operator.terminate().await?;
    let operator = Operator::start_as(plane, kubeconfig, "bench-1").await?;
    eventually("the new operator leads", PATIENCE, || async {
        let leads = operator.metric("plumbline_leader").await? == Some(1.0);
        Ok((leads && operator.is_ok("/readyz").await?).then_some(()))
    })
    .await?;
    tokio::time::sleep(Duration::from_secs(15)).await;
    Ok(changed(&before, &versions(plane).await?))
}

async fn versions(plane: &ControlPlane) -> anyhow::Result<BTreeMap<String, String>> {
    let client = plane.admin_client();
    let cluster: Api<ClusterComplianceReport> = Api::all(client.clone());
    let namespaces: Api<ComplianceReport> = Api::all(client);
    let mut versions = BTreeMap::new();
    for report in cluster.list(&ListParams::default()).await? {
        versions.insert(String::new(), report.resource_version().unwrap_or_default());
    }
    for report in namespaces.list(&ListParams::default()).await? {
        versions.insert(
            report.namespace().unwrap_or_default(),
            report.resource_version().unwrap_or_default(),
        );
    }
    Ok(versions)
}

fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> usize {
    after
        .iter()
        .filter(|(name, version)| before.get(*name) != Some(version))
        .count()
}

/// Times `plumbline check` over a thousand manifests.
fn check_manifests() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for number in 0..1000 {
        let manifest = deployment(number, 3);
        std::fs::write(
            folder.path().join(format!("app-{number}.yaml")),
            serde_saphyr::to_string(&manifest)?,
        )?;
    }
    let program = std::env::current_exe()?.with_file_name("plumbline");
    let time = |arguments: &[&str]| -> anyhow::Result<Duration> {
        let mut times = Vec::new();
        for _ in 0..7 {
            let started = Instant::now();
            let output = Command::new(&program).args(arguments).output()?;
            times.push(started.elapsed());
            ensure!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(percentile(&mut times, 50))
    };
    let path = folder.path().display().to_string();
    let checked = time(&["check", "-f", &path, "-o", "json"])?;
    let started = time(&["version"])?;
    line(
        "check of 1,000 manifests",
        &millis(checked),
        &format!("{} start", millis(started)),
        "200 ms",
    )
}

/// The most memory that a process ever had, in MiB.
fn peak_memory(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM")?;
    let kib: f64 = peak.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib / 1024.0)
}

/// The processor time that a process has used.
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("no stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn line(what: &str, measured: &str, floor: &str, budget: &str) -> anyhow::Result<()> {
    Ok(writeln!(
        std::io::stdout(),
        "{what:<42} {measured:>12}  {floor:<24} {budget}"
    )?)
}
