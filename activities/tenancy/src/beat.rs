//! Heartbeats around an activity's work: a lost worker is noticed, and a stop is heard.

use std::time::Duration;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Time between heartbeats: a third of the heartbeat timeout of the activities.
const EVERY: Duration = Duration::from_secs(3);

/// Does the work of an activity, with heartbeats when it takes long. When the attempt is cancelled, also by a stop of the worker, the work is
/// dropped: a transaction that was not committed is rolled back, and a call that may have been accepted is repeated under its
/// key.
///
/// # Errors
/// Those of the work, and the cancellation.
pub async fn beating<T>(
    ctx: &ActivityContext,
    work: impl Future<Output = Result<T, ActivityError>>,
) -> Result<T, ActivityError> {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            outcome = &mut work => return outcome,
            _ = ctx.cancelled() => return Err(ActivityError::cancelled()),
            _ = ticks.tick() => {
                // It only throttles and hands over; a server that is away is noticed elsewhere.
                let _ = ctx.record_heartbeat(()).await;
            }
        }
    }
}
