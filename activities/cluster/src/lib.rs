//! The Kubernetes API server: certificates, the edge, Secret copies, and their removal.
//!
//! Every write is a server-side apply under one field manager, to objects of one domain, with fence and resource version
//! read together. Secrets are read by name, never listed, and their keys never leave this crate.

mod activities;
mod api;
mod apply;
mod certificate;
mod copy;
mod edge;
mod failure;
mod fingerprint;
mod kind;
mod ownership;
mod remove;
mod settings;
mod watches;

pub use activities::ClusterActivities;
pub use edge::{Preflight, preflight_identity};
pub use failure::ClusterError;
pub use settings::Settings;
