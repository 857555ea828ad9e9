//! Waiting for a condition: never a sleep that hopes.

use std::time::{Duration, Instant};

/// Asks every 50 ms until the answer is `Some`; fails with `what` and the last note after `limit`.
///
/// # Errors
/// The condition did not come true in time.
pub async fn eventually<T, F, Fut>(what: &str, limit: Duration, mut ask: F) -> anyhow::Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let end = Instant::now() + limit;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(note) if Instant::now() >= end => anyhow::bail!("{what}: not within {limit:?}; last: {note}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
