//! One address, one internal user, over all tenants: the product's sign-in finds people by address alone.

use super::error::TenantError;
use super::sql;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// Refuses an address that an internal user has, except this one. Whose it is is not told.
pub(super) async fn refuse_taken(conn: &mut PgConnection, email: &str, own: Option<Uuid>) -> Result<(), TenantError> {
    let taken: bool = sql::ADDRESS_TAKEN.bind(email.to_lowercase()).bind(own).one(conn).await?.field("taken")?;
    if taken { Err(TenantError::duplicate("administrator's address", None)) } else { Ok(()) }
}
