//! The transaction that uses a code up.

use crate::db::{DbError, During as _, begin};
use crate::registry::attempts::Counted;
use crate::registry::audit::Action;
use crate::registry::entitlements::EntitlementRow;
use crate::signing::SignedLicense;
use license::codes::KeyedHash;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

const TAKE_TENANT: &str = include_str!("take_tenant.sql");
const TAKE_ENTITLEMENT: &str = include_str!("take_entitlement.sql");
const CONSUME: &str = include_str!("consume.sql");
const RECORD: &str = include_str!("record.sql");

/// A licence that was signed outside of the transaction.
#[derive(Clone, Copy)]
pub struct License<'a> {
    /// The entitlement as it was read; when it has changed since, nothing is written.
    pub entitlement: &'a EntitlementRow,
    /// `sub`.
    pub subject: &'a str,
    /// The licence.
    pub signed: &'a SignedLicense,
}

/// Everything that a redemption writes.
pub struct Redemption<'a> {
    /// Id of the code's row.
    pub code: Uuid,
    /// The code under the current and the previous key.
    pub code_hashes: &'a [KeyedHash],
    /// The tenant that it is redeemed for.
    pub tenant: Uuid,
    /// The id that the appliance gave itself.
    pub appliance_id: &'a str,
    /// The licence; none for a code without an entitlement.
    pub license: Option<License<'a>>,
    /// SHA-256 in hexadecimal of the appliance's new credential, which comes with a licence.
    pub credential_hash: Option<&'a str>,
    /// SHA-256 of the idempotency key.
    pub key_hash: Option<[u8; 32]>,
    /// Keyed hash of the request.
    pub fingerprint: &'a KeyedHash,
    /// The sealed answer; none without an idempotency key.
    pub sealed_answer: Option<&'a str>,
    /// How long it is kept, in seconds.
    pub replay_seconds: i64,
    /// The attempt, which ends with this transaction.
    pub attempt: &'a Counted,
}

/// How the transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The code is used up, and everything that belongs to it is written.
    Redeemed,
    /// Something changed since it was read, so nothing was written. Reading again tells what.
    Changed,
}

/// Uses a code up and writes all effects, or nothing.
///
/// The locks are taken in the order tenant, entitlement, code, as everywhere, so a reissue comes before or after as a whole.
/// Each statement repeats what was decided as its predicate, and its row count is checked.
///
/// # Errors
/// [`DbError`]. After an error of the commit itself the outcome is unknown: the caller repeats with its key and is told.
pub async fn redeem(pool: &PgPool, redemption: &Redemption<'_>) -> Result<Settled, DbError> {
    let mut tx = begin(pool, "begin a redemption").await?;
    let settled = write(&mut tx, redemption).await?;
    match settled {
        Settled::Redeemed => tx.commit().await.during("commit a redemption")?,
        Settled::Changed => tx.rollback().await.during("leave a redemption")?,
    }
    Ok(settled)
}

async fn write(conn: &mut PgConnection, redemption: &Redemption<'_>) -> Result<Settled, DbError> {
    if !take_tenant(conn, redemption).await? || !sold(conn, redemption).await? || !consume(conn, redemption).await? {
        return Ok(Settled::Changed);
    }
    record(conn, redemption).await?;
    Ok(Settled::Redeemed)
}

async fn take_tenant(conn: &mut PgConnection, redemption: &Redemption<'_>) -> Result<bool, DbError> {
    let done = sqlx::query(TAKE_TENANT)
        .bind(redemption.tenant)
        .bind(key_hash(redemption))
        .bind(redemption.license.is_some())
        .execute(conn)
        .await
        .during("mark a tenant installed")?;
    Ok(done.rows_affected() == 1)
}

async fn sold(conn: &mut PgConnection, redemption: &Redemption<'_>) -> Result<bool, DbError> {
    match &redemption.license {
        Some(license) => take_entitlement(conn, redemption.tenant, license).await,
        None => Ok(true),
    }
}

/// Locks an entitlement, binds it to the tenant and stores what was signed; not, when it is no longer what was read.
pub(in crate::registry) async fn take_entitlement(
    conn: &mut PgConnection,
    tenant: Uuid,
    license: &License<'_>,
) -> Result<bool, DbError> {
    let done = sqlx::query(TAKE_ENTITLEMENT)
        .bind(license.entitlement.id)
        .bind(tenant)
        .bind(&license.entitlement.customer)
        .bind(&license.entitlement.tier_word)
        .bind(license.entitlement.seats)
        .bind(license.entitlement.transport.as_str())
        .bind(license.entitlement.current_iat)
        .bind(license.subject)
        .bind(license.signed.issued_at)
        .bind(license.signed.expires_at)
        .bind(license.signed.kid.as_str())
        .bind(&license.signed.digest[..])
        .execute(conn)
        .await
        .during("store what was signed")?;
    Ok(done.rows_affected() == 1)
}

async fn consume(conn: &mut PgConnection, redemption: &Redemption<'_>) -> Result<bool, DbError> {
    let current = redemption.code_hashes.first().expect("a ring has a current key");
    let previous = redemption.code_hashes.last().expect("a ring has a current key");
    let entitlement = redemption.license.as_ref().map(|license| license.entitlement);
    let done = sqlx::query(CONSUME)
        .bind(redemption.code)
        .bind(&current.hash[..])
        .bind(current.key_id.as_str())
        .bind(&previous.hash[..])
        .bind(previous.key_id.as_str())
        .bind(redemption.tenant)
        .bind(entitlement.map(|row| row.id))
        .bind(entitlement.map(|row| row.tier_word.as_str()))
        .bind(entitlement.and_then(|row| row.seats))
        .bind(key_hash(redemption))
        .execute(conn)
        .await
        .during("consume a code")?;
    Ok(done.rows_affected() == 1)
}

async fn record(conn: &mut PgConnection, redemption: &Redemption<'_>) -> Result<(), DbError> {
    let (scopes, sources, buckets) = redemption.attempt.columns();
    sqlx::query(RECORD)
        .bind(redemption.code)
        .bind(redemption.tenant)
        .bind(redemption.license.as_ref().map(|license| license.entitlement.id))
        .bind(redemption.appliance_id)
        .bind(redemption.credential_hash)
        .bind(key_hash(redemption))
        .bind(&redemption.fingerprint.hash[..])
        .bind(redemption.sealed_answer)
        .bind(redemption.replay_seconds as f64)
        .bind(scopes)
        .bind(sources)
        .bind(buckets)
        .bind(Action::CodeRedeemed.as_str())
        .execute(conn)
        .await
        .during("record a redemption")?;
    Ok(())
}

fn key_hash<'a>(redemption: &'a Redemption<'_>) -> Option<&'a [u8]> {
    redemption.key_hash.as_ref().map(|hash| &hash[..])
}
