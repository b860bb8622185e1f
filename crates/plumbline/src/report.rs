//! `plumbline report`: the reports stored in a cluster.
use std::process::ExitCode;
use anyhow::Result;
use clap::Args;
/// Show the reports that the operator has written.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}
pub(crate) fn run(_: &Arguments) -> Result<ExitCode> { Ok(ExitCode::SUCCESS) }
