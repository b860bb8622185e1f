//! `plumbline explain`.
use std::process::ExitCode;
use anyhow::Result;
use clap::Args;
/// Explain.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}
pub(crate) fn run(_: &Arguments) -> Result<ExitCode> { Ok(ExitCode::SUCCESS) }
