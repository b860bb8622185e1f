//! The plumbline command.

mod run;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
enum Command {
    Run(run::Run),
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Run(run) => run.execute(),
    }
}
