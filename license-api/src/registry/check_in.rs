//! Check-in of an appliance, and whom a credential belongs to.

use super::entitlements::{EntitlementRow, word};
use super::redemption::{License, take_entitlement};
use crate::db::{DbError, During as _, begin};
use crate::registry::audit::Action;
use model::license::budget::BUCKETS;
use model::license::check_in::PER_HOUR;
use model::license::edition::{Edition, TenantStatus, Transport};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row as _};
use uuid::Uuid;

const FIND: &str = include_str!("check_in/find.sql");
const SEEN: &str = include_str!("check_in/seen.sql");
const ACTIVATE: &str = "UPDATE tenant_registry SET status = 'active', updated_at = now() \
                        WHERE tenant_id = $1 AND status IN ('registered', 'installed')";
const VERIFY: &str = "SELECT a.tenant_id, a.appliance_id, a.revoked_at IS NOT NULL AS revoked, t.status, t.edition, \
                      e.transport, e.active AND coalesce(e.tenant_id = a.tenant_id, true) AS active FROM appliances a \
                      JOIN tenant_registry t ON t.tenant_id = a.tenant_id JOIN entitlements e ON e.id = a.entitlement_id \
                      WHERE a.credential_hash = $1";
/// Sources are looked at for a day, and kept a little longer for whoever follows an alert.
const SWEEP: &str = "DELETE FROM check_in_sources WHERE seen_at < now() - interval '30 days'";
const HOUR_SECONDS: i32 = 3_600;

/// Whom a credential belongs to.
pub enum Credential {
    /// Nobody.
    Unknown,
    /// An appliance that was revoked.
    Revoked,
    /// An appliance that has used it too often within an hour; so many uses were refused.
    TooMany {
        /// Refused uses, this one included.
        refusals: u32,
    },
    /// An appliance.
    Known(Box<ApplianceRow>),
}

/// What the registry knows of an appliance.
pub struct ApplianceRow {
    /// Id of its row, its public reference.
    pub id: Uuid,
    /// The tenant that its licences are bound to.
    pub tenant: Uuid,
    /// Status of the tenant.
    pub status: TenantStatus,
    /// Its entitlement.
    pub entitlement: EntitlementRow,
    /// Whether the entitlement is active, and still this tenant's.
    pub active: bool,
    /// The licence that was signed last.
    pub stored: Option<StoredRow>,
}

/// What is stored of a licence.
pub struct StoredRow {
    /// `iat` in unix seconds.
    pub issued_at: i64,
    /// `exp` in unix seconds.
    pub expires_at: i64,
    /// The key that signed it.
    pub kid: String,
    /// Digest of what it says.
    pub digest: Vec<u8>,
}

/// Finds the appliance of a credential, given as the SHA-256 of its text in hexadecimal, and counts the use.
///
/// # Errors
/// [`DbError`].
pub async fn find(pool: &PgPool, credential_hash: &str) -> Result<Credential, DbError> {
    let per_hour = i32::try_from(PER_HOUR).expect("a small number");
    let buckets = i32::try_from(BUCKETS).expect("a small number");
    let row = sqlx::query(FIND)
        .bind(credential_hash)
        .bind(per_hour)
        .bind(HOUR_SECONDS)
        .bind(buckets)
        .fetch_optional(pool)
        .await
        .during("find a credential")?;
    row.map_or(Ok(Credential::Unknown), |row| credential(&row)).during("read an appliance")
}

fn credential(row: &PgRow) -> Result<Credential, sqlx::Error> {
    if row.try_get("revoked")? {
        return Ok(Credential::Revoked);
    }
    if row.try_get("refused")? {
        let refusals: i32 = row.try_get("refusals")?;
        return Ok(Credential::TooMany { refusals: u32::try_from(refusals).unwrap_or_default() });
    }
    Ok(Credential::Known(Box::new(ApplianceRow {
        id: row.try_get("id")?,
        tenant: row.try_get("tenant_id")?,
        status: word(row, "status", TenantStatus::parse)?,
        entitlement: EntitlementRow::read(row)?,
        active: row.try_get("active")?,
        stored: stored(row)?,
    })))
}

/// All four columns or none: a licence that is known in part is signed anew.
fn stored(row: &PgRow) -> Result<Option<StoredRow>, sqlx::Error> {
    let times: (Option<i64>, Option<i64>) = (row.try_get("current_iat")?, row.try_get("current_exp")?);
    let (Some(kid), Some(digest)) = (row.try_get("current_kid")?, row.try_get("current_claims")?) else {
        return Ok(None);
    };
    Ok(match times {
        (Some(issued_at), Some(expires_at)) => Some(StoredRow { issued_at, expires_at, kid, digest }),
        (None, _) | (_, None) => None,
    })
}

