//! Limits on attempts: where a request comes from, and how often that source may still fail (licensing contract, L-05).

mod source;
mod under_way;

pub use source::{RequestSource, Source};
pub use under_way::{Attempt, RETRY_FREED_SECONDS, Scope, UnderWay};
