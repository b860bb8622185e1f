//! Waiting for something to become true.

use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::time::{sleep, timeout};

/// The pause between two looks: short beside anything a control plane does, long beside the cost of a look.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// Calls `look` until it gives `Ok(Some(value))`, and gives that value. `Ok(None)` and `Err` both mean "not yet".
///
/// # Errors
/// After `within` the error names `what` and carries the last error of `look`, if there was one. A `look` that
/// hangs is cut off at the same time.
pub async fn eventually<T, F>(what: &str, within: Duration, mut look: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<Option<T>>>,
{
    let deadline = Instant::now() + within;
    let mut last = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match timeout(left, look()).await {
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
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    const BRIEFLY: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn it_looks_until_there_is_a_value() {
        let mut looks = vec![Err(anyhow!("not yet")), Ok(None), Ok(Some(7))].into_iter();
        let value = eventually("seven", Duration::from_mins(1), || {
            let look = looks.next().expect("three looks are enough");
            async move { look }
        });
        assert_eq!(value.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn it_gives_up_with_the_last_error() {
        let never = eventually::<(), _>("the end", BRIEFLY, || async { Err(anyhow!("still open")) });
        assert_eq!(
            format!("{:#}", never.await.unwrap_err()),
            "not within 50ms: the end: still open"
        );
    }

    #[tokio::test]
    async fn it_does_not_hang_with_a_look() {
        let never = eventually::<(), _>("an answer", BRIEFLY, std::future::pending);
        assert_eq!(never.await.unwrap_err().to_string(), "not within 50ms: an answer");
    }
}
