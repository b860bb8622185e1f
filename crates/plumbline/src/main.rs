//! The plumbline command: one module for each subcommand, and what they share.

mod approve;
mod attest;
mod baseline;
mod caller;
mod check;
mod cluster;
mod completions;
mod crds;
mod decision;
mod diff;
mod drift;
mod explain;
mod input;
mod items;
mod markdown;
mod overview;
mod pin;
mod reach;
mod report;
mod run;
mod snapshot;
mod tables;
mod terminal;
mod version;
mod who_can;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Holds a Kubernetes cluster, or manifests, against a compliance baseline.
#[derive(Debug, Parser)]
#[command(
    name = "plumbline",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Run(run::Run),
    Report(report::Arguments),
    Reach(reach::Arguments),
    Explain(explain::Arguments),
    WhoCan(who_can::Arguments),
    Snapshot(snapshot::Arguments),
    Diff(diff::Arguments),
    Approve(approve::Arguments),
    Attest(attest::Arguments),
    Pin(pin::Arguments),
    Drift(drift::Arguments),
    Crds(crds::Arguments),
    Completions(completions::Arguments),
    Version(version::Arguments),
}

/// The exit code of a command that could not do what it was asked to.
const TROUBLE: u8 = 2;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Run(run) => run.execute().map(|()| ExitCode::SUCCESS),
        Command::Reach(arguments) => reach::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::WhoCan(arguments) => who_can::run(&arguments),
        Command::Snapshot(arguments) => snapshot::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Approve(arguments) => approve::run(&arguments),
        Command::Attest(arguments) => attest::run(&arguments),
        Command::Pin(arguments) => pin::run(&arguments),
        Command::Drift(arguments) => drift::run(&arguments),
        Command::Crds(arguments) => crds::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Version(arguments) => version::run(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        terminal::complain(&format!("error: {error:#}"));
        ExitCode::from(TROUBLE)
    })
}
