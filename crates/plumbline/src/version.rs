//! `plumbline version`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use plumbline_baseline::ITEMS;

use crate::terminal;

/// Print the version.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<ExitCode> {
    let checked = ITEMS.iter().filter(|item| item.is_implemented()).count();
    let version = env!("CARGO_PKG_VERSION");
    terminal::print(&format!(
        "plumbline {version}\n{} items, {checked} of them with a check\n",
        ITEMS.len()
    ))?;
    Ok(ExitCode::SUCCESS)
}
