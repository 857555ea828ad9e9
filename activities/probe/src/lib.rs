//! The host as visitors and certificate authorities see it: the HTTP-01 preflight and the probe from outside.
//!
//! Every address of a tenant-chosen host passes the network policy before it is dialled, again after each redirect (R39).
//! What was seen is data; the judgement is in `model::portal::{probe, http01}`.

pub mod settings;

mod activities;
mod connect;
mod host;
mod preflight;
mod session;
mod trust;
mod witness;

pub use activities::Probe;
pub use settings::{Limits, ResolveError, ResolveHost, Settings};
