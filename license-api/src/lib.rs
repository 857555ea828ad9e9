//! The licence API: registration, install codes, redemption, check-in. Its PostgreSQL database is the registry of tenants.
//!
//! Invariants. No code, credential or licence is stored in plain text. Every change is one transaction that takes its locks
//! in the order tenant, entitlement, code, and writes its audit row. The service's role has no DDL. A lost database is 503,
//! never a 4xx.

pub mod settings;

pub mod body;
pub mod clock;
pub mod code_keys;
pub mod connections;
pub mod db;
pub mod error_code;
pub mod idempotency;
pub mod idempotency_key;
pub mod keys;
pub mod limits;
pub mod metrics;
pub mod names;
pub mod openapi;
pub mod problem;
pub mod random;
pub mod registration;
pub mod registry;
pub mod router;
pub mod routes;
pub mod secrets;
pub mod server;
pub mod signing;
pub mod state;
pub mod watch;
mod whole;
