//! `entitlements`.

use crate::db::{DbError, During as _};
use crate::registry::tenants;
use crate::signing::{LicenseTerms, SignedLicense};
use model::license::claims::is_ahead;
use model::license::edition::{Tier, Transport};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use std::num::NonZeroU64;
use uuid::Uuid;

/// Random bytes of a subject: 26 symbols of base32 are 130 bits.
pub const SUBJECT_BYTES: usize = 17;
/// Symbols of a subject after its prefix (licensing contract, section 4.2).
const SUBJECT_SYMBOLS: usize = 26;

/// What was paid.
#[derive(Clone)]
pub struct Paid<'a> {
    /// `stripe_sub_id`: opaque.
    pub subscription: &'a str,
    /// Name of the customer.
    pub customer: &'a str,
    /// Tier.
    pub tier: Tier,
    /// None is unlimited.
    pub seats: Option<i32>,
    /// Transport.
    pub transport: Transport,
}

/// An entitlement, as its licence needs it.
#[derive(Clone)]
pub struct EntitlementRow {
    /// Its id.
    pub id: Uuid,
    /// The customer's name.
    pub customer: String,
    /// The tier, as it stands in the row.
    pub tier_word: String,
    /// The tier.
    pub tier: Tier,
    /// Seats; none is unlimited.
    pub seats: Option<i32>,
    /// How the licence travels.
    pub transport: Transport,
    /// The subject of its licences; none before the first.
    pub license_sub: Option<String>,
    /// `iat` of the licence that was signed last.
    pub current_iat: Option<i64>,
}

impl EntitlementRow {
    /// Reads the row's columns, of which the id is called `entitlement` in every statement.
    pub(super) fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("entitlement")?,
            customer: row.try_get("customer")?,
            tier_word: row.try_get("tier")?,
            tier: word(row, "tier", Tier::parse)?,
            seats: row.try_get("seats")?,
            transport: word(row, "transport", Transport::parse)?,
            license_sub: row.try_get("license_sub")?,
            current_iat: row.try_get("current_iat")?,
        })
    }

    /// What a licence of this entitlement says to a tenant.
    pub fn terms(&self, subject: &str, tenant: Uuid) -> LicenseTerms {
        // The column is above zero, or NULL for unlimited.
        let seats = self.seats.and_then(|seats| u64::try_from(seats).ok()).and_then(NonZeroU64::new);
        LicenseTerms {
            subject: subject.to_owned(),
            customer: self.customer.clone(),
            tier: self.tier,
            seats,
            tenant,
            transport: self.transport,
        }
    }

    /// `iat` of a licence that is signed at `now`, in unix seconds: never before the one that was signed last, because an
    /// appliance refuses an older one (licensing contract, L-11). A stored time that no clock of ours can have written does
    /// not count.
    pub fn issue_at(&self, now: i64) -> i64 {
        self.current_iat.filter(|last| !is_ahead(*last, now)).map_or(now, |last| last.max(now))
    }
}

/// An entitlement whose row is held.
#[derive(Clone)]
pub struct Entitlement {
    /// The tenant, once it is known.
    pub tenant_id: Option<Uuid>,
    /// Whether it is active.
    pub active: bool,
    /// What its licence says.
    pub row: EntitlementRow,
}

const COLUMNS: &str =
    "id AS entitlement, tenant_id, customer, tier, seats, transport, active, license_sub, current_iat";

impl Entitlement {
    fn read(row: &PgRow) -> Result<Self, DbError> {
        Self::parse(row).map_err(|error| DbError::of("read the entitlement", &error))
    }

    fn parse(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            tenant_id: row.try_get("tenant_id")?,
            active: row.try_get("active")?,
            row: EntitlementRow::read(row)?,
        })
    }

    /// Id of the row.
    pub const fn id(&self) -> Uuid {
        self.row.id
    }
}

/// The tenant of a subscription, read without a lock: it tells which row of the registry to take first. None when there is
/// no such subscription.
///
/// # Errors
/// [`DbError`].
pub async fn tenant_of(conn: &mut PgConnection, subscription: &str) -> Result<Option<Option<Uuid>>, DbError> {
    sqlx::query_scalar("SELECT tenant_id FROM entitlements WHERE stripe_sub_id = $1")
        .bind(subscription)
        .fetch_optional(conn)
        .await
        .during("look for the subscription")
}

/// Reads an entitlement and holds its row: the second lock of a change.
///
/// # Errors
/// [`DbError`].
pub async fn lock(conn: &mut PgConnection, subscription: &str) -> Result<Option<Entitlement>, DbError> {
    let text = format!("SELECT {COLUMNS} FROM entitlements WHERE stripe_sub_id = $1 FOR NO KEY UPDATE");
    let row = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(subscription)
        .fetch_optional(conn)
        .await
        .during("take the entitlement's row")?;
    row.as_ref().map(Entitlement::read).transpose()
}

