//! `plumbline snapshot`: what the items read of a cluster, as one file.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use plumbline_api::API_VERSION;
use plumbline_inventory::Evidence;
use serde_json::{Value, json};

use crate::cluster::{Cluster, block_on};
use crate::items;
use crate::terminal;

/// Print what the items read of a cluster, as one file that check -f reads back.
#[derive(Debug, Args)]
#[command(after_long_help = "\
The file is a List of the objects of every kind that items read, with the
baseline of the cluster and, as last element, what is known beside them: the
version of the API server, what it answers to requests without credentials, and
which kinds could not be listed. Objects are as the cluster has them, data of ConfigMaps included:
treat the file like a dump of kubectl.

Exit codes:
  0  everything was read that may be
  2  unreachable cluster, or a kind that could not be listed for another reason
     than that it is forbidden or absent; the rest is printed all the same

Examples:
  plumbline snapshot > cluster.json
  plumbline check -f cluster.json")]
pub(crate) struct Arguments {
    /// The cluster of this kubeconfig context instead of the current one.
    #[arg(long)]
    context: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (snapshot, baseline) = block_on(async {
        let cluster = Cluster::connect(arguments.context.as_deref()).await?;
        let baseline = cluster.baseline().await?;
        Ok((cluster.snapshot(items::kinds()).await, baseline))
    })?;
    let evidence = evidence(&Evidence::of(&snapshot.known))?;
    let elements = snapshot.objects.into_iter().chain(baseline).chain([evidence]);
    match print(elements) {
        // A reader that has seen enough is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    for error in &snapshot.errors {
        terminal::complain(&format!("error: {error}"));
    }
    Ok(if snapshot.errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(crate::TROUBLE)
    })
}

/// The document that only files contain.
pub(crate) fn evidence(known: &Evidence) -> Result<Value> {
    let mut document = serde_json::to_value(known)?;
    document["apiVersion"] = json!(API_VERSION);
    document["kind"] = json!("Evidence");
    Ok(document)
}

/// Prints a List, an element to a line.
fn print(elements: impl Iterator<Item = Value>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    out.write_all(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[")?;
    for (at, element) in elements.enumerate() {
        out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut out, &element)?;
    }
    out.write_all(b"\n]}\n")?;
    out.flush()
}
