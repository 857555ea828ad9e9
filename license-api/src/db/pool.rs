//! Connections.

use super::error::DbError;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use std::str::FromStr as _;
use std::time::Duration;

/// Longest wait for a connection. Clients wait 15 s for an answer (licensing contract, L-12), and a request that waited
/// longer than this is better answered with 503.
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Reads a connection URL.
///
/// # Errors
/// [`DbError::Rejected`] when it cannot be read. The URL holds a password and is not repeated.
pub fn connect_options(url: &str) -> Result<PgConnectOptions, DbError> {
    PgConnectOptions::from_str(url).map_err(|_| DbError::Rejected {
        during: "read the database URL",
        sqlstate: None,
        constraint: None,
    })
}

/// A pool that connects at its first use, so that the service starts while its database is away. Statements are never
/// logged: their parameters hold hashes and addresses.
pub fn pool(options: PgConnectOptions, max_connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_lazy_with(options.application_name("tenantry-license-api").disable_statement_logging())
}