/// What a check-in writes.
pub struct CheckIn<'a> {
    /// The appliance as it was read.
    pub appliance: &'a ApplianceRow,
    /// Hash of the credential that it used.
    pub credential_hash: &'a str,
    /// Where it comes from.
    pub source: &'a str,
    /// The licence that was signed; none when the answer brings no new one.
    pub renewed: Option<License<'a>>,
    /// Whether the tenant becomes active.
    pub activates: Activates,
}

/// Whether a check-in makes the tenant active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activates {
    /// It is the first one.
    Yes,
    /// The tenant is active, or its entitlement is not.
    No,
}

/// How a check-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckedIn {
    /// Written.
    Done {
        /// Whether the credential was used from another source within a day.
        elsewhere: bool,
    },
    /// Something changed since it was read, so nothing was written.
    Changed,
}

/// Writes a check-in in one transaction, its locks in the order tenant, entitlement, appliance.
///
/// # Errors
/// [`DbError`].
pub async fn settle(pool: &PgPool, check_in: &CheckIn<'_>) -> Result<CheckedIn, DbError> {
    let mut tx = begin(pool, "begin a check-in").await?;
    let checked_in = write(&mut tx, check_in).await?;
    match checked_in {
        CheckedIn::Done { .. } => tx.commit().await.during("commit a check-in")?,
        CheckedIn::Changed => tx.rollback().await.during("leave a check-in")?,
    }
    Ok(checked_in)
}

async fn write(conn: &mut PgConnection, check_in: &CheckIn<'_>) -> Result<CheckedIn, DbError> {
    let mut changes = Vec::new();
    if check_in.activates == Activates::Yes {
        let done = sqlx::query(ACTIVATE).bind(check_in.appliance.tenant).execute(&mut *conn).await;
        if done.during("mark a tenant active")?.rows_affected() == 1 {
            changes.push(Action::TenantActivated.as_str());
        }
    }
    if let Some(renewed) = &check_in.renewed {
        if !take_entitlement(conn, check_in.appliance.tenant, renewed).await? {
            return Ok(CheckedIn::Changed);
        }
        changes.push(Action::LicenseRenewed.as_str());
    }
    let row = sqlx::query(SEEN)
        .bind(check_in.appliance.id)
        .bind(check_in.credential_hash)
        .bind(check_in.source)
        .bind(changes)
        .fetch_one(conn)
        .await
        .during("note a check-in")?;
    let count = |column| row.try_get::<i64, _>(column).during("read a check-in");
    Ok(if count("seen")? == 1 { CheckedIn::Done { elsewhere: count("others")? > 0 } } else { CheckedIn::Changed })
}

/// What `/verify-appliance` tells of a credential.
pub struct Verified {
    /// The appliance's tenant.
    pub tenant: Uuid,
    /// The id that the appliance gave itself.
    pub appliance_id: String,
    /// Whether the appliance was revoked.
    pub revoked: bool,
    /// Edition of the tenant.
    pub edition: Edition,
    /// Whether the entitlement is active.
    pub active: bool,
    /// Whether connected services are open to the appliance.
    pub connectivity: bool,
}

/// Reads whom a credential belongs to, given as its hash; none for nobody. Counts nothing.
///
/// # Errors
/// [`DbError`].
pub async fn verify(pool: &PgPool, credential_hash: &str) -> Result<Option<Verified>, DbError> {
    let row = sqlx::query(VERIFY).bind(credential_hash).fetch_optional(pool).await.during("verify a credential")?;
    row.map(|row| verified(&row)).transpose().during("read an appliance")
}

fn verified(row: &PgRow) -> Result<Verified, sqlx::Error> {
    let active: bool = row.try_get("active")?;
    let connected = match word(row, "transport", Transport::parse)? {
        Transport::Connected => true,
        Transport::Airgap => false,
    };
    let standing = word(row, "status", TenantStatus::parse)?.is_in_good_standing();
    Ok(Verified {
        tenant: row.try_get("tenant_id")?,
        appliance_id: row.try_get("appliance_id")?,
        revoked: row.try_get("revoked")?,
        edition: word(row, "edition", Edition::parse)?,
        active,
        connectivity: active && connected && standing,
    })
}

/// Forgets from where credentials were used long ago. Returns the number of rows.
///
/// # Errors
/// [`DbError`].
pub async fn sweep(pool: &PgPool) -> Result<u64, DbError> {
    let done = sqlx::query(SWEEP).execute(pool).await.during("forget old sources of check-ins")?;
    Ok(done.rows_affected())
}
