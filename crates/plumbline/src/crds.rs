//! `plumbline crds`.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::terminal;

/// Print the custom resource definitions, ready for kubectl apply.
#[derive(Debug, Args)]
#[command(after_help = "plumbline crds | kubectl apply --server-side -f -")]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<ExitCode> {
    let mut stream = String::new();
    for crd in plumbline_api::crds() {
        let yaml = serde_saphyr::to_string(&plumbline_api::manifest(&crd))?;
        write!(stream, "---\n{yaml}")?;
    }
    terminal::print(&stream)?;
    Ok(ExitCode::SUCCESS)
}
