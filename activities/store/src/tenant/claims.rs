//! Claims: a subscription, a checkout, an Apple transaction and an administrator's address belong to one creation.

use super::create::Asked;
use super::error::TenantError;
use super::sql;
use crate::db::micros;
use model::tenant::failure::FailureType;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// What is claimed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    kind: &'static str,
    key: String,
}

/// Kind of the one claim that ends early, and whose holder is never told.
const ADDRESS: &str = "address";

impl Claim {
    /// The word for messages.
    fn noun(&self) -> &'static str {
        match self.kind {
            "subscription" => "subscription",
            "checkout" => "checkout",
            "apple_transaction" => "Apple transaction",
            _ => "administrator's address",
        }
    }

    /// Key of the lock that makes two claimers take turns.
    pub(super) fn lock(&self) -> String {
        format!("claim {}:{}", self.kind, self.key)
    }
}

/// What a request claims, in order.
pub(super) fn of(asked: &Asked<'_>) -> Vec<Claim> {
    let request = asked.request;
    let subscription = request.stripe.as_ref().map(|links| links.subscription_id.as_str()).unwrap_or_default();
    let apple = request.apple_iap.as_ref().map(|iap| iap.original_transaction_id.as_str()).unwrap_or_default();
    let mut claims: Vec<Claim> = [
        ("subscription", subscription.to_lowercase()),
        ("checkout", request.checkout_session_id.to_lowercase()),
        ("apple_transaction", apple.to_lowercase()),
        (ADDRESS, asked.address_key.to_owned()),
    ]
    .into_iter()
    .filter(|(_, key)| !key.is_empty())
    .map(|(kind, key)| Claim { kind, key })
    .collect();
    claims.sort();
    claims
}

/// Takes all of them, or says which is somebody else's.
pub(super) async fn take(
    conn: &mut PgConnection,
    claims: &[Claim],
    asked: &Asked<'_>,
    tenant: Uuid,
) -> Result<(), TenantError> {
    let kinds: Vec<&str> = claims.iter().map(|claim| claim.kind).collect();
    let keys: Vec<&str> = claims.iter().map(|claim| claim.key.as_str()).collect();
    let held = sql::FIND_CLAIMS.bind(kinds.clone()).bind(keys.clone()).bind(&asked.request.origin_id).all(conn).await?;
    // A billing key says whose it is; so it is told before an address, which does not.
    for record in &held {
        let kind: String = record.field("kind")?;
        if kind != ADDRESS {
            let claim = claims.iter().find(|claim| claim.kind == kind);
            let noun = claim.map_or("claim", Claim::noun);
            return Err(TenantError::duplicate(noun, Some(record.field("tenant")?)));
        }
    }
    if !held.is_empty() {
        return Err(TenantError::duplicate("administrator's address", None));
    }
    sql::TAKE_CLAIMS
        .bind(kinds)
        .bind(keys)
        .bind(&asked.request.origin_id)
        .bind(tenant)
        .bind(micros(asked.request.now_ms))
        .execute(conn)
        .await?;
    Ok(())
}

/// Refuses what the product's own tables say belongs to a tenant already.
pub(super) async fn check_product(conn: &mut PgConnection, asked: &Asked<'_>, tenant: Uuid) -> Result<(), TenantError> {
    let request = asked.request;
    let links = request.stripe.clone().unwrap_or_default();
    if !links.subscription_id.is_empty() {
        let linked = sql::SUBSCRIPTION_TENANT.bind(&links.subscription_id).bind(tenant).optional(conn).await?;
        if let Some(record) = linked {
            return Err(TenantError::duplicate("subscription", Some(record.field("tenant")?)));
        }
    }
    if let Some(iap) = &request.apple_iap {
        let bought = sql::APPLE_TENANT.bind(&iap.original_transaction_id).bind(tenant).optional(conn).await?;
        if let Some(record) = bought {
            return Err(TenantError::duplicate("Apple transaction", Some(record.field("tenant")?)));
        }
    }
    super::address::refuse_taken(conn, &request.admin_email, None).await?;
    if request.admin_email.is_empty() {
        return Err(TenantError::of(FailureType::Validation, "adminEmail: REQUIRED"));
    }
    Ok(())
}
