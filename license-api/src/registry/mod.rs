//! The registry: statements and transactions on its tables (licensing contract, section 4.6).
//!
//! Every transaction takes its locks in one order: tenant, entitlement, code. The times of rows are the database's.

pub mod appliances;
pub mod attempts;
pub mod audit;
pub mod check_in;
pub mod codes;
pub mod console;
pub mod entitlements;
pub mod redemption;
pub mod subscription;
pub mod tenants;

mod instant;
mod known_keys;

pub use known_keys::{ForgottenKeys, forgotten_key, require_known_keys};

use crate::db::DbError;
use crate::settings::Settings;
use sqlx::PgPool;

/// Erases what is over: sealed answers, attempts, keys of callers.
///
/// # Errors
/// [`DbError`].
pub async fn sweep(pool: &PgPool, settings: &Settings) -> Result<(), DbError> {
    redemption::sweep(pool).await?;
    attempts::sweep(pool, &settings.budgets).await?;
    check_in::sweep(pool).await?;
    crate::idempotency::sweep(pool).await?;
    Ok(())
}
