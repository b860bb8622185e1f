//! The operator says what a check of the same objects says.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use plumbline_api::{Finding, ItemResult, ReportStatus};
use plumbline_baseline::{Check, Item};
use plumbline_tests::{ControlPlane, Operator, Options, Reports, eventually};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{SOON, kubectl, namespace};

/// Six namespaces, some well kept, some not.
const COMPANY: &str = include_str!("../../../demo/company.yaml");

/// Every other way to run something, good and bad.
const MORE: &str = include_str!("workloads.yaml");

#[tokio::test]
async fn the_report_equals_a_check_of_a_snapshot_and_of_the_cluster() {
    let plane = ControlPlane::start(Options::default().nodes(2)).await.unwrap();
    plane.install_crds().await.unwrap();
    plane.apply(&namespace("workshop").to_string()).await.unwrap();
    let account = ["-n", "workshop", "get", "serviceaccount", "default"];
    eventually("the workshop takes pods", SOON, || async {
        Ok(plane.kubectl(account).await?.status.success().then_some(()))
    })
    .await
    .unwrap();
    plane.apply(COMPANY).await.unwrap();
    plane.apply(MORE).await.unwrap();
    plane.apply(&mirror_pod(&plane).await.to_string()).await.unwrap();
    let _operator = Operator::start(&plane).await.unwrap();
    let reports = plane.reports();
    kubectl(
        &plane,
        &[
            "-n",
            "workshop",
            "wait",
            "--for=condition=complete",
            "job/done",
            "--timeout=60s",
        ],
    )
    .await;
    kubectl(
        &plane,
        &[
            "-n",
            "workshop",
            "rollout",
            "status",
            "statefulset/ledger",
            "--timeout=60s",
        ],
    )
    .await;

    // Pods are on their way for a while, and counts alone for half a minute more.
    let report = eventually("the report equals the check", SOON * 2, || async {
        let snapshot = snapshot(&plane).await?;
        let of_snapshot = check(&plane, Some(&snapshot)).await?;
        let of_cluster = check(&plane, None).await?;
        let report = reports.get(None).await?;
        compare(&report, &of_snapshot).context("a check of a snapshot")?;
        compare(&report, &of_cluster).context("a check of the cluster")?;
        Ok(Some(report))
    })
    .await
    .unwrap();

    // It is a comparison of something.
    let statuses: std::collections::BTreeSet<&str> =
        report.items.iter().map(|item| item.status.as_str()).collect();
    for wanted in ["Fail", "Pass", "Unknown"] {
        assert!(statuses.contains(wanted), "{statuses:?}");
    }
    let privileged = report.items.iter().find(|item| item.id == "WL-04").unwrap();
    assert!(privileged.evaluated >= 20, "{privileged:?}");
    assert!(privileged.inactive >= 2, "{privileged:?}");
    assert!(
        privileged.failing >= 2 && privileged.waived >= 1,
        "{privileged:?}"
    );
    namespaces_agree_too(&plane, &reports, &report).await;
}

/// A pod that looks as if a kubelet had made it from a file.
async fn mirror_pod(plane: &ControlPlane) -> Value {
    let uid = kubectl(
        plane,
        &["get", "node", "node-0", "-o", "jsonpath={.metadata.uid}"],
    )
    .await;
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "proxy-node-0", "namespace": "kube-system",
            "annotations": { "kubernetes.io/config.mirror": "0123", "kubernetes.io/config.hash": "0123" },
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Node", "name": "node-0", "uid": uid, "controller": true,
            }],
        },
        "spec": {
            "nodeName": "node-0", "hostNetwork": true,
            "containers": [{
                "name": "proxy", "image": "registry.example/proxy:1.0", "securityContext": { "privileged": true },
            }],
        },
    })
}

/// What `plumbline snapshot` prints.
async fn snapshot(plane: &ControlPlane) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(Operator::binary()?)
        .arg("snapshot")
        .env("KUBECONFIG", plane.admin_kubeconfig())
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}

