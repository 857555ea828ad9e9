//! `claim_codes`: minting, revoking, and making a code again from its row.

use crate::db::{DbError, During as _};
use crate::random::{RandomSource, row_id};
use license::codes::CodeKeys;
use model::license::code_state::{CodeState, CodeTimes};
use model::license::install_code::{CodeLength, InstallCode, LENGTH_MAX, LENGTH_MIN};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

/// Row ids that are tried when a code is there already. One code in 8·10¹¹ collides with each that exists.
const TRIES: u32 = 8;

/// Which route mints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `/register-tenant`.
    Registration,
    /// `/install-codes/reissue`.
    Reissue,
    /// `/claim-codes`.
    Activation,
}

impl Origin {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Reissue => "reissue",
            Self::Activation => "activation",
        }
    }
}

/// What a new code is for.
#[derive(Debug, Clone, Copy)]
pub struct NewCode {
    /// Its tenant; none for an old subscription without one.
    pub tenant: Option<Uuid>,
    /// Its entitlement; none for essentials.
    pub entitlement: Option<Uuid>,
    /// Which route mints.
    pub origin: Origin,
    /// Characters.
    pub length: CodeLength,
    /// Life in seconds.
    pub ttl_seconds: i64,
}

/// A code and its row.
#[derive(Debug)]
pub struct Minted {
    /// Public reference.
    pub id: Uuid,
    /// The code.
    pub code: InstallCode,
    /// Unix seconds.
    pub expires_at: i64,
}

/// A row whose code can be made again.
#[derive(Debug, Clone)]
pub struct CodeRecord {
    /// Public reference.
    pub id: Uuid,
    code_hash: Vec<u8>,
    hash_key_id: String,
    mint_key_id: String,
    /// State at the database's time.
    pub state: CodeState,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// Unix seconds.
    pub expires_at: i64,
    /// Seconds until then at the database's time; below zero when it is over.
    pub life_seconds: i64,
    /// Whether it was redeemed.
    pub consumed: bool,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// Columns of [`CodeRecord`].
pub(super) const COLUMNS: &str = "id, code_hash, hash_key_id, mint_key_id, \
    (extract(epoch FROM created_at) * 1000)::bigint AS created_ms, \
    (extract(epoch FROM expires_at) * 1000)::bigint AS expires_ms, \
    (extract(epoch FROM consumed_at) * 1000)::bigint AS consumed_ms, \
    (extract(epoch FROM revoked_at) * 1000)::bigint AS revoked_ms, \
    (extract(epoch FROM now()) * 1000)::bigint AS now_ms";

impl CodeRecord {
    /// Reads a row of [`COLUMNS`].
    pub(super) fn read(row: &PgRow) -> Result<Self, DbError> {
        Self::parse(row).map_err(|error| DbError::of("read the code's row", &error))
    }

    fn parse(row: &PgRow) -> Result<Self, sqlx::Error> {
        let times = CodeTimes {
            consumed_at_ms: row.try_get("consumed_ms")?,
            revoked_at_ms: row.try_get("revoked_ms")?,
            expires_at_ms: row.try_get("expires_ms")?,
        };
        let now_ms: i64 = row.try_get("now_ms")?;
        Ok(Self {
            id: row.try_get("id")?,
            code_hash: row.try_get("code_hash")?,
            hash_key_id: row.try_get("hash_key_id")?,
            mint_key_id: row.try_get("mint_key_id")?,
            state: CodeState::of(times, now_ms),
            created_at_ms: row.try_get("created_ms")?,
            expires_at: times.expires_at_ms.div_euclid(1000),
            life_seconds: (times.expires_at_ms - now_ms).div_euclid(1000),
            consumed: times.consumed_at_ms.is_some(),
            revoked: times.revoked_at_ms.is_some(),
        })
    }

    /// The word of an answer that is given again: its state, when it is no longer live (contract, section 5.3).
    pub fn over(&self) -> Option<String> {
        (self.state != CodeState::Live).then(|| self.state.as_str().to_owned())
    }

