//! Timeouts and retries of the activities: one place, each with its reason.

use std::time::Duration;
use temporalio_common::RetryPolicy;
use temporalio_workflow::{ActivityCloseTimeouts, ActivityOptions, LocalActivityOptions};

/// A short step (row, claim, one object of the cluster): a local activity, because a remote one costs two more workflow
/// tasks and three times the events. It gives up below the workflow task's timeout of 10 s; the workflow then waits on a
/// timer and goes on, so an outage costs no polling events.
pub fn short_step(summary: &str) -> LocalActivityOptions {
    LocalActivityOptions::builder()
        .start_to_close_timeout(Duration::from_secs(5))
        .schedule_to_close_timeout(Duration::from_secs(7))
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_millis(200))
                .backoff_coefficient(2.0)
                .maximum_interval(Duration::from_secs(1))
                .build(),
        )
        .summary(summary.to_owned())
        .build()
}

/// A look that dials hosts chosen by a tenant: remote, so that a slow one holds no workflow task. One try is bounded by
/// `start_to_close`; a worker that dies is noticed by the heartbeat.
pub fn outside_look(start_to_close: Duration, summary: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(bounds(start_to_close, 3))
        .retry_policy(look_retry())
        .summary(summary.to_owned())
        .build()
}

/// A look that goes on until something changes. It heartbeats, so that it learns of cancellation and a lost worker is
/// replaced within the heartbeat timeout.
pub fn long_look(start_to_close: Duration, summary: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(bounds(start_to_close, 2))
        .heartbeat_timeout(Duration::from_secs(10))
        .retry_policy(look_retry())
        .summary(summary.to_owned())
        .build()
}

/// One try, and all tries together. A deploy uses up tries, so their number is not bounded, only their time.
fn bounds(start_to_close: Duration, tries: u32) -> ActivityCloseTimeouts {
    ActivityCloseTimeouts::ScheduleAndStartToClose { schedule_to_close: start_to_close * tries, start_to_close }
}

fn look_retry() -> RetryPolicy {
    RetryPolicy::builder()
        .initial_interval(Duration::from_secs(1))
        .backoff_coefficient(2.0)
        .maximum_interval(Duration::from_secs(10))
        .build()
}
