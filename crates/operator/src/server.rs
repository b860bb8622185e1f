//! The HTTP endpoints: `/metrics`, `/healthz`, `/readyz`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// How long the loop may be busy before the process counts as stuck.
const STUCK: Duration = Duration::from_mins(1);

/// What the health endpoints go by.
#[derive(Debug)]
pub(crate) struct Health {
    ready: AtomicBool,
    started: Instant,
    /// Seconds from the start to the last sign of life: the wall clock may be set at any time.
    beat: AtomicU64,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            ready: AtomicBool::new(false),
            started: Instant::now(),
            beat: AtomicU64::new(0),
        }
    }
}

impl Health {
    /// The loop is alive; every input has been listed or is settled, if `ready`.
    pub(crate) fn beat(&self, ready: bool) {
        self.beat
            .store(self.started.elapsed().as_secs(), Ordering::Relaxed);
        self.ready.store(ready, Ordering::Relaxed);
    }

    fn is_alive(&self) -> bool {
        let beat = Duration::from_secs(self.beat.load(Ordering::Relaxed));
        self.started.elapsed() < beat + STUCK
    }
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    metrics: Metrics,
    health: Arc<Health>,
    stop: CancellationToken,
) {
    let router = Router::new()
        .route("/metrics", get(render))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state((metrics, health));
    let serve = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = serve.await {
        tracing::error!("the HTTP server ended: {error}");
    }
}

/// Listens on `address`.
pub(crate) async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

type Shared = (Metrics, Arc<Health>);

async fn render(State((metrics, _)): State<Shared>) -> impl IntoResponse {
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, openmetrics)], metrics.render())
}

async fn healthz(State((_, health)): State<Shared>) -> impl IntoResponse {
    answer(health.is_alive(), "the loop has not been heard of")
}

async fn readyz(State((_, health)): State<Shared>) -> impl IntoResponse {
    answer(health.ready.load(Ordering::Relaxed), "inputs are being listed")
}

fn answer(ok: bool, otherwise: &'static str) -> (StatusCode, &'static str) {
    if ok {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, otherwise)
    }
}