    /// Makes the code again. The length may have been another when it was minted, so the one whose hash is stored is taken.
    /// None when a key of it is gone, which a rotation allows only after the longest life of a code.
    pub fn code(&self, keys: &CodeKeys) -> Option<InstallCode> {
        (LENGTH_MIN..=LENGTH_MAX).filter_map(CodeLength::new).find_map(|length| {
            let code = keys.derive(&self.mint_key_id, self.id, length, 0)?;
            let same = |found: &license::codes::KeyedHash| {
                found.key_id.as_str() == self.hash_key_id && found.hash[..] == self.code_hash[..]
            };
            keys.lookup_hashes(&code).iter().any(same).then_some(code)
        })
    }
}

/// Mints a code: the hash goes into a row, the code comes back.
///
/// # Errors
/// [`DbError`]; also when eight codes in a row were there already.
pub async fn insert_claim_code(
    conn: &mut PgConnection,
    keys: &CodeKeys,
    random: &dyn RandomSource,
    new: NewCode,
) -> Result<Minted, DbError> {
    for _ in 0..TRIES {
        let id = row_id(random);
        let code = keys.mint(id, new.length, 0);
        let stored = keys.stored_hash(&code);
        // A code that an older key already finds would be two codes.
        let others: Vec<Vec<u8>> = keys.lookup_hashes(&code).iter().map(|found| found.hash.to_vec()).collect();
        let expires_at: Option<i64> = sqlx::query_scalar(
            "INSERT INTO claim_codes (id, code_hash, hash_key_id, mint_key_id, entitlement_id, tenant_id, origin, expires_at) \
             SELECT $1, $2, $3, $4, $5, $6, $7, date_trunc('second', now()) + make_interval(secs => $8) \
             WHERE NOT EXISTS (SELECT FROM claim_codes WHERE code_hash = ANY ($9)) \
             ON CONFLICT DO NOTHING RETURNING extract(epoch FROM expires_at)::bigint",
        )
        .bind(id)
        .bind(&stored.hash[..])
        .bind(stored.key_id.as_str())
        .bind(keys.mint_key_id().as_str())
        .bind(new.entitlement)
        .bind(new.tenant)
        .bind(new.origin.as_str())
        .bind(new.ttl_seconds as f64)
        .bind(others)
        .fetch_optional(&mut *conn)
        .await
        .during("store the code")?;
        if let Some(expires_at) = expires_at {
            return Ok(Minted { id, code, expires_at });
        }
    }
    Err(DbError::Rejected { during: "find a code that is free", sqlstate: None, constraint: None })
}

/// Revokes the codes of an entitlement that were not used, in favour of `by`. Returns their ids.
///
/// # Errors
/// [`DbError`].
pub async fn revoke_claim_codes_for_entitlement(
    conn: &mut PgConnection,
    entitlement: Uuid,
    by: Option<Uuid>,
) -> Result<Vec<Uuid>, DbError> {
    sqlx::query_scalar(
        "UPDATE claim_codes SET revoked_at = now(), superseded_by = $2 WHERE entitlement_id = $1 \
         AND consumed_at IS NULL AND revoked_at IS NULL AND id IS DISTINCT FROM $2 RETURNING id",
    )
    .bind(entitlement)
    .bind(by)
    .fetch_all(conn)
    .await
    .during("revoke the codes of the subscription")
}

/// Revokes the codes of a tenant that were not used, in favour of `by`: those of its row, and those that its subscriptions got
/// before they had a tenant. Returns their ids.
///
/// # Errors
/// [`DbError`].
pub async fn revoke_claim_codes_for_tenant(
    conn: &mut PgConnection,
    tenant: Uuid,
    by: Uuid,
) -> Result<Vec<Uuid>, DbError> {
    sqlx::query_scalar(
        "UPDATE claim_codes SET revoked_at = now(), superseded_by = $2 WHERE (tenant_id = $1 OR tenant_id IS NULL \
         AND entitlement_id IN (SELECT id FROM entitlements WHERE tenant_id = $1)) \
         AND consumed_at IS NULL AND revoked_at IS NULL AND id <> $2 RETURNING id",
    )
    .bind(tenant)
    .bind(by)
    .fetch_all(conn)
    .await
    .during("revoke the codes of the tenant")
}

/// How many codes went with a subscription when it ended. The same at every repeat.
///
/// # Errors
/// [`DbError`].
pub async fn revoked_with(conn: &mut PgConnection, entitlement: Uuid) -> Result<i64, DbError> {
    sqlx::query_scalar(
        "SELECT count(*) FROM claim_codes c JOIN entitlements e ON e.id = c.entitlement_id \
         WHERE e.id = $1 AND c.revoked_at = e.revoked_at",
    )
    .bind(entitlement)
    .fetch_one(conn)
    .await
    .during("count the codes of the subscription")
}

/// Reads a row by its reference.
///
/// # Errors
/// [`DbError`].
pub async fn by_id(conn: &mut PgConnection, id: Uuid) -> Result<Option<CodeRecord>, DbError> {
    let text = format!("SELECT {COLUMNS} FROM claim_codes WHERE id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(text)).bind(id).fetch_optional(conn).await;
    row.during("read the code's row")?.as_ref().map(CodeRecord::read).transpose()
}

/// Reissues of a tenant within the last day: how many, and the ages in seconds of the oldest and of the newest.
///
/// # Errors
/// [`DbError`].
pub async fn reissues_of_day(conn: &mut PgConnection, tenant: Uuid) -> Result<(i64, i64, i64), DbError> {
    sqlx::query_as(
        "SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::bigint, \
         coalesce(extract(epoch FROM now() - max(created_at)), 0)::bigint FROM claim_codes \
         WHERE tenant_id = $1 AND origin = 'reissue' AND created_at > now() - interval '1 day'",
    )
    .bind(tenant)
    .fetch_one(conn)
    .await
    .during("count the reissues of the tenant")
}
