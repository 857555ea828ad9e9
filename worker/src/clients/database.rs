//! Pools: lazy, so that an absent database makes the worker unready and not dead.

use crate::config::{DatabaseSettings, Role};
use crate::exit::{Exit, Failure};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use std::time::Duration;

/// Connections of a command.
const COMMAND_CONNECTIONS: u32 = 2;

/// How long a command waits for a connection.
const COMMAND_ACQUIRE_MAX: Duration = Duration::from_secs(5);

/// A pool that connects when it is first used.
///
/// # Errors
/// `Refused` when the role is not configured.
pub(crate) fn lazy_pool(settings: &DatabaseSettings, role: Role, connections: u32) -> Result<PgPool, Failure> {
    let options = settings
        .options(role)
        .ok_or_else(|| Failure::new(Exit::Refused, "no database role is configured for this"))?
        .clone();
    let options = store::prepare_options(options);
    Ok(PgPoolOptions::new()
        .min_connections(settings.pool_min.min(connections))
        .max_connections(connections)
        .acquire_timeout(settings.acquire_timeout)
        .connect_lazy_with(options))
}

/// A pool whose first connection is open.
///
/// # Errors
/// `Refused` when the role is not configured, `Unreachable` when the database does not answer or does not let us in.
pub(crate) async fn pool(settings: &DatabaseSettings, role: Role) -> Result<PgPool, Failure> {
    let options = settings
        .options(role)
        .ok_or_else(|| Failure::new(Exit::Refused, "no database role is configured for this"))?
        .clone();
    let options = store::prepare_options(options);
    PgPoolOptions::new()
        .max_connections(COMMAND_CONNECTIONS)
        .acquire_timeout(COMMAND_ACQUIRE_MAX)
        .connect_with(options.clone())
        .await
        .map_err(|error| {
            let why = match matches!(error, sqlx::Error::PoolTimedOut) {
                true => format!("no answer within {} s", COMMAND_ACQUIRE_MAX.as_secs()),
                false => error.to_string(),
            };
            let place = format!("{}:{}", options.get_host(), options.get_port());
            Failure::new(
                Exit::Unreachable,
                format!("could not reach the database at {place} (DATABASE_URL, or DB_HOST and DB_PORT): {why}"),
            )
        })
}
