//! Generators: what is written from code, and by nobody's hand.
//!
//! Each generator is a module with a function that says which files it makes; [`generated`] writes or checks
//! them. A test in the module fails when a file is not as the generator would write it, and names the command.

mod crds;
mod defaults;
mod generated;
mod items;
mod rbac;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Writes the files that are generated from code.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    generator: Generator,

    /// Change nothing; fail if a file is not as it would be written.
    #[arg(long, global = true)]
    check: bool,
}

#[derive(Clone, Copy, Subcommand)]
enum Generator {
    /// The custom resource definitions, in crds/.
    Crds,
    /// What Kubernetes' own roles and bindings say, in crates/rbac/src/recognised/defaults.txt. Takes Go, which
    /// downloads the sources of each version.
    Defaults,
    /// A page about each item, in docs/items/.
    Items,
    /// What the operator may do, in config/rbac/role.yaml.
    Rbac,
}

fn main() -> ExitCode {
    let Arguments { generator, check } = Arguments::parse();
    let folder = match generator {
        Generator::Crds => crds::folder(),
        Generator::Defaults => defaults::folder(),
        Generator::Items => Ok(items::folder()),
        Generator::Rbac => Ok(rbac::folder()),
    };
    match folder.and_then(|folder| if check { folder.check() } else { folder.write() }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The backtrace of `Termination` would say nothing about the file.
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}
