//! Whether every code that can still be redeemed has its keys here.

use crate::db::{DbError, During as _};
use license::codes::CodeKeys;
use sqlx::PgPool;

/// Codes that are live were made or stored under a key that is no longer in its file (licensing contract, section 15: a
/// second rotation within the longest life of a code is refused).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("codes that are still valid need the key {key_id}, which is not in its file; put it back")]
pub struct ForgottenKeys {
    /// The id of the missing key.
    pub key_id: String,
}

/// Compares the keys of live codes with those of the files. A database that does not answer is no reason not to start.
///
/// # Errors
/// [`ForgottenKeys`].
pub async fn require_known_keys(pool: &PgPool, keys: &CodeKeys) -> Result<(), ForgottenKeys> {
    let needed: Result<Vec<(String, String)>, DbError> = sqlx::query_as(
        "SELECT DISTINCT mint_key_id, hash_key_id FROM claim_codes \
         WHERE consumed_at IS NULL AND revoked_at IS NULL AND expires_at > now()",
    )
    .fetch_all(pool)
    .await
    .during("read the key ids of live codes");
    let needed = match needed {
        Ok(needed) => needed,
        Err(error) => {
            tracing::warn!("the keys of live codes were not compared: {error}");
            return Ok(());
        }
    };
    for (mint, lookup) in needed {
        if !keys.mint_key_ids().any(|id| id.as_str() == mint) {
            return Err(ForgottenKeys { key_id: mint });
        }
        if !keys.lookup_key_ids().any(|id| id.as_str() == lookup) {
            return Err(ForgottenKeys { key_id: lookup });
        }
    }
    Ok(())
}
