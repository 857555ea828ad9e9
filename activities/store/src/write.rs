//! `writeStatus`: what a round found, compare-and-set, together with observations, proof and history.

use crate::db::{begin_turn, bigint, commit, micros};
use crate::error::StoreError;
use crate::history::{self, Entry, Repeat};
use crate::{Settings, ids, sql};
use model::reason::MESSAGE_MAX_CHARS;
use proto::v1 as wire;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use sqlx::types::Json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The statuses that the worker may write; `disabled` belongs to the web application (portal-domain contract, section 4).
const WRITABLE: [&str; 8] = [
    "pending_dns",
    "verifying_dns",
    "dns_failed",
    "pending_certificate",
    "certificate_issuing",
    "certificate_failed",
    "deploying",
    "active",
];

/// The keys of `verification_details` that the worker may write (section 6). `requested_domain` and `previous_domain` are
/// the web application's.
const DETAIL_KEYS: [&str; 6] =
    ["expected_cname", "health", "last_observed_at", "last_observed_cname", "last_verified_at", "last_verified_cnames"];

/// Largest excerpt under the key `health`, in bytes (domain-health contract, section 2).
const HEALTH_MAX_BYTES: usize = 8 * 1024;

fn details(request: &wire::WriteStatusRequest) -> Result<Value, StoreError> {
    let mut object = Map::new();
    for (key, text) in &request.details {
        if !DETAIL_KEYS.contains(&key.as_str()) {
            return Err(StoreError::Unreadable { what: "a key of the details" });
        }
        if key == "health" && text.len() > HEALTH_MAX_BYTES {
            tracing::warn!(bytes = text.len(), "store: the health excerpt is over its limit and is left out");
            continue;
        }
        let value =
            serde_json::from_str(text).map_err(|_| StoreError::Unreadable { what: "a value of the details" })?;
        object.insert(key.clone(), value);
    }
    Ok(Value::Object(object))
}

fn axes(request: &wire::WriteStatusRequest) -> Result<Value, StoreError> {
    let mut bodies = BTreeMap::new();
    for axis in request.axes.iter().filter(|axis| !axis.axis.is_empty()) {
        let body = serde_json::to_value(axis).map_err(|_| StoreError::Unreadable { what: "an axis" })?;
        bodies.insert(axis.axis.as_str(), body);
    }
    Ok(Value::Array(bodies.into_values().collect()))
}

/// The new `updated_at`: the workflow's clock, but always later than the version that it replaces, so that no two versions
/// of a row look alike. The same request gives the same instant, so that a repeated write recognises itself.
fn next_version(base_us: i64, now_ms: i64) -> i64 {
    micros(now_ms).max(base_us.saturating_add(1)).max(0)
}

fn reply(outcome: &str, updated_us: i64) -> wire::WriteStatusReply {
    wire::WriteStatusReply { outcome: outcome.to_owned(), updated_us }
}

