//! Logs, metrics and traces.

pub(crate) mod activity_span;
pub(crate) mod census;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod traces;
