//! `deleteRow`: the end of a verified removal, and of a claim that expired.

use crate::db::{begin_turn, commit, micros};
use crate::error::StoreError;
use crate::history::{self, Entry, Repeat};
use crate::{Settings, claim, ids, sql};
use model::portal::expiry;
use proto::v1 as wire;
use sqlx::PgConnection;
use uuid::Uuid;

fn reply(outcome: &str) -> wire::DeleteRowReply {
    wire::DeleteRowReply { outcome: outcome.to_owned() }
}

/// Deletes the row where it is unchanged, and still `disabled` or of a claim that expired long ago; writes the tombstones and closes the claim.
///
/// `stale`: the row changed, or the inventory still lists objects of the domain, so the removal is not verified. `gone`: the
/// row had vanished; the claim is closed and the host fenced all the same. Repeating it gives the same answer.
pub(crate) async fn delete_row(
    conn: &mut PgConnection,
    settings: &Settings,
    request: &wire::DeleteRowRequest,
) -> Result<wire::DeleteRowReply, StoreError> {
    let base = request.base.as_ref().ok_or(StoreError::Unreadable { what: "the row" })?;
    let (tenant, id) = ids(&base.tenant_id, &base.id)?;
    let mut tx = begin_turn(conn, tenant).await?;
    let objects: i64 = sql::COUNT_OBJECTS.bind(tenant).one(&mut tx).await?.field("count")?;
    if objects > 0 {
        commit(tx).await?;
        return Ok(reply("stale"));
    }
    let delete = if request.expired { sql::DELETE_EXPIRED_ROW } else { sql::DELETE_ROW };
    let delete = delete.bind(tenant).bind(id).bind(&base.domain).bind(base.updated_us);
    let delete = match request.expired {
        true => delete.bind(micros(request.now_ms - expiry::row_goes_after(0))),
        false => delete,
    };
    let deleted = delete.execute(&mut tx).await? == 1;
    if !deleted && sql::READ_VERSION.bind(tenant).bind(id).optional(&mut tx).await?.is_some() {
        commit(tx).await?;
        return Ok(reply("stale"));
    }
    let reason = match (deleted, request.expired) {
        (true, true) => "expired",
        (true, false) => "removed",
        (false, _) => "vanished",
    };
    let end = End { tenant, id, domain: &base.domain, status: &base.status, now_ms: request.now_ms, reason };
    let closed = bury(&mut tx, settings, end).await?;
    let before = sql::HOW_CLOSED.bind(tenant).bind(id).optional(&mut tx).await?;
    let before: String = before.map(|record| record.field("reason")).transpose()?.unwrap_or_default();
    commit(tx).await?;
    let was_deleted = !closed && (before == "removed" || before == "expired");
    Ok(reply(if deleted || was_deleted { "deleted" } else { "gone" }))
}

/// How a domain ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End<'a> {
    pub(crate) tenant: Uuid,
    pub(crate) id: Uuid,
    pub(crate) domain: &'a str,
    pub(crate) status: &'a str,
    pub(crate) now_ms: i64,
    /// removed, expired or vanished.
    pub(crate) reason: &'static str,
}

/// Closes the open claim, if there is one, with its tombstones and the last entry of the history.
pub(crate) async fn bury(conn: &mut PgConnection, settings: &Settings, end: End<'_>) -> Result<bool, StoreError> {
    let End { tenant, id, now_ms, .. } = end;
    sql::BURY.bind(tenant).bind(id).bind(micros(now_ms)).execute(conn).await?;
    let generation = sql::READ_GENERATION.bind(tenant).bind(id).one(conn).await?.count("generation")?;
    let closed = claim::close(conn, tenant, id, end.reason, now_ms).await? > 0;
    let deleted = end.reason != "vanished";
    if closed || deleted {
        let entry = Entry {
            tenant,
            id,
            at_ms: now_ms,
            event: if end.reason == "expired" { "expired" } else { "removed" },
            host: end.domain,
            status: end.status,
            reason: "",
            message: if deleted { "" } else { "The row had vanished before the removal was verified." },
            generation,
        };
        history::append(conn, settings, entry, Repeat::Keep).await?;
    }
    Ok(closed)
}
