//! Programs that measure the worker, and what they share. Each is a module with a `run`, so that all are compiled once.

pub mod licenses;
pub mod measure;
pub mod node;
pub mod portal;
pub mod redemptions;
pub mod registrations;
pub mod replay;
pub mod scale;
mod statements;
pub mod tenants;
pub mod worker;
