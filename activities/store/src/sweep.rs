//! `sweepRows`: which rows and claims want a run to look again.

use crate::db::{Record, begin, commit, micros};
use crate::error::StoreError;
use crate::sql;
use proto::v1 as wire;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// Largest page. Bounds the answer: about 500 bytes for each active domain.
const PAGE_MAX: u32 = 500;
/// After this time a row that is being removed, or that vanished, is announced again: the run that should finish it loads
/// it every few minutes, so this long a silence means that there is no run.
const REMOVAL_SILENCE_MS: i64 = 10 * 60_000;
/// The same for every other row. The sweep proves a live one by itself and lets its run sleep; it wakes the run of any
/// other (most look more often; an expired claim is looked at when it is woken), and of a live one whose proof fails.
const SILENCE_MS: i64 = 26 * 3_600_000;

/// A claim this old has a run that the visibility store shows, unless it is lost.
const SETTLED_MS: i64 = 2 * 60_000;

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
        .bind(if request.settled { micros(request.now_ms - SETTLED_MS) } else { -1 })
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
        page.kept.extend(kept(record, &tenant_id)?);
        if why.is_empty() && record.field("settled")? {
            page.settled.push(wire::SweepItem {
                tenant_id: tenant_id.clone(),
                portal_domain_id: id.clone(),
                ..wire::SweepItem::default()
            });
        }
        if !why.is_empty() {
            let active = record.field("active")?;
            page.items.push(wire::SweepItem { tenant_id, portal_domain_id: id, why, active });
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

/// A host that a change of domain left, while it still serves.
#[derive(Debug, serde::Deserialize)]
struct Kept {
    id: Uuid,
    host: String,
    generation: u64,
    secret: String,
}

fn kept(record: &Record, tenant_id: &str) -> Result<Vec<wire::KeptHost>, StoreError> {
    let fence = record.count("fence")?;
    let kept = record.field::<Option<Json<Vec<Kept>>>>("kept")?.map(|Json(kept)| kept).unwrap_or_default();
    let host = |kept: Kept| wire::KeptHost {
        tenant_id: tenant_id.to_owned(),
        portal_domain_id: kept.id.to_string(),
        host: kept.host,
        generation: kept.generation,
        fence,
        secret_name: kept.secret,
    };
    Ok(kept.into_iter().map(host).collect())
}
