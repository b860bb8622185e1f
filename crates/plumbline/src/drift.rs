//! `plumbline drift`: what has changed since the reference.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use plumbline_api::baseline::DEFAULT_BASELINE;
use plumbline_api::conditions::{ConditionStatus, ConditionType, find};
use plumbline_api::history::{Reference, ReferenceKind};
use plumbline_api::{API_VERSION, Drift, ItemResult, ItemStatus, ReportStatus};
use serde::Serialize;

use crate::cluster::{Cluster, block_on};
use crate::report::{age, fetch};
use crate::tables;
use crate::terminal::{self, Terminal};

/// Show what has changed since the reference.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Reads the stored report: of the cluster, or with -n of a namespace. The
reference is what somebody pinned (plumbline pin), else the first complete
evaluation under the present baseline. An item that fails then and now, with
other findings, is Changed.

Exit codes:
  0  the comparison was made, whatever it shows
  2  there is no such report, no reference yet, or no cluster")]
pub(crate) struct Arguments {
    /// Of this namespace instead of the cluster.
    #[arg(short, long)]
    namespace: Option<String>,

    /// Under this baseline.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_BASELINE)]
    baseline: String,

    /// The cluster of this kubeconfig context instead of the current one.
    #[arg(long)]
    context: Option<String>,

    /// How to print the result.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// What has changed, as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DriftResult<'a> {
    api_version: &'static str,
    kind: &'static str,
    baseline: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    reference: Since<'a>,
    items: Vec<Differing<'a>>,
}

#[derive(Serialize)]
struct Since<'a> {
    kind: ReferenceKind,
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
}

/// An item that differs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Differing<'a> {
    id: &'a str,
    title: &'a str,
    drift: Drift,
    /// Status in the reference; an item that the reference does not have was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    then: Option<ItemStatus>,
    now: ItemStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_then: Option<i32>,
    failing: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_change: Option<i32>,
    since: Timestamp,
    /// The object that brought the present status about, if the history still has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
}

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
    let report = reports.iter().find(|(name, _)| *name == arguments.baseline);
    let Some((_, status)) = report else {
        let others: Vec<&str> = reports.iter().map(|(name, _)| name.as_str()).collect();
        let hint = if others.is_empty() {
            "is the operator running?".to_owned()
        } else {
            format!("there is --baseline {}", others.join(" or --baseline "))
        };
        bail!("there is no report {} on {whose}; {hint}", arguments.baseline)
    };
    let Some(reference) = &status.reference else {
        let why = find(&status.conditions, ConditionType::Drifted).map_or("", |drifted| &drifted.message);
        bail!(
            "the report {} on {whose} has no reference yet{}",
            arguments.baseline,
            after_colon(why)
        )
    };
    let changes = changes(status, reference);
    match arguments.output {
        Output::Json => {
            let result = DriftResult {
                api_version: API_VERSION,
                kind: "DriftResult",
                baseline: &arguments.baseline,
                namespace,
                reference: Since {
                    kind: reference.kind,
                    time: reference.time.0,
                    by: reference.by.as_deref(),
                },
                items: changes,
            };
            terminal::print(&(serde_json::to_string_pretty(&result)? + "\n"))?;
        }
        Output::Table => {
            let now = Timestamp::now();
            let mut text = headline(&whose, reference, changes.len(), now);
            // A comparison with a state that was lost is none.
            if let Some(lost) = find(&status.conditions, ConditionType::Drifted)
                .filter(|drifted| drifted.status == ConditionStatus::Unknown.as_str())
            {
                let _ = writeln!(text, "{}", lost.message);
            }
            if !changes.is_empty() {
                let _ = writeln!(text, "\n{}", table(&changes, now, Terminal::stdout()));
            }
            terminal::print(&text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn after_colon(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

fn changes<'a>(status: &'a ReportStatus, reference: &'a Reference) -> Vec<Differing<'a>> {
    let differing = status.items.iter().filter(|item| item.drift != Drift::None);
    differing.map(|item| change(item, status, reference)).collect()
}

fn change<'a>(item: &'a ItemResult, status: &'a ReportStatus, reference: &'a Reference) -> Differing<'a> {
    let then = reference.items.iter().find(|then| then.id == item.id);
    let cause = status
        .history
        .iter()
        .rev()
        .find(|transition| transition.item == item.id)
        .filter(|transition| transition.to == item.status && !transition.cause.is_empty())
        .map(|transition| transition.cause.as_str());
    let title = plumbline_baseline::find(&item.id).map_or("", |known| known.title);
    Differing {
        id: &item.id,
        title: item.title.as_deref().unwrap_or(title),
        drift: item.drift,
        then: then.map(|then| then.status),
        now: item.status,
        failing_then: then.map(|then| then.failing),
        failing: item.failing,
        failing_change: item.failing_change,
        since: item.since.0,
        cause,
    }
}

fn headline(whose: &str, reference: &Reference, number: usize, now: Timestamp) -> String {
    let ago = age(reference.time.0, now);
    let by = reference
        .by
        .as_ref()
        .map_or_else(String::new, |by| format!(" by {by}"));
    let state = match reference.kind {
        ReferenceKind::Initial => format!("what was there first, {ago} ago"),
        ReferenceKind::Pin => format!("what was pinned{by} {ago} ago"),
    };
    match number {
        0 => format!("Nothing differs on {whose} from {state}.\n"),
        1 => format!("1 item differs on {whose} from {state}.\n"),
        number => format!("{number} items differ on {whose} from {state}.\n"),
    }
}

fn table(changes: &[Differing<'_>], now: Timestamp, terminal: Terminal) -> String {
    let mut table = tables::plain(terminal);
    table.set_header(["ITEM", "TITLE", "DRIFT", "THEN", "NOW", "FAILING", "SINCE", "BY"]);
    for change in changes {
        let failing = match (change.failing_then, change.failing_change) {
            (Some(then), _) if then == change.failing => then.to_string(),
            (Some(then), _) => format!("{then} → {}", change.failing),
            (None, _) => change.failing.to_string(),
        };
        table.add_row([
            change.id.to_owned(),
            change.title.to_owned(),
            change.drift.to_string(),
            change
                .then
                .map_or_else(|| "-".to_owned(), |then| then.to_string()),
            change.now.to_string(),
            failing,
            age(change.since, now),
            change.cause.unwrap_or("-").to_owned(),
        ]);
    }
    tables::render(&mut table, &[0, 2, 3, 4, 5, 6])
}