/// What a check of a snapshot says, or of the cluster itself without one.
async fn check(plane: &ControlPlane, snapshot: Option<&[u8]>) -> anyhow::Result<Value> {
    let source: &[&str] = if snapshot.is_some() { &["-f", "-"] } else { &[] };
    let mut child = Command::new(Operator::binary()?)
        .args(["check", "-o", "json"])
        .args(source)
        .env("KUBECONFIG", plane.admin_kubeconfig())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("there is a standard input")?;
    let (written, output) = tokio::join!(
        async move { input.write_all(snapshot.unwrap_or_default()).await },
        child.wait_with_output(),
    );
    written?;
    let output = output?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn compare(report: &ReportStatus, check: &Value) -> anyhow::Result<()> {
    let errors = check["errors"].as_array().map_or(0, Vec::len);
    ensure!(errors == 0, "{}", check["errors"]);
    let items = check["items"].as_array().context("a check has items")?;
    ensure!(items.len() == report.items.len());
    for (item, checked) in report.items.iter().zip(items) {
        let (of_report, of_check) = (of_report(item), of_check(checked)?);
        ensure!(
            of_report == of_check,
            "the report says {of_report}, the check {of_check}"
        );
    }
    let summary = report.summary.as_ref().context("a report has a summary")?;
    ensure!(
        check["summary"]["score"] == json!(summary.score),
        "{}",
        check["summary"]
    );
    Ok(())
}

/// What has to be equal.
fn of_report(item: &ItemResult) -> Value {
    json!({
        "id": item.id, "status": item.status, "reason": item.reason, "message": item.message,
        "evaluated": item.evaluated, "failing": item.failing, "waived": item.waived, "inactive": item.inactive,
        "findings": item.findings, "sample": item.sample.iter().map(line).collect::<Vec<_>>(),
    })
}

/// The same of a check, which tells of every finding, in the order of a sample.
fn of_check(item: &Value) -> anyhow::Result<Value> {
    let findings = item["findings"].as_array().context("an item has findings")?;
    let sample = findings.iter().take(plumbline_engine::report::CLUSTER_SAMPLE);
    let mut equal = json!({ "findings": findings.len() });
    for field in [
        "id",
        "status",
        "reason",
        "message",
        "evaluated",
        "failing",
        "waived",
        "inactive",
    ] {
        equal[field] = item[field].clone();
    }
    equal["sample"] = sample
        .map(|finding| {
            let object = &finding["object"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            [
                text(&object["kind"]),
                text(&object["namespace"]),
                text(&object["name"]),
                text(&finding["container"]),
                text(&finding["severity"]),
                text(&finding["message"]),
            ]
            .join("|")
        })
        .collect();
    Ok(equal)
}

fn line(finding: &Finding) -> String {
    [
        &finding.kind,
        finding.namespace.as_deref().unwrap_or_default(),
        &finding.name,
        finding.container.as_deref().unwrap_or_default(),
        finding.severity.as_str(),
        &finding.message,
    ]
    .join("|")
}

/// The numbers of the cluster are those of its namespaces.
async fn namespaces_agree_too(plane: &ControlPlane, reports: &Reports, of_cluster: &ReportStatus) {
    let names = kubectl(plane, &["get", "namespaces", "-o", "name"]).await;
    let names: Vec<&str> = names
        .lines()
        .filter_map(|name| name.strip_prefix("namespace/"))
        .collect();
    eventually("the reports of namespaces add up", SOON, || async {
        let mut of_namespaces = Vec::new();
        for name in &names {
            of_namespaces.push(reports.get(Some(name)).await?);
        }
        for item in &of_namespaces[0].items {
            let sum = |count: fn(&ItemResult) -> i32| -> i32 {
                let items = of_namespaces.iter().flat_map(|report| &report.items);
                items.filter(|other| other.id == item.id).map(count).sum()
            };
            let whole = of_cluster.items.iter().find(|whole| whole.id == item.id);
            let whole = whole.context("the cluster's report lists every item")?;
            for count in [
                (|item| item.evaluated) as fn(&ItemResult) -> i32,
                |item| item.failing,
                |item| item.waived,
                |item| item.inactive,
                |item| item.pods,
                |item| item.findings,
            ] {
                // Who is bound cluster-wide is in the cluster's report only.
                let beside = plumbline_baseline::find(&item.id).is_some_and(counts_beside_namespaces);
                ensure!(
                    sum(count) == count(whole) || beside && sum(count) < count(whole),
                    "{}: {} and {}",
                    item.id,
                    sum(count),
                    count(whole)
                );
            }
        }
        Ok(Some(()))
    })
    .await
    .unwrap();
}

/// Whether there are objects that the item counts and that are in no namespace.
fn counts_beside_namespaces(item: &Item) -> bool {
    let beside = |check: &Check| {
        matches!(
            check,
            Check::Subject(_) | Check::UnboundRole(_) | Check::ClusterObjects(_)
        )
    };
    item.checks.iter().any(beside)
}
