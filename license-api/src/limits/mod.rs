//! Limits on attempts: where a request comes from, and how often that source may still fail (licensing contract, L-05).

mod source;

pub use source::{RequestSource, Source};
