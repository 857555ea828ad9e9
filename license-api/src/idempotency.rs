//! Same key, same request: the first success again (licensing contract, sections 5.1 and 15).
//!
//! The key's lock is held until the transaction ends, so a second request with the same key waits for the first and then
//! replays it. A failure rolls back and so stores nothing. What is stored are references; a part that cannot be made again
//! is sealed.

use crate::db::{DbError, During as _};
use crate::error_code::ErrorCode;
use crate::idempotency_key::IdempotencyKey;
use crate::problem::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool, Row as _};

/// How long a caller's key is remembered, in days: longer than any workflow retries.
const REMEMBERED_DAYS: i32 = 30;

/// Which request, and under which key.
#[derive(Debug, Clone)]
pub struct Keyed {
    route: &'static str,
    caller: String,
    key_hash: [u8; 32],
    fingerprint: [u8; 32],
    /// None: kept as long as what it refers to.
    days: Option<i32>,
}

/// What is stored of a success.
#[derive(Debug, Clone)]
pub struct Stored {
    /// HTTP status.
    pub status: i16,
    /// References from which the answer is made again.
    pub result: serde_json::Value,
    /// The sealed part.
    pub sealed: Option<String>,
}

impl Stored {
    /// Reads the references.
    ///
    /// # Errors
    /// `internal_error`: a row of another build.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_value(self.result.clone()).map_err(|_| Problem::new(ErrorCode::Internal))
    }
}

/// SHA-256 of a request as it was understood: unknown fields and white space do not count.
pub fn fingerprint(request: &impl Serialize) -> [u8; 32] {
    Sha256::digest(serde_json::to_vec(request).expect("our own structs serialise")).into()
}

impl Keyed {
    /// The header's key, scoped by caller.
    pub fn header(route: &'static str, caller: &str, key: &IdempotencyKey, request: &impl Serialize) -> Self {
        Self {
            route,
            caller: caller.to_owned(),
            key_hash: key.hash(),
            fingerprint: fingerprint(request),
            days: Some(REMEMBERED_DAYS),
        }
    }

    /// An entity key, which all callers share and which lasts as long as the entity.
    pub fn entity(route: &'static str, key: &str, request: &impl Serialize) -> Self {
        let key_hash = Sha256::digest(key.as_bytes()).into();
        Self { route, caller: String::new(), key_hash, fingerprint: fingerprint(request), days: None }
    }

    /// Takes the key's turn, and gives what was stored under it.
    ///
    /// # Errors
    /// `idempotency_conflict` for another request under this key; 503 when the first request takes too long.
    pub async fn begin(&self, conn: &mut PgConnection) -> Result<Option<Stored>, Problem> {
        let mut turn = Sha256::new();
        for part in [self.route.as_bytes(), b"\0", self.caller.as_bytes(), b"\0", &self.key_hash] {
            turn.update(part);
        }
        let turn: [u8; 32] = turn.finalize().into();
        let lock = i64::from_be_bytes(turn[..8].try_into().expect("eight bytes"));
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(lock)
            .execute(&mut *conn)
            .await
            .during("take the turn of a key")?;
        let row = sqlx::query(
            "SELECT fingerprint, status, result, sealed_answer FROM idempotent_requests \
             WHERE route = $1 AND caller = $2 AND key_hash = $3",
        )
        .bind(self.route)
        .bind(&self.caller)
        .bind(&self.key_hash[..])
        .fetch_optional(conn)
        .await
        .during("look for a request with this key")?;
        let Some(row) = row else { return Ok(None) };
        let read = |error| DbError::of("read a request with this key", &error);
        let fingerprint: Vec<u8> = row.try_get("fingerprint").map_err(read)?;
        if fingerprint != self.fingerprint {
            return Err(Problem::new(ErrorCode::IdempotencyConflict));
        }
        Ok(Some(Stored {
            status: row.try_get("status").map_err(read)?,
            result: row.try_get("result").map_err(read)?,
            sealed: row.try_get("sealed_answer").map_err(read)?,
        }))
    }

    /// Stores a success, in the transaction that made it. For an entity key the references are replaced.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn store(&self, conn: &mut PgConnection, stored: &Stored) -> Result<(), DbError> {
        sqlx::query(
            "INSERT INTO idempotent_requests (route, caller, key_hash, fingerprint, status, result, sealed_answer, replay_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(days => $8)) \
             ON CONFLICT (route, caller, key_hash) DO UPDATE SET result = excluded.result",
        )
        .bind(self.route)
        .bind(&self.caller)
        .bind(&self.key_hash[..])
        .bind(&self.fingerprint[..])
        .bind(stored.status)
        .bind(&stored.result)
        .bind(stored.sealed.as_deref())
        .bind(self.days)
        .execute(conn)
        .await
        .during("store the answer of a key")?;
        Ok(())
    }

    /// What a sealed part belongs to: it opens under this key only.
    pub fn aad(&self) -> Vec<u8> {
        [self.route.as_bytes(), b"\0", self.caller.as_bytes(), b"\0", &self.key_hash].concat()
    }
}

/// Forgets keys after their time. Returns how many.
///
/// # Errors
/// [`DbError`].
pub async fn sweep(pool: &PgPool) -> Result<u64, DbError> {
    let done = sqlx::query("DELETE FROM idempotent_requests WHERE replay_until < now()").execute(pool).await;
    Ok(done.during("forget keys")?.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_equal_by_what_was_understood() {
        let one: serde_json::Value = serde_json::from_str(r#"{"a": 1, "b": null}"#).unwrap();
        let other: serde_json::Value = serde_json::from_str(r#"{"a":1,"b":null}"#).unwrap();
        assert_eq!(fingerprint(&one), fingerprint(&other));
        assert_ne!(fingerprint(&one), fingerprint(&serde_json::json!({"a": 2, "b": null})));
    }
}
