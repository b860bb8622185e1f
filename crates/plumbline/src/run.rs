//! `plumbline run`: the operator.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use kube::Config;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Watch the cluster and write reports.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The namespace of the operator itself: it holds the lease
    #[arg(long, default_value = "plumbline-system", env = "POD_NAMESPACE")]
    namespace: String,

    /// Where /metrics, /healthz and /readyz are served
    #[arg(long, default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    metrics_addr: SocketAddr,

    /// Least time between two writes of one report, in milliseconds; the first change after a quiet time goes
    /// out at once
    #[arg(long, default_value_t = 500, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(1..=1000))]
    debounce: u64,

    /// How often the cluster report is written though nothing has changed, in seconds: what tells a quiet
    /// cluster from a dead operator
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    heartbeat: u64,

    /// Send the API server no requests without credentials: AZ-06a then goes by flags and bindings alone
    #[arg(long)]
    no_anonymous_probe: bool,

    /// How logs are written to standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl Run {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        self.log();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        runtime.block_on(self.run())
    }

    fn log(&self) {
        let filter =
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,kube_runtime=error"));
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => subscriber.with_target(false).with_ansi(false).init(),
            LogFormat::Json => subscriber.json().init(),
        }
    }

    async fn run(self) -> anyhow::Result<()> {
        let config = Config::infer()
            .await
            .context("neither an in-cluster configuration nor a kubeconfig")?;
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signal(stop.clone()));
        let options = plumbline_operator::Options {
            namespace: self.namespace,
            metrics_addr: self.metrics_addr,
            debounce: Duration::from_millis(self.debounce),
            heartbeat: Duration::from_secs(self.heartbeat),
            identity: identity(),
            anonymous_probe: !self.no_anonymous_probe,
        };
        plumbline_operator::run(config, options, stop).await?;
        Ok(())
    }
}

/// Who this replica is: the pod's name, which is its host name, and something that a restart changes.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "plumbline".to_owned());
    let nanos = jiff::Timestamp::now().as_nanosecond();
    format!("{host}_{:x}_{:x}", std::process::id(), nanos & 0xffff_ffff)
}

async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stop.cancel();
}
