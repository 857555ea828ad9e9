//! `appliances`, as service routes see them.

use super::instant::rfc3339;
use crate::db::{DbError, During as _};
use model::license::wire::install_codes::LiveAppliance;
use sqlx::PgConnection;
use uuid::Uuid;

/// Most appliances that an answer lists.
pub const LISTED_MAX: i64 = 200;

/// The appliances of a tenant that are not revoked, the latest check-in first.
///
/// # Errors
/// [`DbError`].
pub async fn live(conn: &mut PgConnection, tenant: Uuid) -> Result<Vec<LiveAppliance>, DbError> {
    let rows: Vec<(String, Option<i64>)> = sqlx::query_as(
        "SELECT appliance_id, (extract(epoch FROM last_checkin_at) * 1000)::bigint FROM appliances \
         WHERE tenant_id = $1 AND revoked_at IS NULL ORDER BY last_checkin_at DESC NULLS LAST, appliance_id LIMIT $2",
    )
    .bind(tenant)
    .bind(LISTED_MAX)
    .fetch_all(conn)
    .await
    .during("list the tenant's appliances")?;
    let appliance =
        |(appliance_id, at): (String, Option<i64>)| LiveAppliance { appliance_id, last_checkin_at: at.map(rfc3339) };
    Ok(rows.into_iter().map(appliance).collect())
}

/// Revokes every appliance of a tenant. Returns how many.
///
/// # Errors
/// [`DbError`].
pub async fn revoke_all(conn: &mut PgConnection, tenant: Uuid) -> Result<u64, DbError> {
    let done = sqlx::query("UPDATE appliances SET revoked_at = now() WHERE tenant_id = $1 AND revoked_at IS NULL")
        .bind(tenant)
        .execute(conn)
        .await
        .during("revoke the tenant's appliances")?;
    Ok(done.rows_affected())
}

/// Revokes one appliance of an entitlement. False when there is none with this id; a repeat is true.
///
/// # Errors
/// [`DbError`].
pub async fn revoke_one(conn: &mut PgConnection, entitlement: Uuid, appliance_id: &str) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE appliances SET revoked_at = coalesce(revoked_at, now()) WHERE entitlement_id = $1 AND appliance_id = $2",
    )
    .bind(entitlement)
    .bind(appliance_id)
    .execute(conn)
    .await
    .during("revoke the appliance")?;
    Ok(done.rows_affected() > 0)
}
