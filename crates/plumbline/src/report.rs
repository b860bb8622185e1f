//! `plumbline report`: the reports that the operator has written.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use jiff::Timestamp;
use kube::Api;
use kube::api::ListParams;
use plumbline_api::conditions::{ConditionStatus, ConditionType};
use plumbline_api::history::ReferenceKind;
use plumbline_api::{
    ClusterComplianceReport, ComplianceReport, Finding, ItemResult, ItemStatus, ReportStatus,
};

use crate::cluster::{Cluster, block_on, one_line};
use crate::overview::{FindingRow, Overview, Row};
use crate::terminal::{self, Terminal};

/// Show the reports that the operator has written.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The report of this namespace instead of the cluster's.
    #[arg(short, long)]
    namespace: Option<String>,

    /// The cluster of this kubeconfig context instead of the current one.
    #[arg(long)]
    context: Option<String>,
}

/// The operator refreshes the cluster's report every ten minutes; older than this, nobody does.
const STALE_MINUTES: i64 = 15;

/// A stored report: its name, and what it says.
pub(crate) type Stored = (String, ReportStatus);

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let namespace = arguments.namespace.as_deref();
    let (cluster, reports) = block_on(async {
        let cluster = Cluster::connect(arguments.context.as_deref()).await?;
        let reports = fetch(&cluster, namespace).await?;
        Ok((cluster.name, reports))
    })?;
    let whose = namespace.map_or_else(
        || format!("cluster {cluster}"),
        |name| format!("namespace {name} of cluster {cluster}"),
    );
    if reports.is_empty() {
        bail!(
            "there is no report on {whose} yet; is the operator running? \
             kubectl --namespace plumbline-system get pods; plumbline check looks without it"
        );
    }
    let terminal = Terminal::stdout();
    let now = Timestamp::now();
    let pages: Vec<String> = reports
        .iter()
        .map(|(name, status)| overview(name, status, &whose, now).render(terminal))
        .collect();
    terminal::print(&pages.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// The reports that are stored on the cluster, or on one of its namespaces.
pub(crate) async fn fetch(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<Stored>> {
    let everything = ListParams::default();
    let listed = match namespace {
        None => {
            let api: Api<ClusterComplianceReport> = Api::all(cluster.client());
            let list = api.list(&everything).await;
            list.map(|list| {
                list.items
                    .into_iter()
                    .map(|report| (report.metadata.name, report.status))
                    .collect()
            })
        }
        Some(namespace) => {
            let api: Api<ComplianceReport> = Api::namespaced(cluster.client(), namespace);
            let list = api.list(&everything).await;
            list.map(|list| {
                list.items
                    .into_iter()
                    .map(|report| (report.metadata.name, report.status))
                    .collect()
            })
        }
    };
    let reports: Vec<(Option<String>, Option<ReportStatus>)> = match listed {
        Ok(reports) => reports,
        Err(kube::Error::Api(status)) if status.code == 404 => bail!(
            "Plumbline is not installed in cluster {}; to install it: kubectl apply -k config/default; \
             plumbline check looks without it",
            cluster.name
        ),
        Err(kube::Error::Api(status)) => bail!("the reports cannot be read: {}", status.message),
        Err(error) => bail!("the reports cannot be read: {}", one_line(&error)),
    };
    Ok(reports
        .into_iter()
        .filter_map(|(name, status)| Some((name.unwrap_or_default(), status?)))
        .collect())
}

fn overview(name: &str, status: &ReportStatus, whose: &str, now: Timestamp) -> Overview {
    let known = |item: &ItemResult| row(item, now);
    let rows: Vec<Row> = status.items.iter().filter_map(known).collect();
    let evaluated = status.last_evaluated.as_ref().map_or_else(
        || "not evaluated yet".to_owned(),
        |time| format!("evaluated {} ago", age(time.0, now)),
    );
    Overview {
        subject: format!("Report {name} on {whose}, {evaluated}."),
        notes: notes(status, rows.len(), now),
        rows,
        summary: status.summary.clone().unwrap_or_default(),
        verdict: verdict(status),
        substantial: true,
        selected: false,
        more: "plumbline check -o json shows all",
    }
}

fn notes(status: &ReportStatus, shown: usize, now: Timestamp) -> Vec<String> {
    let mut notes = Vec::new();
    // A namespaced report is written when it changes, and says nothing of the time between.
    if let Some(time) = status
        .last_evaluated
        .as_ref()
        .filter(|_| status.cluster_id.is_some())
        && now.duration_since(time.0).as_mins() >= STALE_MINUTES
    {
        notes.push("The report is old: the operator does not seem to run.".to_owned());
    }
    for condition in &status.conditions {
        let sound = ConditionStatus::True.as_str();
        let wanted = [ConditionType::Ready, ConditionType::Fresh].map(ConditionType::as_str);
        if wanted.contains(&condition.type_.as_str()) && condition.status != sound {
            notes.push(format!(
                "{} is {}: {}.",
                condition.type_, condition.status, condition.message
            ));
        }
    }
    let drifted = status.summary.as_ref().map_or(0, |summary| summary.drifted);
    if let Some(reference) = status.reference.as_ref().filter(|_| drifted > 0) {
        let what = if drifted == 1 {
            "1 item differs".to_owned()
        } else {
            format!("{drifted} items differ")
        };
        let since = match reference.kind {
            ReferenceKind::Initial => format!("what was there first, {} ago", age(reference.time.0, now)),
            ReferenceKind::Pin => format!("what was pinned {} ago", age(reference.time.0, now)),
        };
        notes.push(format!("{what} from {since}."));
    }
    let unknown = status.items.len() - shown;
    if unknown > 0 {
        notes.push(format!(
            "{unknown} items are not known to this version of plumbline, and not shown."
        ));
    }
    notes
}

fn verdict(status: &ReportStatus) -> (ConditionStatus, String) {
    let compliant = ConditionType::Compliant.as_str();
    let condition = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == compliant);
    condition.map_or(
        (
            ConditionStatus::Unknown,
            "nothing has been evaluated yet".to_owned(),
        ),
        |condition| {
            let status = condition.status.parse().unwrap_or(ConditionStatus::Unknown);
            (status, condition.message.clone())
        },
    )
}

/// The object of a finding; for a right, who has it by that.
fn object(finding: &Finding) -> String {
    let object = match &finding.namespace {
        Some(namespace) => format!("{} {namespace}/{}", finding.kind, finding.name),
        None => format!("{} {}", finding.kind, finding.name),
    };
    let subject = finding
        .subject
        .as_deref()
        .and_then(|subject| subject.split_once('/'));
    match subject {
        Some((kind, name)) => format!("{kind} {name} by {object}"),
        None => object,
    }
}

fn row(result: &ItemResult, now: Timestamp) -> Option<Row> {
    let item = plumbline_baseline::find(&result.id)?;
    let findings = result.sample.iter().map(|finding| FindingRow {
        severity: finding.severity,
        object: object(finding),
        container: finding.container.clone(),
        message: finding.message.clone(),
        place: None,
        waived: finding.waived.clone(),
    });
    Some(Row {
        item,
        status: result.status,
        reason: result.reason.clone(),
        message: result.message.clone(),
        level: result.level.unwrap_or(item.level),
        severity: result.severity.unwrap_or(item.severity),
        findings: if result.status == ItemStatus::Fail {
            findings.collect()
        } else {
            Vec::new()
        },
        total: result.findings as usize,
        changes: Some((age(result.since.0, now), result.drift)),
    })
}

/// A span of time as kubectl gives it: `42s`, `5m`, `3h`, `12d`.
pub(crate) fn age(from: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(from).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}
