//! `plumbline diff`: what manifests would change, before they are applied.

mod comparison;
mod overlay;
mod result;
mod selector;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use plumbline_api::Level;
use plumbline_engine::{Evaluation, Home, ItemState};
use plumbline_inventory::Evidence;
use serde_json::Value;

use crate::baseline::Baseline;
use crate::cluster::{Cluster, block_on};
use crate::input::{self, InputError, Manifests, Place};
use crate::terminal::{self, Terminal};
use crate::{TROUBLE, items, snapshot};
use comparison::compare;
use overlay::Objects;

/// Show what manifests would change in a cluster, before they are applied.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Evaluates the cluster (or a snapshot of one) as it is and with the manifests
applied on top, and shows the items and findings that would appear or go. Rights
to read are enough; nothing is sent to the cluster.

Exit codes:
  0  no regression
  1  a regression: the status of a required item would get worse (to Fail,
     Unknown or NeedsAttestation, from anything better; Pass, Attested, Waived
     and NotApplicable are as good as each other), or a required item would have
     a new finding that nobody has accepted. A finding that says something else
     of the same object, container, subject and role, with no higher severity,
     is shown and is not new. With --level recommended, recommended items count
     as well
  2  wrong usage, an unreachable cluster, or input that could not be read; what
     could be is compared all the same

How manifests are applied:
  An object that is there gets the spec, data, rules or subjects of its
  manifest; its labels and annotations are added to, its number of replicas
  stays unless the manifest has one. Workloads are compared template with
  template: the pods of those that are applied are left out on both sides. What
  admission webhooks would add is not known. To have the API server's own
  opinion of the result:
    kubectl apply --dry-run=server -f deploy/ -o yaml | plumbline diff -f -
  A ComplianceBaseline named default among the manifests goes by itself for the
  result.
  With --prune, objects of the cluster that carry these labels and are not
  among the manifests are deleted, with what their controllers made and, for a
  Namespace, what is in it. Objects with a controller of their own are not.

Examples:
  plumbline diff -f deploy/
  plumbline diff -f deploy/ --prune app.kubernetes.io/part-of=shop
  plumbline snapshot > base.json; plumbline diff -f deploy/ --base base.json")]
pub(crate) struct Arguments {
    /// Manifests: a file, a folder, or - for standard input; may be repeated.
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-", required = true)]
    files: Vec<PathBuf>,

    /// The cluster of this kubeconfig context instead of the current one.
    #[arg(long, conflicts_with = "base")]
    context: Option<String>,

    /// A snapshot, or other manifests, instead of a cluster.
    #[arg(long, visible_alias = "f-base", value_name = "FILE|DIR")]
    base: Option<PathBuf>,

    /// Delete what carries these labels and is not among the manifests.
    #[arg(long, value_name = "SELECTOR")]
    prune: Option<String>,

    /// The namespace of manifests that name none.
    #[arg(short, long)]
    namespace: Option<String>,

    /// The items whose regressions count: required ones, or recommended ones as well.
    #[arg(long, value_enum, default_value_t = LevelArgument::Required)]
    level: LevelArgument,

    /// How to print the result.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LevelArgument {
    Required,
    Recommended,
}

/// What is compared with what.
struct Base {
    objects: Vec<(Place, Value)>,
    errors: Vec<InputError>,
    /// What it is, for people.
    subject: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let prune = arguments.prune.as_deref().map(selector::parse).transpose()?;
    let namespace = overlay::namespace(arguments.namespace.as_deref());
    let (manifests, mut errors) = input::objects(&arguments.files);
    let manifests = Objects::of(manifests, namespace);
    if manifests.is_empty() && errors.is_empty() && prune.is_none() {
        bail!("there is no object of a kind that items read in the manifests; nothing would change");
    }
    let base = match &arguments.base {
        Some(path) => Base::file(path),
        None => block_on(Base::cluster(arguments.context.as_deref()))?,
    };
    errors.extend(base.errors);
    let present = Objects::of(base.objects, overlay::namespace(None));
    let (before, after, touched) = overlay::apply(&present, &manifests, prune.as_ref());
    let kinds = items::kinds();
    let before = World::of(input::cluster_of(before.into_list(), &kinds), &mut errors)?;
    let after = World::of(input::cluster_of(after.into_list(), &kinds), &mut errors)?;
    let now = Timestamp::now();
    let changes = compare(before.states(now), after.states(now), |item| {
        after.baseline.settings.level(item)
    });
    let result = result::Comparison {
        subject: &base.subject,
        touched,
        level: arguments.level.into(),
        changes: &changes,
        manifests: &manifests,
        errors: &errors,
    };
    match arguments.output {
        Output::Json => {
            let json = serde_json::to_string_pretty(&result.document())?;
            terminal::print(&(json + "\n"))?;
        }
        Output::Table => terminal::print(&result.text(Terminal::stdout()))?,
    }
    for error in &errors {
        terminal::complain(&format!("error: {error}"));
    }
    Ok(match (errors.is_empty(), result.regression()) {
        (false, _) => ExitCode::from(TROUBLE),
        (true, true) => ExitCode::FAILURE,
        (true, false) => ExitCode::SUCCESS,
    })
}

/// A cluster, and what it goes by.
struct World {
    manifests: Manifests,
    baseline: Baseline,
}

impl World {
    fn of(mut manifests: Manifests, errors: &mut Vec<InputError>) -> Result<Self> {
        let mut baseline = match manifests.baseline.take() {
            Some((place, value)) => Baseline::from_manifest(&place, value)?,
            None => Baseline::built_in(),
        };
        let problems = manifests.errors.drain(..).chain(baseline.problems.drain(..));
        for problem in problems {
            // What is wrong before and after is said once.
            if !errors.contains(&problem) {
                errors.push(problem);
            }
        }
        Ok(Self { manifests, baseline })
    }

    /// With every finding.
    fn states(&self, now: Timestamp) -> Vec<ItemState> {
        let (inventory, settings) = (&self.manifests.inventory, &self.baseline.settings);
        let evaluation = Evaluation::full(inventory, settings, now);
        evaluation.states(&Home::Cluster, inventory, settings, usize::MAX)
    }
}

impl Base {
    fn file(path: &std::path::Path) -> Self {
        let (objects, errors) = input::objects(&[path.to_owned()]);
        Self {
            objects,
            errors,
            subject: path.display().to_string(),
        }
    }

    async fn cluster(context: Option<&str>) -> Result<Self> {
        let cluster = Cluster::connect(context).await?;
        let (baseline, mut errors) = match cluster.baseline().await {
            Ok(baseline) => (baseline, Vec::new()),
            Err(error) => (None, vec![InputError::elsewhere(error.to_string())]),
        };
        let snapshot = cluster.snapshot(items::kinds()).await;
        errors.extend(snapshot.errors.into_iter().map(InputError::elsewhere));
        let evidence = snapshot::evidence(&Evidence::of(&snapshot.known))?;
        let place = Place::of_cluster(&cluster.name);
        let objects = snapshot.objects.into_iter().chain(baseline).chain([evidence]);
        Ok(Self {
            objects: objects.map(|object| (place.clone(), object)).collect(),
            errors,
            subject: format!("cluster {}", cluster.name),
        })
    }
}

impl From<LevelArgument> for Level {
    fn from(level: LevelArgument) -> Self {
        match level {
            LevelArgument::Required => Self::Required,
            LevelArgument::Recommended => Self::Recommended,
        }
    }
}
