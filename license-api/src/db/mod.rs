//! The way to the registry's PostgreSQL: pool, errors by SQLSTATE, roles, and migrations in both directions.

mod error;
mod pool;
mod roles;
mod schema;
mod scram;
mod transaction;

pub use error::{DbError, During};
pub use pool::{ACQUIRE_TIMEOUT, connect_options, pool};
pub use roles::{APP_ROLE, AppRole};
pub use schema::{MigrateReport, Readiness, SchemaError, migrate, newest_version, readiness, revert};
pub use transaction::begin;
