//! The version of the API server: what it can do depends on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::Client;
use plumbline_inventory::ServerVersion;
use tokio::sync::Notify;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is asked, though nothing says that there is another.
const AGAIN: Duration = Duration::from_mins(5);

/// The pause after an attempt without an answer.
const RETRY: Duration = Duration::from_secs(2);

/// How long a first answer is waited for. A version that was known stays so while the API server is away.
const GRACE: Duration = Duration::from_secs(15);

/// What the API server says of its version: nothing if it keeps that to itself, or says what nobody understands.
///
/// # Errors
/// If there is no answer.
pub async fn ask(client: &Client) -> Result<Option<ServerVersion>, kube::Error> {
    match client.apiserver_version().await {
        Ok(info) => Ok(info.git_version.parse().ok()),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Asks at once, every few minutes, and when `changed` says that the answer may be another; tells what is known.
pub(crate) async fn keep_asking<F: Future<Output = ()>>(
    client: Client,
    changed: Arc<Notify>,
    tell: impl Fn(Option<ServerVersion>) -> F,
) {
    let began = Instant::now();
    let mut told = false;
    loop {
        let answer = tokio::time::timeout(PATIENCE, ask(&client)).await;
        let pause = match answer {
            Ok(Ok(version)) => {
                tell(version).await;
                told = true;
                AGAIN
            }
            _ if !told && began.elapsed() >= GRACE => {
                tell(None).await;
                told = true;
                RETRY
            }
            _ => RETRY,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = changed.notified() => tokio::time::sleep(RETRY).await,
        }
    }
}
