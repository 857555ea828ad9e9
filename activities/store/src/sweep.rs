//! `sweepRows`: which rows and claims want a run to look again.

use crate::db::{Record, begin, commit, micros};
use crate::error::StoreError;
use crate::sql;
use proto::v1 as wire;
use sqlx::PgConnection;
use uuid::Uuid;

/// Largest page. Bounds the answer: about 500 bytes for each active domain.
const PAGE_MAX: u32 = 500;
/// After this time a row that is being removed, or that vanished, is announced again: the run that should finish it loads
/// it every few minutes, so this long a silence means that there is no run.
const REMOVAL_SILENCE_MS: i64 = 10 * 60_000;
/// The same for every other row. The sweep proves a live one by itself and lets its run sleep; it wakes the run of any
/// other, which looks more often than this, and of a live one whose proof fails.
const SILENCE_MS: i64 = 26 * 3_600_000;

/// Reads one page, ordered by domain id, in one statement.
pub(crate) async fn sweep(
    conn: &mut PgConnection,
    request: &wire::SweepRequest,
) -> Result<wire::SweepPage, StoreError> {
    let after = match request.after_domain_id.as_str() {
        "" => None,
        text => Some(Uuid::parse_str(text).map_err(|_| StoreError::Unreadable { what: "the page cursor" })?),
    };
    let limit = request.limit.clamp(1, PAGE_MAX);
    let mut tx = begin(conn).await?;
    let records = sql::SWEEP
        .bind(after)
        .bind(i64::from(limit))
        .bind(micros(request.now_ms - REMOVAL_SILENCE_MS))
        .bind(micros(request.now_ms - SILENCE_MS))
        .all(&mut tx)
        .await?;
    commit(tx).await?;
    let mut page = wire::SweepPage::default();
    for record in &records {
        let id = record.field::<Uuid>("id")?.to_string();
        let tenant_id = record.field::<Uuid>("tenant")?.to_string();
        let why: String = record.field("why")?;
        if records.len() >= limit as usize {
            page.next_after_domain_id.clone_from(&id);
        }
        if let Some(kept) = kept(record, &tenant_id)? {
            page.kept.push(kept);
        }
        if !why.is_empty() {
            page.items.push(wire::SweepItem { tenant_id, portal_domain_id: id, why });
        } else if record.field("active")? {
            page.active.push(wire::SweepDomain {
                tenant_id,
                portal_domain_id: id,
                host: record.field("host")?,
                probe_nonce: record.field("probe_nonce")?,
                generation: record.count("generation")?,
                fingerprint_sha256: record.field("fingerprint_sha256")?,
                secret_name: record.field("secret_name")?,
                edge_state: record.field("edge_state")?,
                edge_reason: record.field("edge_reason")?,
            });
        }
    }
    Ok(page)
}

/// The host that a change of domain left, while it still serves.
fn kept(record: &Record, tenant_id: &str) -> Result<Option<wire::KeptHost>, StoreError> {
    let Some(id) = record.field::<Option<Uuid>>("kept_id")? else { return Ok(None) };
    Ok(Some(wire::KeptHost {
        tenant_id: tenant_id.to_owned(),
        portal_domain_id: id.to_string(),
        host: record.field("kept_host")?,
        generation: record.count("kept_generation")?,
        fence: record.count("fence")?,
        secret_name: record.field("kept_secret")?,
    }))
}
