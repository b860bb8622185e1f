//! Waiting for something to become true.

use std::time::{Duration, Instant};

use anyhow::bail;

/// The pause between two looks: short beside anything a control plane does, long beside the cost of a look.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls `look` until it returns `Ok(Some(value))`, and gives that value.
///
/// `Ok(None)` and `Err` both mean "not yet".
///
/// # Errors
/// After `within` the error names `what` and carries the last error of `look`, if there was one. A `look` that
/// hangs is cut off at the same time.
pub async fn eventually<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + within;
    let mut last = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, look()).await {
            Ok(Ok(Some(value))) => return Ok(value),
            Ok(Ok(None)) => last = None,
            Ok(Err(error)) => last = Some(error),
            Err(_) => {}
        }
        if Instant::now() >= deadline {
            match last {
                Some(error) => return Err(error.context(format!("not within {within:?}: {what}"))),
                None => bail!("not within {within:?}: {what}"),
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
