//! One address, one internal user, over all tenants: the product's sign-in finds people by address alone.

use super::error::TenantError;
use super::sql;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// Refuses an address that an internal user has, except this one. Whose it is is not told.
///
/// Both sides are put into lower case by one rule, Unicode's as [`str::to_lowercase`] has it, by which the claims on addresses
/// are made too: the database's own knows ASCII only under the collation C.
pub(super) async fn refuse_taken(conn: &mut PgConnection, email: &str, own: Option<Uuid>) -> Result<(), TenantError> {
    let asked = email.to_lowercase();
    for record in sql::ADDRESS_CANDIDATES.bind(&asked).bind(own).all(conn).await? {
        if record.field::<String>("email")?.to_lowercase() == asked {
            return Err(TenantError::duplicate("administrator's address", None));
        }
    }
    Ok(())
}
