//! The workflow's clock.

use std::time::{Duration, SystemTime};
use temporalio_workflow::WorkflowContext;

/// The time of the current workflow task in Unix milliseconds: the same on every replay.
pub(crate) fn now_ms<W>(ctx: &WorkflowContext<W>) -> i64 {
    ctx.workflow_time()
        .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The time that is this far away, in Unix milliseconds.
pub(crate) fn after<W>(ctx: &WorkflowContext<W>, duration: Duration) -> i64 {
    now_ms(ctx).saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// What is left until a time, and at least a second: one try is always made.
pub(crate) fn left<W>(ctx: &WorkflowContext<W>, until_ms: i64) -> Duration {
    let left = until_ms.saturating_sub(now_ms(ctx)).max(1000);
    Duration::from_millis(u64::try_from(left).unwrap_or(1000))
}
