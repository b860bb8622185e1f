//! The operator as a process: `plumbline run` against a control plane.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tokio::time::{Instant, sleep};

use crate::{
    controlplane::ControlPlane,
    plain_http,
    process::{Process, ProcessGroup},
    wait::PAUSE,
};

/// Ample for a process that only has to open a port.
const STARTED_WITHIN: Duration = Duration::from_mins(1);
/// The operator finishes what it is writing and gives the lease back; it allows itself ten seconds.
const ENDED_WITHIN: Duration = Duration::from_secs(20);
/// The namespace that holds the lease.
pub(crate) const NAMESPACE: &str = "plumbline-system";

/// A running operator. It ends when this is dropped, as all processes of a test do.
///
/// Its log lies with those of the control plane, and is kept if they are.
#[derive(Debug)]
pub struct Operator {
    // Dropped in this order.
    process: Process,
    _group: ProcessGroup,
    log: PathBuf,
    port: u16,
}

impl Operator {
    /// Starts the operator with every right.
    ///
    /// # Errors
    /// The binary has not been built, or does not start.
    pub async fn start(plane: &ControlPlane) -> anyhow::Result<Self> {
        Self::start_as(plane, &plane.admin_kubeconfig(), "plumbline-0").await
    }

    /// Starts the operator as whoever `kubeconfig` says, in a pod of the name `replica`.
    ///
    /// # Errors
    /// The binary has not been built, or does not start.
    pub async fn start_as(plane: &ControlPlane, kubeconfig: &Path, replica: &str) -> anyhow::Result<Self> {
        Self::start_with(plane, kubeconfig, replica, &[]).await
    }

    /// Starts the operator with more arguments.
    ///
    /// # Errors
    /// The binary has not been built, or does not start.
    pub async fn start_with(
        plane: &ControlPlane,
        kubeconfig: &Path,
        replica: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = plane.work.file(&format!("{replica}-{number}.log"));
        let mut command = Command::new(Self::binary()?);
        command
            .env("KUBECONFIG", kubeconfig)
            .env("HOSTNAME", replica)
            .env_remove("RUST_LOG");
        // The API server is on loopback.
        for proxy in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
            command.env_remove(proxy);
        }
        let usual = [
            "run",
            "--namespace",
            NAMESPACE,
            "--metrics-addr",
            "127.0.0.1:0",
            "--debounce",
            "200",
        ];
        let arguments: Vec<String> = usual.iter().chain(arguments).map(|&a| a.to_owned()).collect();
        let group = ProcessGroup::new(None)?;
        let mut process = group.spawn_in(&mut command, &arguments, &log)?;
        let port = port(&mut process, &log).await?;
        Ok(Self {
            process,
            _group: group,
            log,
            port,
        })
    }

    /// Where `plumbline` is: beside the tests.
    ///
    /// # Errors
    /// It has not been built.
    pub fn binary() -> anyhow::Result<PathBuf> {
        let executable = env::current_exe()?;
        let folder = executable.parent().context("the test lies in no folder")?;
        let candidates = [folder.join("plumbline"), folder.join("../plumbline")];
        candidates
            .into_iter()
            .find(|path| path.is_file())
            .with_context(|| {
                format!(
                    "there is no plumbline binary beside {}: cargo build -p plumbline",
                    executable.display()
                )
            })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// It has ended; the error has the end of its log.
    pub fn check(&mut self) -> anyhow::Result<()> {
        self.process.check()
    }

    /// The value of a series such as `plumbline_leader` or `plumbline_input_synced{kind="Pod"}`, if there is one.
    ///
    /// # Errors
    /// The metrics cannot be read.
    pub async fn metric(&self, series: &str) -> anyhow::Result<Option<f64>> {
        let metrics = plain_http::get(self.port, "/metrics").await?;
        let value = metrics
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value
            .map(|value| value.parse().with_context(|| format!("{series} is {value}")))
            .transpose()
    }

    /// Whether `path`, `/healthz` or `/readyz`, answers with 200.
    ///
    /// # Errors
    /// Nothing answers.
    pub async fn is_ok(&self, path: &str) -> anyhow::Result<bool> {
        let answer = plain_http::get(self.port, path).await?;
        Ok(answer.split(' ').nth(1) == Some("200"))
    }

    /// Asks it to end, as the kubelet does, and waits for its end.
    ///
    /// # Errors
    /// It does not end, or says that something went wrong.
    pub async fn terminate(mut self) -> anyhow::Result<()> {
        match self.process.terminate(ENDED_WITHIN).await? {
            Some(status) => {
                ensure!(
                    status.success(),
                    "the operator ended with {status}; {}",
                    self.process.log_tail()
                );
                Ok(())
            }
            None => bail!("the operator does not end; {}", self.process.log_tail()),
        }
    }

    /// Ends it without a chance to say goodbye.
    pub fn kill(self) {
        drop(self);
    }
}

/// The port of the metrics, as the operator logs it.
async fn port(process: &mut Process, log: &Path) -> anyhow::Result<u16> {
    let patience = Instant::now() + STARTED_WITHIN;
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        if let Some((_, rest)) = text.split_once("metrics=\"127.0.0.1:")
            && let Some((port, _)) = rest.split_once('"')
        {
            return Ok(port.parse()?);
        }
        process.check()?;
        ensure!(
            Instant::now() < patience,
            "the operator does not start; {}",
            process.log_tail()
        );
        sleep(PAUSE).await;
    }
}