pub(crate) async fn write_status(
    conn: &mut PgConnection,
    settings: &Settings,
    request: &wire::WriteStatusRequest,
) -> Result<wire::WriteStatusReply, StoreError> {
    let base = request.base.as_ref().ok_or(StoreError::Unreadable { what: "the row" })?;
    let (tenant, id) = ids(&base.tenant_id, &base.id)?;
    if !WRITABLE.contains(&request.status.as_str()) {
        return Err(StoreError::Unreadable { what: "the status" });
    }
    let (details, axes) = (Json(details(request)?), Json(axes(request)?));
    let message: String = request.status_message.chars().take(MESSAGE_MAX_CHARS).collect();
    let version = next_version(base.updated_us, request.now_ms);

    let mut tx = begin_turn(conn, tenant).await?;
    let known = sql::READ_FENCE.bind(tenant).bind(id).one(&mut tx).await?;
    let fenced = known.field::<Option<i64>>("fence")?.is_some_and(|newest| bigint(request.fence) < newest);
    let written = !fenced
        && sql::WRITE_STATUS
            .bind(tenant)
            .bind(id)
            .bind(&base.domain)
            .bind(&base.status)
            .bind(base.updated_us)
            .bind(&request.status)
            .bind(&message)
            .bind(request.looked)
            .bind(micros(request.now_ms))
            .bind(details)
            .bind(&request.certificate_secret_name)
            .bind(version)
            .execute(&mut tx)
            .await?
            == 1;
    if !written {
        let why = not_written(&mut tx, (tenant, id), base, request, &message, version).await?;
        commit(tx).await?;
        return Ok(why);
    }
    sql::STORE_AXES.bind(tenant).bind(id).bind(micros(request.now_ms)).bind(axes).execute(&mut tx).await?;
    remember(&mut tx, (tenant, id), request, version).await?;
    let entry = Entry {
        tenant,
        id,
        at_ms: request.now_ms,
        event: "status",
        host: &base.domain,
        status: &request.status,
        reason: &request.reason,
        message: &message,
        generation: request.generation,
    };
    let repeat = if base.status == request.status { Repeat::Skip } else { Repeat::Keep };
    history::append(&mut tx, settings, entry, repeat).await?;
    commit(tx).await?;
    Ok(reply("written", version))
}

async fn remember(
    conn: &mut PgConnection,
    (tenant, id): (Uuid, Uuid),
    request: &wire::WriteStatusRequest,
    version: i64,
) -> Result<(), StoreError> {
    let now = micros(request.now_ms);
    sql::MARK_WRITTEN
        .bind(tenant)
        .bind(id)
        .bind(now)
        .bind(version)
        .bind(&request.fingerprint_sha256)
        .bind(&request.proof_method)
        .bind(bigint(request.generation))
        .execute(conn)
        .await?;
    if matches!(request.proof_method.as_str(), "txt" | "own_target") {
        sql::RELEASE_OTHER_TOMBSTONES.bind(tenant).bind(id).bind(now).execute(conn).await?;
    }
    Ok(())
}

/// Tells why nothing was written. A row that already holds exactly this write was written by an earlier try whose answer
/// was lost.
async fn not_written(
    conn: &mut PgConnection,
    (tenant, id): (Uuid, Uuid),
    base: &wire::PortalDomainRow,
    request: &wire::WriteStatusRequest,
    message: &str,
    version: i64,
) -> Result<wire::WriteStatusReply, StoreError> {
    let Some(now) = sql::READ_VERSION.bind(tenant).bind(id).optional(conn).await? else {
        return Ok(reply("gone", 0));
    };
    let updated_us: i64 = now.field("updated_us")?;
    let same = updated_us == version
        && now.field::<&str>("domain")? == base.domain
        && now.field::<&str>("status")? == request.status
        && now.field::<&str>("status_message")? == message;
    Ok(if same { reply("written", version) } else { reply("stale", updated_us) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_never_repeats() {
        assert_eq!(next_version(1_000_000, 2_000), 2_000_000);
        assert_eq!(next_version(2_000_000, 2_000), 2_000_001);
        assert_eq!(next_version(9_000_000, 2_000), 9_000_001);
        assert_eq!(next_version(-1, 2_000), 2_000_000);
    }

    #[test]
    fn only_the_workers_own_keys_are_merged() {
        let with = |key: &str, text: &str| wire::WriteStatusRequest {
            details: [(key.to_owned(), text.to_owned())].into(),
            ..Default::default()
        };
        assert!(details(&with("last_observed_cname", "\"x.example\"")).is_ok());
        assert!(details(&with("requested_domain", "\"x.example\"")).is_err());
        assert!(details(&with("health", "{not json")).is_err());
        let big = format!("\"{}\"", "x".repeat(HEALTH_MAX_BYTES));
        assert_eq!(details(&with("health", &big)).unwrap(), serde_json::json!({}));
    }
}
