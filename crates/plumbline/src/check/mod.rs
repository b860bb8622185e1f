//! `plumbline check`: one evaluation, no operator needed.

mod evidence;
mod gate;
mod result;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use plumbline_api::Level;
use plumbline_engine::{Evaluation, ItemState};

use crate::baseline::Baseline;
use crate::items;
use crate::terminal::{self, Terminal};
use evidence::Evidence;

/// Check manifests or a cluster, once.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit codes:
  0  the check ran, whatever it found
  1  it found what --fail-on names
  2  wrong usage, an unreachable cluster, or input that could not be
     evaluated; what could be is reported all the same

Manifests:
  Folders are searched for *.yaml, *.yml and *.json. Lists are unfolded,
  objects of kinds that no item reads are left out. A kind that is not there
  counts as \"none\", workloads stand for their pods, a network plugin that
  enforces NetworkPolicies is assumed, the defaults of LimitRanges are applied.
  A ComplianceBaseline named default among the manifests is used, unless
  --baseline names another.
  A document that cannot be evaluated is an error, and the rest goes on:
  malformed text, an object with a field of the wrong type (items that read it
  are Unknown), the first of two objects of one name that differ.

Examples:
  plumbline check                                  the current cluster
  plumbline check -f deploy/ --fail-on fail        a folder, in CI
  helm template ./chart | plumbline check -f - -n shop
  plumbline check -n shop --items WL-04,host-network -o json")]
pub(crate) struct Arguments {
    /// Manifests: a file, a folder, or - for standard input; may be repeated. Without it, a cluster is checked.
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-")]
    files: Vec<PathBuf>,

    /// Check the cluster of this kubeconfig context instead of the current one.
    #[arg(long, conflicts_with = "files")]
    context: Option<String>,

    /// Of a cluster, report on this namespace only; with -f, the namespace of objects that name none.
    #[arg(short, long)]
    namespace: Option<String>,

    /// How to print the result.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,

    /// Only these items, by id or slug.
    #[arg(long, value_name = "ITEM", value_delimiter = ',')]
    items: Vec<String>,

    /// A file with the baseline to go by, instead of the cluster's or the built-in one.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Exit with 1 if an item fails; with unknown, also if one cannot be decided.
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,

    /// The items that --fail-on looks at: required ones, or recommended ones as well.
    #[arg(long, value_enum, default_value_t = LevelArgument::Required)]
    level: LevelArgument,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
    Yaml,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Fail,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LevelArgument {
    Required,
    Recommended,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let wanted = items::select(&arguments.items)?;
    let given = arguments
        .baseline
        .as_deref()
        .map(Baseline::from_file)
        .transpose()?;
    let mut evidence = if arguments.files.is_empty() {
        Evidence::cluster(
            arguments.context.as_deref(),
            arguments.namespace.as_deref(),
            given,
        )?
    } else {
        Evidence::manifests(&arguments.files, arguments.namespace.as_deref(), given)?
    };
    let mut states = evaluate(&evidence);
    states.retain(|state| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.contains(state.item.id))
    });

    if evidence.is_empty() {
        terminal::complain("warning: no object of a kind that items read; an empty input passes every check");
    }
    let incomplete = !evidence.errors.is_empty();
    let problems = std::mem::take(&mut evidence.baseline.problems);
    evidence.errors.extend(problems);
    match arguments.output {
        // Where nothing could be read, the errors say all there is to say.
        Output::Table if evidence.is_unreadable() => {}
        Output::Table => table::print(&evidence, &states, wanted.is_some(), Terminal::stdout())?,
        Output::Json => {
            let json = serde_json::to_string_pretty(&result::of(&evidence, &states))?;
            terminal::print(&(json + "\n"))?;
        }
        Output::Yaml => {
            terminal::print(&serde_saphyr::to_string(&result::of(&evidence, &states))?)?;
        }
    }
    for error in &evidence.errors {
        terminal::complain(&format!("error: {error}"));
    }
    let met = arguments
        .fail_on
        .and_then(|limit| gate::met(limit, arguments.level, &states, &evidence.baseline.settings));
    if let Some(met) = &met {
        terminal::complain(met);
    }
    Ok(match (incomplete, met) {
        (true, _) => ExitCode::from(crate::TROUBLE),
        (false, Some(_)) => ExitCode::FAILURE,
        (false, None) => ExitCode::SUCCESS,
    })
}

/// Evaluates everything: with the code of the operator, and with every finding.
fn evaluate(evidence: &Evidence) -> Vec<ItemState> {
    let Evidence {
        inventory,
        home,
        baseline,
        ..
    } = evidence;
    let evaluation = Evaluation::full(inventory, &baseline.settings, Timestamp::now());
    evaluation.states(home, inventory, &baseline.settings, usize::MAX)
}

impl From<LevelArgument> for Level {
    fn from(level: LevelArgument) -> Self {
        match level {
            LevelArgument::Required => Self::Required,
            LevelArgument::Recommended => Self::Recommended,
        }
    }
}
