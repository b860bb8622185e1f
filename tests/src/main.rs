//! A control plane to play with: `cargo run -p plumbline-tests -- --nodes 3 -- kubectl get nodes`.

use std::{
    env,
    io::Write as _,
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
};

use anyhow::Context as _;
use clap::Parser;
use plumbline_tests::{Component, ControlPlane, Options};
use tokio::process::Command;

/// Starts a Kubernetes control plane without containers and ends it with this program.
#[derive(Parser)]
#[command(name = "plumbline-controlplane", version)]
struct Arguments {
    /// How many fake nodes to create; pods scheduled to them become Running.
    #[arg(long, default_value_t = 1)]
    nodes: u32,
    /// Where to put a copy of the administrator's kubeconfig.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// One more flag for the API server, `--name=value`; can be repeated.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    api_server_flag: Vec<String>,
    /// What to run, with KUBECONFIG set and a fitting kubectl in PATH, instead of waiting for Ctrl-C.
    #[arg(last = true)]
    command: Vec<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut options = Options::default().nodes(arguments.nodes);
    for flag in arguments.api_server_flag {
        options = options.flag(Component::ApiServer, flag);
    }
    let plane = ControlPlane::start(options).await?;
    if let Some(path) = arguments.kubeconfig {
        std::fs::copy(plane.admin_kubeconfig(), &path).with_context(|| path.display().to_string())?;
    }
    match arguments.command.split_first() {
        None => wait(&plane).await.map(|()| ExitCode::SUCCESS),
        Some((program, rest)) => run(&plane, program, rest).await.map(exit_code),
    }
}

/// The one line is for a shell: `eval "$line"`.
async fn wait(plane: &ControlPlane) -> anyhow::Result<()> {
    writeln!(
        std::io::stdout(),
        "export KUBECONFIG={}",
        plane.admin_kubeconfig().display()
    )?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

async fn run(plane: &ControlPlane, program: &str, arguments: &[String]) -> anyhow::Result<ExitStatus> {
    let kubectl = plane.kubectl_path().await?;
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = kubectl
        .parent()
        .map(Path::to_owned)
        .into_iter()
        .chain(env::split_paths(&path));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("KUBECONFIG", plane.admin_kubeconfig())
        .env("PATH", env::join_paths(folders)?)
        .kill_on_drop(true);
    command
        .status()
        .await
        .with_context(|| format!("{program} cannot be run"))
}

/// The status of the command; like a shell, 1 for one that a signal ended.
fn exit_code(status: ExitStatus) -> ExitCode {
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}
