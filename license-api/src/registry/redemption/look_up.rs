//! What the registry knows of a code.

use crate::db::{DbError, During as _};
use crate::registry::entitlements::{EntitlementRow, word};
use license::codes::KeyedHash;
use model::license::claims::TenantId;
use model::license::code_state::CodeState;
use model::license::edition::{Edition, TenantStatus};
use model::license::redeem::{CodeFacts, EntitlementFacts, KeyUse, TenantFacts};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

const LOOK_UP: &str = include_str!("look_up.sql");

/// What is asked.
#[derive(Debug)]
pub struct Lookup<'a> {
    /// The code under the current and the previous key; see `CodeKeys::lookup_hashes`.
    pub code: &'a [KeyedHash],
    /// The tenant that the request names.
    pub named_tenant: Option<Uuid>,
    /// SHA-256 of the idempotency key.
    pub key_hash: Option<[u8; 32]>,
    /// The request under the current and the previous key; see `CodeKeys::request_fingerprints`.
    pub fingerprints: &'a [KeyedHash],
}

/// The registry's row of a tenant, as the answer needs it.
#[derive(Clone)]
pub struct TenantRow {
    /// Its id.
    pub id: Uuid,
    /// Its edition, read when the code is redeemed (licensing contract, D4). A licence makes it pro.
    pub edition: Edition,
    /// Its company.
    pub company_name: String,
    /// Its contact.
    pub contact_email: String,
}

/// A code that exists.
pub struct Found {
    /// Id of its row, its public reference.
    pub code: Uuid,
    /// What the decision is made from.
    pub facts: CodeFacts,
    /// The tenant: that of the code, or else the one it was redeemed for, or else the one that the request names.
    pub tenant: Option<TenantRow>,
    /// Its entitlement, or the tenant's: see look_up.sql.
    pub entitlement: Option<EntitlementRow>,
    /// The answer of the redemption, while it can be given again.
    pub sealed_answer: Option<String>,
}

/// Reads everything that the decision needs, in one statement whose work is the same for every code.
///
/// # Errors
/// [`DbError`].
pub async fn look_up(pool: &PgPool, lookup: &Lookup<'_>) -> Result<Option<Found>, DbError> {
    let current = lookup.code.first().expect("a ring has a current key");
    let previous = lookup.code.last().expect("a ring has a current key");
    let row = sqlx::query(LOOK_UP)
        .bind(&current.hash[..])
        .bind(current.key_id.as_str())
        .bind(&previous.hash[..])
        .bind(previous.key_id.as_str())
        .bind(lookup.named_tenant)
        .bind(lookup.key_hash.as_ref().map(|hash| &hash[..]))
        .fetch_optional(pool)
        .await
        .during("look up a code")?;
    row.map(|row| found(&row, lookup)).transpose().during("read a code")
}

fn found(row: &PgRow, lookup: &Lookup<'_>) -> Result<Found, sqlx::Error> {
    let tenant = tenant(row)?;
    let entitlement = entitlement(row)?;
    let facts = CodeFacts {
        state: word(row, "state", CodeState::parse)?,
        tenant: row.try_get::<Option<Uuid>, _>("code_tenant")?.map(tenant_id),
        registered: match &tenant {
            Some(tenant) => Some(TenantFacts {
                id: tenant_id(tenant.id),
                status: word(row, "status", TenantStatus::parse)?,
                edition: tenant.edition,
                has_other_entitlement: row.try_get("has_other_entitlement")?,
            }),
            None => None,
        },
        entitlement: match &entitlement {
            Some(_) => Some(EntitlementFacts {
                tenant: row.try_get::<Option<Uuid>, _>("entitlement_tenant")?.map(tenant_id),
                active: row.try_get("active")?,
            }),
            None => None,
        },
        key: key_use(row, lookup)?,
    };
    Ok(Found { code: row.try_get("code")?, facts, tenant, entitlement, sealed_answer: row.try_get("sealed_answer")? })
}

fn tenant(row: &PgRow) -> Result<Option<TenantRow>, sqlx::Error> {
    let Some(id) = row.try_get("tenant_id")? else { return Ok(None) };
    Ok(Some(TenantRow {
        id,
        edition: word(row, "edition", Edition::parse)?,
        company_name: row.try_get("company_name")?,
        contact_email: row.try_get("contact_email")?,
    }))
}

fn entitlement(row: &PgRow) -> Result<Option<EntitlementRow>, sqlx::Error> {
    row.try_get::<Option<Uuid>, _>("entitlement")?.map(|_| EntitlementRow::read(row)).transpose()
}

/// Hashes are compared in constant time (licensing contract, L-07).
fn key_use(row: &PgRow, lookup: &Lookup<'_>) -> Result<KeyUse, sqlx::Error> {
    let Some(asked) = &lookup.key_hash else { return Ok(KeyUse::Fresh) };
    let same = |stored: Option<&[u8]>, asked: &[u8; 32]| stored.is_some_and(|stored| stored.ct_eq(asked).into());
    if same(row.try_get("key_hash")?, asked) {
        let fingerprint: Option<&[u8]> = row.try_get("fingerprint")?;
        let this_request = lookup.fingerprints.iter().any(|asked| same(fingerprint, &asked.hash));
        let sealed: Option<&str> = row.try_get("sealed_answer")?;
        return Ok(match (row.try_get("replayable")?, this_request) {
            (false, _) => KeyUse::Forgotten,
            (true, false) => KeyUse::OtherRequest,
            (true, true) if sealed.is_some() && !row.try_get::<bool, _>("appliance_revoked")? => KeyUse::Answered,
            (true, true) => KeyUse::Forgotten,
        });
    }
    Ok(if row.try_get("key_elsewhere")? { KeyUse::OtherRequest } else { KeyUse::Fresh })
}

/// The id as claims carry it.
pub fn tenant_id(id: Uuid) -> TenantId {
    TenantId::parse(&id.to_string()).expect("a UUID prints as one")
}
