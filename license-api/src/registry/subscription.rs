//! A subscription with its tenant, locked in the order that every change keeps.

use super::entitlements::{self, Entitlement};
use super::tenants::{Tenant, lock_tenant};
use crate::db::DbError;
use sqlx::PgConnection;

/// How often the tenant of a subscription may change while its row is waited for. It is set once.
const TRIES: u32 = 3;

/// Takes the tenant's row, then the entitlement's. None when there is no such subscription.
///
/// # Errors
/// [`DbError`].
pub async fn lock_subscription(
    conn: &mut PgConnection,
    subscription: &str,
) -> Result<Option<(Option<Tenant>, Entitlement)>, DbError> {
    for _ in 0..TRIES {
        let Some(tenant_id) = entitlements::tenant_of(conn, subscription).await? else { return Ok(None) };
        let tenant = match tenant_id {
            Some(id) => lock_tenant(conn, id).await?,
            None => None,
        };
        match entitlements::lock(conn, subscription).await? {
            None => return Ok(None),
            Some(found) if found.tenant_id == tenant_id => return Ok(Some((tenant, found))),
            // Its tenant was bound meanwhile, and that row comes first. Nothing waits for a row that it must take before
            // ours but a request of this subscription, whose wait ends with `lock_timeout` at the latest.
            Some(_) => {}
        }
    }
    Err(DbError::Unavailable { during: "take the subscription's rows", sqlstate: None })
}
