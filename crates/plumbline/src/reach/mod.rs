//! `plumbline reach`: who may talk to whom.

mod dot;
mod ends;
mod explanation;
mod json;
mod subject;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use plumbline_network::{Edge, Network, Peer};

use crate::terminal;
use subject::Subject;

/// Show who may talk to whom under the network policies.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Output:
  One line for each pair of ends between which something is allowed:
    shop/web[Deployment] => shop/db[StatefulSet] : TCP 5432
  Workloads stand for their pods. Addresses outside of the cluster are shown
  as ranges, cut where a policy tells them apart; IPv6 only where a policy
  names an IPv6 block. ingress-controller is whoever serves Ingresses and
  routes of Gateways: it gets as far as a pod that no policy knows by its
  labels. Connections within a workload are left out.

What is taken for granted:
  A network plugin that enforces NetworkPolicies. Pods on the host network are
  outside of every policy. The addresses of pods and nodes are not known:
  address blocks hold for what is outside of the cluster.

Exit codes:
  0  everything was evaluated
  2  wrong usage, an unreachable cluster, or something that could not be
     evaluated, or not as it is written; the rest is shown all the same

Examples:
  plumbline reach -f deploy/
  plumbline reach -f deploy/ -o dot | dot -Tsvg > reach.svg
  plumbline reach --explain shop/web shop/db")]
pub(crate) struct Arguments {
    /// Manifests: a file, a folder, or - for standard input; may be repeated. Without it, a cluster is read.
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-")]
    files: Vec<PathBuf>,

    /// Read the cluster of this kubeconfig context instead of the current one.
    #[arg(long, conflicts_with = "files")]
    context: Option<String>,

    /// Of a cluster, show only connections from or to this namespace; with -f, the namespace of objects that name none.
    #[arg(short, long)]
    namespace: Option<String>,

    /// How to print the result.
    #[arg(short, long, value_enum, default_value_t = Output::Txt)]
    output: Output,

    /// Show which policies decide what SRC may open to DST: workloads (namespace/name), addresses, ingress-controller.
    #[arg(long, num_args = 2, value_names = ["SRC", "DST"])]
    explain: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Txt,
    Json,
    Dot,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let namespace = arguments.namespace.as_deref();
    let mut subject = if arguments.files.is_empty() {
        Subject::cluster(arguments.context.as_deref(), namespace)?
    } else {
        Subject::manifests(&arguments.files, namespace)
    };
    let network = Network::of(&subject.inventory);
    subject.note_problems(&network.problems());
    let text = match &arguments.explain {
        Some(ends) => explanation::text(&subject, &network, [&ends[0], &ends[1]], arguments.output)?,
        None => all(arguments, &subject, &network)?,
    };
    terminal::print(&text)?;
    if network.workloads().next().is_none() && subject.errors.is_empty() {
        terminal::complain("warning: there are no workloads, and so nobody who could talk");
    }
    for note in &subject.notes {
        terminal::complain(&format!("note: {note}"));
    }
    for error in &subject.errors {
        terminal::complain(&format!("error: {error}"));
    }
    Ok(if subject.errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(crate::TROUBLE)
    })
}

fn all(arguments: &Arguments, subject: &Subject, network: &Network) -> Result<String> {
    let mut edges = network.edges(&subject.inventory);
    if let Some(namespace) = &subject.only {
        edges.retain(|edge| is_in(&edge.from, namespace) || is_in(&edge.to, namespace));
    }
    Ok(match arguments.output {
        Output::Txt => lines(&edges),
        Output::Json => json::all(subject, network, &edges)?,
        Output::Dot => dot::graph(
            &edges,
            &network.named_workloads(&subject.inventory),
            subject.only.as_deref(),
        ),
    })
}

fn is_in(peer: &Peer, namespace: &str) -> bool {
    matches!(peer, Peer::Workload(workload) if *workload.namespace == *namespace)
}

fn lines(edges: &[Edge]) -> String {
    edges.iter().fold(String::new(), |mut text, edge| {
        let _ = writeln!(text, "{edge}");
        text
    })
}