/// Makes the entitlement of a subscription when there is none, and takes its row.
///
/// # Errors
/// [`DbError`].
pub async fn create_or_lock(conn: &mut PgConnection, paid: &Paid<'_>) -> Result<Entitlement, DbError> {
    sqlx::query(
        "INSERT INTO entitlements (stripe_sub_id, customer, tier, seats, transport) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (stripe_sub_id) DO NOTHING",
    )
    .bind(paid.subscription)
    .bind(paid.customer)
    .bind(paid.tier.as_str())
    .bind(paid.seats)
    .bind(paid.transport.as_str())
    .execute(&mut *conn)
    .await
    .during("make the entitlement")?;
    let found = lock(conn, paid.subscription).await?;
    found.ok_or(DbError::Unavailable { during: "take the entitlement's row", sqlstate: None })
}

/// Writes what was paid, and binds the tenant where none is bound; a tenant of essentials is one of pro from then on. The
/// caller holds the rows of the tenant and of the entitlement, and has compared the tenant.
///
/// # Errors
/// [`DbError`].
pub async fn update(
    conn: &mut PgConnection,
    id: Uuid,
    paid: &Paid<'_>,
    tenant: Option<Uuid>,
) -> Result<Entitlement, DbError> {
    let text = format!(
        "UPDATE entitlements SET customer = $2, tier = $3, seats = $4, transport = $5, \
         tenant_id = coalesce(tenant_id, $6), updated_at = now() WHERE id = $1 RETURNING {COLUMNS}"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(id)
        .bind(paid.customer)
        .bind(paid.tier.as_str())
        .bind(paid.seats)
        .bind(paid.transport.as_str())
        .bind(tenant)
        .fetch_one(&mut *conn)
        .await
        .during("write the entitlement")?;
    let entitlement = Entitlement::read(&row)?;
    if let Some(tenant) = entitlement.tenant_id {
        tenants::upgrade(conn, tenant).await?;
    }
    Ok(entitlement)
}

/// The newest active entitlement of a tenant, and its row.
///
/// # Errors
/// [`DbError`].
pub async fn active_entitlement_by_tenant(
    conn: &mut PgConnection,
    tenant: Uuid,
) -> Result<Option<Entitlement>, DbError> {
    let text = format!(
        "SELECT {COLUMNS} FROM entitlements WHERE tenant_id = $1 AND active ORDER BY created_at DESC, id LIMIT 1 \
         FOR NO KEY UPDATE"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(text))
        .bind(tenant)
        .fetch_optional(conn)
        .await
        .during("look for the tenant's entitlement")?;
    row.as_ref().map(Entitlement::read).transpose()
}

/// A word that the table's check allows.
pub(super) fn word<T>(row: &PgRow, column: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, sqlx::Error> {
    parse(row.try_get(column)?).ok_or_else(|| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "the word is not of the closed list".into(),
    })
}

/// `lic_` and 26 symbols of base32, from random bytes.
pub fn subject(random: &[u8; SUBJECT_BYTES]) -> String {
    let text = data_encoding::BASE32_NOPAD.encode(random).to_ascii_lowercase();
    format!("lic_{}", &text[..SUBJECT_SYMBOLS])
}

/// Gives the entitlement a subject if it has none, and returns the one that it has.
///
/// # Errors
/// [`DbError`].
pub async fn set_entitlement_license_sub(conn: &mut PgConnection, id: Uuid, subject: &str) -> Result<String, DbError> {
    sqlx::query_scalar(
        "UPDATE entitlements SET license_sub = coalesce(license_sub, $2), updated_at = now() WHERE id = $1 \
         RETURNING license_sub",
    )
    .bind(id)
    .bind(subject)
    .fetch_one(conn)
    .await
    .during("give the entitlement its subject")
}

/// Remembers the licence that was signed last.
///
/// # Errors
/// [`DbError`].
pub async fn remember_license(conn: &mut PgConnection, id: Uuid, license: &SignedLicense) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE entitlements SET current_iat = $2, current_exp = $3, current_kid = $4, current_claims = $5, \
         updated_at = now() WHERE id = $1",
    )
    .bind(id)
    .bind(license.issued_at)
    .bind(license.expires_at)
    .bind(license.kid.as_str())
    .bind(&license.digest[..])
    .execute(conn)
    .await
    .during("remember the licence")?;
    Ok(())
}

/// Ends a subscription. A repeat changes nothing.
///
/// # Errors
/// [`DbError`].
pub async fn revoke(conn: &mut PgConnection, id: Uuid) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE entitlements SET active = false, revoked_at = now(), updated_at = now() WHERE id = $1 AND active",
    )
    .bind(id)
    .execute(conn)
    .await
    .during("end the subscription")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_twenty_six_symbols_after_its_prefix() {
        assert_eq!(subject(&[0; SUBJECT_BYTES]), format!("lic_{}", "a".repeat(26)));
        assert_eq!(subject(&[0xff; SUBJECT_BYTES]).len(), 30);
    }
}
