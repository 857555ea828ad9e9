//! The workflow's clock.

use std::time::SystemTime;
use temporalio_workflow::WorkflowContext;

/// The time of the current workflow task in Unix milliseconds: the same on every replay.
pub(crate) fn now_ms<W>(ctx: &WorkflowContext<W>) -> i64 {
    ctx.workflow_time()
        .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
