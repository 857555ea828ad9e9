//! The pure core: names, observations, decisions, audits and reasons. No clock, no client, no I/O.

pub mod finding;
pub mod license;
pub mod portal;
pub mod reason;
pub mod tenant;
pub mod time;
