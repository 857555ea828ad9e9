//! Whether every code that can still be redeemed, or whose answer can still be given again, has its keys here.

use crate::db::{DbError, During as _};
use license::codes::CodeKeys;
use sqlx::PgPool;

/// Codes that are live were made or stored under a key that is no longer in its file, or codes whose answer is kept for a repeat
/// were stored under one: without it the repeat finds nothing, and the code is burned (licensing contract, L-02; section 15:
/// a second rotation within the longest life of a code is refused).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "codes that are still valid, or whose answer is kept for a repeat, need the key {key_id}, which is not in its file; \
     put it back"
)]
pub struct ForgottenKeys {
    /// The id of the missing key.
    pub key_id: String,
}

/// Compares the keys of such codes with those of the files. A database that does not answer is no reason not to start.
///
/// # Errors
/// [`ForgottenKeys`].
pub async fn require_known_keys(pool: &PgPool, keys: &CodeKeys) -> Result<(), ForgottenKeys> {
    match forgotten_key(pool, keys).await {
        Ok(None) => Ok(()),
        Ok(Some(forgotten)) => Err(forgotten),
        Err(error) => {
            tracing::warn!("the keys of codes were not compared: {error}");
            Ok(())
        }
    }
}

/// A key that such a code needs and these keys lack. To answer a repeat the code is looked up and not made again, so it needs
/// no key that mints.
///
/// # Errors
/// [`DbError`].
pub async fn forgotten_key(pool: &PgPool, keys: &CodeKeys) -> Result<Option<ForgottenKeys>, DbError> {
    let needed: Vec<(Option<String>, String)> = sqlx::query_as(
        "SELECT mint_key_id, hash_key_id FROM claim_codes \
         WHERE consumed_at IS NULL AND revoked_at IS NULL AND expires_at > now() \
         UNION SELECT NULL, c.hash_key_id FROM code_redemptions r JOIN claim_codes c ON c.id = r.claim_code_id \
         WHERE r.sealed_answer IS NOT NULL AND r.replay_until > now()",
    )
    .fetch_all(pool)
    .await
    .during("read the key ids of codes")?;
    for (mint, lookup) in needed {
        if let Some(mint) = mint.filter(|mint| !keys.mint_key_ids().any(|id| id.as_str() == mint)) {
            return Ok(Some(ForgottenKeys { key_id: mint }));
        }
        if !keys.lookup_key_ids().any(|id| id.as_str() == lookup) {
            return Ok(Some(ForgottenKeys { key_id: lookup }));
        }
    }
    Ok(None)
}
