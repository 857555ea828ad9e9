//! The audit log: who did what to which tenant (licensing contract, L-24).

use crate::db::{DbError, During as _};
use sqlx::PgConnection;
use uuid::Uuid;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A tenant entered the registry.
    TenantRegistered,
    /// A subscription was bound to a tenant at registration.
    EntitlementLinked,
    /// An install code was minted again.
    CodeReissued,
    /// A code was minted.
    CodeMinted,
    /// A code that was not used was replaced by a newer one.
    CodeSuperseded,
    /// A code that was not used ended with its subscription.
    CodeRevoked,
    /// A licence was signed, or an entitlement made for one.
    LicenseSigned,
    /// A subscription ended.
    EntitlementRevoked,
    /// One appliance was revoked.
    ApplianceRevoked,
    /// All appliances of a tenant were revoked with a reissue.
    AppliancesRevoked,
    /// An operator set the status.
    StatusSet,
    /// The console listed tenants.
    TenantsListed,
    /// The console read one tenant.
    TenantRead,
    /// A code was redeemed.
    CodeRedeemed,
    /// A licence was signed at a check-in.
    LicenseRenewed,
    /// The first check-in of a tenant made it active.
    TenantActivated,
}

impl Action {
    /// The word of the row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantRegistered => "tenant.registered",
            Self::EntitlementLinked => "entitlement.linked",
            Self::CodeReissued => "code.reissued",
            Self::CodeMinted => "code.minted",
            Self::CodeSuperseded => "code.superseded",
            Self::CodeRevoked => "code.revoked",
            Self::LicenseSigned => "license.signed",
            Self::EntitlementRevoked => "entitlement.revoked",
            Self::ApplianceRevoked => "appliance.revoked",
            Self::AppliancesRevoked => "appliances.revoked",
            Self::StatusSet => "tenant.status_set",
            Self::TenantsListed => "tenants.listed",
            Self::TenantRead => "tenant.read",
            Self::CodeRedeemed => "code.redeemed",
            Self::LicenseRenewed => "license.renewed",
            Self::TenantActivated => "tenant.activated",
        }
    }
}

/// A row of the log.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// `service:<name of the secret>`, `appliance:<id of its row>` or `code:<id of its row>`.
    pub actor: &'a str,
    /// What was done.
    pub action: Action,
    /// To whom.
    pub tenant: Option<Uuid>,
    /// A public reference. Never a code, a credential or an address.
    pub reference: Option<&'a str>,
}

/// Writes a row, in the transaction of what it tells of.
///
/// # Errors
/// [`DbError`].
pub async fn record(conn: &mut PgConnection, entry: Entry<'_>) -> Result<(), DbError> {
    sqlx::query("INSERT INTO audit_log (actor, action, tenant_id, reference) VALUES ($1, $2, $3, $4)")
        .bind(entry.actor)
        .bind(entry.action.as_str())
        .bind(entry.tenant)
        .bind(entry.reference)
        .execute(conn)
        .await
        .during("write the audit log")?;
    Ok(())
}

/// Writes a row for each of several codes, whose ids are the references.
///
/// # Errors
/// [`DbError`].
pub async fn record_codes(
    conn: &mut PgConnection,
    actor: &str,
    action: Action,
    tenant: Option<Uuid>,
    codes: &[Uuid],
) -> Result<(), DbError> {
    if codes.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO audit_log (actor, action, tenant_id, reference) SELECT $1, $2, $3, id::text FROM unnest($4::uuid[]) \
         AS c (id)",
    )
    .bind(actor)
    .bind(action.as_str())
    .bind(tenant)
    .bind(codes)
    .execute(conn)
    .await
    .during("write the audit log")?;
    Ok(())
}
