//! `savePreflightToken`: a token that the challenge responder answers until it expires.

use crate::db::{begin, commit, micros};
use crate::error::StoreError;
use crate::{sql, token};
use proto::v1 as wire;
use sqlx::PgConnection;

/// How long an expired token stays before it is forgotten: long enough for an operator to look at a failed preflight.
const KEEP_EXPIRED_US: i64 = 24 * 3_600_000_000;

/// Saves a token. The same idempotency key gives the token that was saved first.
pub(crate) async fn save_token(
    conn: &mut PgConnection,
    request: &wire::SavePreflightTokenRequest,
) -> Result<wire::SavePreflightTokenReply, StoreError> {
    if request.idempotency_key.is_empty() {
        return Err(StoreError::Unreadable { what: "the idempotency key" });
    }
    let fresh = token::preflight_token(&mut rand::rng());
    let expires = micros(request.expires_ms);
    let mut tx = begin(conn).await?;
    let saved = sql::SAVE_TOKEN
        .bind(&fresh)
        .bind(&request.host)
        .bind(token::preflight_body(&fresh))
        .bind(expires)
        .bind(&request.idempotency_key)
        .one(&mut tx)
        .await?;
    if saved.field::<&str>("host")? != request.host {
        return Err(StoreError::Unreadable { what: "the idempotency key: it belongs to another host" });
    }
    sql::FORGET_TOKENS.bind(expires.saturating_sub(KEEP_EXPIRED_US)).execute(&mut tx).await?;
    let reply = wire::SavePreflightTokenReply { token: saved.field("token")?, body: saved.field("body")? };
    commit(tx).await?;
    Ok(reply)
}
