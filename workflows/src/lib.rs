//! Workflow code: thin shells around the pure model. Cannot name a clock, a client or a runtime.

mod clock;
pub mod license;
pub mod platform;
pub mod portal_domain;
pub mod sweep;
pub mod tenant;
