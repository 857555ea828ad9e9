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

/// One step of a creation: five minutes a try, 1 s to 30 s between tries, all of them within `all`; final types are not tried
/// again (tenant-provisioning contract, section 3.3). The heartbeat tells a lost worker from a slow one.
pub fn creation_step(all: Duration, summary: &str) -> ActivityOptions {
    let one = Duration::from_secs(300).min(all);
    retried(one, all, Duration::from_secs(1), Duration::from_secs(30), summary)
}

/// A note that somebody has to decide. Tried for as long as the wait lasts, because people find the wait by it; tries that
/// failed leave no events in the history. Whoever waits cancels it at the end.
pub fn standing_note(summary: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::StartToClose(Duration::from_secs(60)))
        .heartbeat_timeout(Duration::from_secs(10))
        .retry_policy(
            RetryPolicy::builder()
                .initial_interval(Duration::from_secs(1))
                .backoff_coefficient(2.0)
                .maximum_interval(Duration::from_secs(60))
                .build(),
        )
        .summary(summary.to_owned())
        .build()
}

/// A call to the shop: two minutes a try, 2 s to 60 s between tries, at least five of them (contract, section 8.2) where `all`
/// leaves the time.
pub fn shop_call(all: Duration, summary: &str) -> ActivityOptions {
    let one = Duration::from_secs(120).min(all);
    retried(one, all, Duration::from_secs(2), Duration::from_secs(60), summary)
}

/// A step of the small workflows: one minute a try, 1 s to 30 s between tries (contract, section 10).
pub fn small_step(all: Duration, summary: &str) -> ActivityOptions {
    retried(Duration::from_secs(60).min(all), all, Duration::from_secs(1), Duration::from_secs(30), summary)
}

/// A call of the licence API for a registration: two minutes a try, 2 s to 60 s between at most 100 tries (licensing contract,
/// section 8).
pub fn registration_step(summary: &str) -> ActivityOptions {
    counted(Duration::from_secs(120), (Duration::from_secs(2), 100), summary)
}

/// A call of the licence API that ends something: five minutes a try, at most five tries (licensing contract, section 8).
pub fn revocation_step(summary: &str) -> ActivityOptions {
    counted(Duration::from_secs(300), (Duration::from_secs(2), 5), summary)
}

/// A step on an appliance: 30 s a try, 10 s to 2 min between at most five tries (licensing contract, section 8). The licence
/// API's own `Retry-After` is longer where it names one.
pub fn appliance_step(summary: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::StartToClose(Duration::from_secs(30)))
        .heartbeat_timeout(Duration::from_secs(10))
        .retry_policy(tries(Duration::from_secs(10), Duration::from_secs(120), 5))
        .summary(summary.to_owned())
        .build()
}

/// The same within the ten minutes of a whole check-in: a schedule of the SDK carries no timeout of its runs.
pub fn check_in_step(summary: &str) -> ActivityOptions {
    let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: Duration::from_secs(600),
        start_to_close: Duration::from_secs(30),
    };
    ActivityOptions::with_close_timeouts(timeouts)
        .heartbeat_timeout(Duration::from_secs(10))
        .retry_policy(tries(Duration::from_secs(10), Duration::from_secs(120), 5))
        .summary(summary.to_owned())
        .build()
}

fn counted(one: Duration, (first, at_most): (Duration, u32), summary: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::StartToClose(one))
        .heartbeat_timeout(Duration::from_secs(10))
        .retry_policy(tries(first, Duration::from_secs(60), at_most))
        .summary(summary.to_owned())
        .build()
}

fn tries(first: Duration, longest: Duration, at_most: u32) -> RetryPolicy {
    RetryPolicy::builder()
        .initial_interval(first)
        .backoff_coefficient(2.0)
        .maximum_interval(longest)
        .maximum_attempts(at_most)
        .build()
}

fn retried(one: Duration, all: Duration, first: Duration, longest: Duration, summary: &str) -> ActivityOptions {
    ActivityOptions::with_close_timeouts(ActivityCloseTimeouts::ScheduleAndStartToClose {
        schedule_to_close: all,
        start_to_close: one,
    })
    .heartbeat_timeout(Duration::from_secs(10))
    .retry_policy(
        RetryPolicy::builder()
            .initial_interval(first)
            .backoff_coefficient(2.0)
            .maximum_interval(longest)
            .non_retryable_error_types(model::tenant::failure::final_types())
            .build(),
    )
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
