//! The loop: watches, writer, leader lease, Events, metrics, health.
//!
//! Watches decode and send; one task owns the inventory and everything that follows from it ([`core`]); writes
//! run beside it and report back. Nothing else is shared but the metrics.

pub mod anonymous;
mod assessment;
mod baselines;
mod core;
mod decisions;
mod inputs;
mod leadership;
mod lease;
pub mod metrics;
mod reports;
mod schedule;
mod server;
pub mod version;
mod watch;
mod writer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kube::{Client, Config};
use tokio::sync::{mpsc, watch as latest};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;
use crate::server::Health;

/// How the operator is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespace of the operator itself: its lease is there.
    pub namespace: String,
    /// Where `/metrics`, `/healthz` and `/readyz` are served.
    pub metrics_addr: SocketAddr,
    /// The least time between two writes of one report: the first change of a quiet time goes out at once, a
    /// burst is coalesced for this long.
    pub debounce: Duration,
    /// How often the cluster report is written though nothing has changed, so that a reader can tell a quiet
    /// cluster from a dead operator.
    pub heartbeat: Duration,
    /// Who this replica is in the lease.
    pub identity: String,
    /// Whether the API server is sent requests without credentials, to see what it gives to everybody.
    pub anonymous_probe: bool,
}

/// Why the operator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client cannot be set up.
    #[error("the Kubernetes client cannot be set up: {0}")]
    Client(#[source] kube::Error),
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// A task that must not end has ended.
    #[error("the {0} has ended unexpectedly")]
    Ended(&'static str),
}

/// Runs the operator until `stop`, then gives the lease back.
pub async fn run(mut config: Config, options: Options, stop: CancellationToken) -> Result<(), Error> {
    // Lists have no time-out of their own, and a connection may die without a word: a little longer than the
    // API server keeps a watch open.
    config.read_timeout = Some(Duration::from_secs(u64::from(watch::WATCH_SECONDS) + 15));
    config.connect_timeout = Some(Duration::from_secs(5));
    config.write_timeout = Some(Duration::from_secs(15));
    let server_url = config.cluster_url.to_string();
    let client = Client::try_from(config.clone()).map_err(Error::Client)?;
    let listener = server::listen(options.metrics_addr)
        .await
        .map_err(|source| Error::Listen {
            address: options.metrics_addr,
            source,
        })?;
    let address = listener
        .local_addr()
        .map_or_else(|_| options.metrics_addr.to_string(), |a| a.to_string());
    tracing::info!(
        server = server_url,
        metrics = address,
        identity = options.identity,
        "starting"
    );

    let metrics = Metrics::default();
    let health = Arc::new(Health::default());
    let tasks = TaskTracker::new();
    let closing = CancellationToken::new();
    tasks.spawn(server::serve(
        listener,
        metrics.clone(),
        Arc::clone(&health),
        closing.clone(),
    ));

    let (leading, leads) = latest::channel(false);
    let candidate = lease::Candidate::new(client.clone(), &options.namespace, options.identity.clone());
    let mut election = tokio::spawn(candidate.run(leading, closing.clone()));

    let (events, inbox) = mpsc::channel(1024);
    let core = core::Core::new(client, config, options, metrics, health, events);
    let mut core = tokio::spawn(core.run(inbox, leads, closing.clone()));

    let ended = tokio::select! {
        () = stop.cancelled() => None,
        _ = &mut election => Some("leader election"),
        _ = &mut core => Some("main loop"),
    };
    tracing::info!("stopping");
    closing.cancel();
    tasks.close();
    // The main loop finishes what it is writing before the lease is given back.
    let goodbye = async {
        if ended != Some("main loop") {
            let _ = core.await;
        }
        if ended != Some("leader election") {
            let _ = election.await;
        }
        tasks.wait().await;
    };
    if tokio::time::timeout(Duration::from_secs(10), goodbye)
        .await
        .is_err()
    {
        tracing::warn!("not everything ended in time");
    }
    ended.map_or(Ok(()), |task| Err(Error::Ended(task)))
}
