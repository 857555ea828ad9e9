//! What operators read: lists, one domain in full, its history.

use crate::claim::Claim;
use crate::db::{Record, acquire, begin, commit};
use crate::error::StoreError;
use crate::{inventory, sql};
use proto::v1 as wire;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

/// Most rows of one list and most entries of one history.
const LIST_MAX: u32 = 1000;

/// Which rows a list shows. Empty fields do not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// A status word.
    pub status: String,
    /// Part of the host name.
    pub host_contains: String,
    /// Only this tenant.
    pub tenant: Option<Uuid>,
    /// Page cursor: the last id of the page before.
    pub after: Option<Uuid>,
    /// Rows of the page, 1 to 1,000.
    pub limit: u32,
}

/// One row of a list. Times are Unix microseconds, -1 for none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainSummary {
    /// The tenant.
    pub tenant_id: Uuid,
    /// The row.
    pub portal_domain_id: Uuid,
    /// The host as the tenant wrote it.
    pub domain: String,
    /// Where the host should point.
    pub canonical_host: String,
    /// One of the nine statuses.
    pub status: String,
    /// The sentence that the tenant sees.
    pub status_message: String,
    /// `last_checked_at`.
    pub last_checked_us: i64,
    /// `updated_at`.
    pub updated_us: i64,
    /// Generation of the open claim, 0 when the worker has not seen the row.
    pub generation: u64,
    /// How ownership was proven, empty when it is not.
    pub proof_method: String,
}

/// One domain in full.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DomainDetail {
    /// The row; `None` when it is gone.
    pub row: Option<DomainSummary>,
    /// The newest claim, open or closed.
    pub claim: Option<wire::Claim>,
    /// The newest state of each axis, as the messages `AxisState`.
    pub axes: Vec<Value>,
    /// Objects that were not read back as gone.
    pub inventory: Vec<wire::InventoryObject>,
}

/// One entry of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// The row that it speaks of.
    pub portal_domain_id: Uuid,
    /// When, in Unix microseconds.
    pub at_us: i64,
    /// claimed, generation, status, removed or expired.
    pub event: String,
    /// The host.
    pub host: String,
    /// The status then.
    pub status: String,
    /// The deciding reason code, empty when none.
    pub reason: String,
    /// The sentence that the tenant saw.
    pub message: String,
    /// The generation.
    pub generation: u64,
    /// The worker build that wrote the entry.
    pub worker_build: String,
}

fn summary(record: &Record) -> Result<DomainSummary, StoreError> {
    Ok(DomainSummary {
        tenant_id: record.field("tenant")?,
        portal_domain_id: record.field("id")?,
        domain: record.field("domain")?,
        canonical_host: record.field("canonical_host")?,
        status: record.field("status")?,
        status_message: record.field("status_message")?,
        last_checked_us: record.field("last_checked_us")?,
        updated_us: record.field("updated_us")?,
        generation: record.count("generation")?,
        proof_method: record.field("proof_method")?,
    })
}

async fn list(conn: &mut sqlx::PgConnection, filter: &ListFilter) -> Result<Vec<DomainSummary>, StoreError> {
    let records = sql::LIST_DOMAINS
        .bind(&filter.status)
        .bind(&filter.host_contains)
        .bind(filter.tenant)
        .bind(filter.after)
        .bind(i64::from(filter.limit.clamp(1, LIST_MAX)))
        .all(conn)
        .await?;
    records.iter().map(summary).collect()
}

/// Lists rows, ordered by id.
///
/// # Errors
/// `STORE_UNAVAILABLE`, `STORE_REJECTED`.
pub async fn list_domains(pool: &PgPool, filter: &ListFilter) -> Result<Vec<DomainSummary>, StoreError> {
    let mut conn = acquire(pool).await?;
    let mut tx = begin(&mut conn).await?;
    let domains = list(&mut tx, filter).await?;
    commit(tx).await?;
    Ok(domains)
}

/// Reads everything that is stored about a tenant's domain; `None` when nothing is.
///
/// # Errors
/// `STORE_UNAVAILABLE`, `STORE_REJECTED`.
pub async fn domain_status(pool: &PgPool, tenant: Uuid) -> Result<Option<DomainDetail>, StoreError> {
    let mut conn = acquire(pool).await?;
    let mut tx = begin(&mut conn).await?;
    let filter = ListFilter { tenant: Some(tenant), limit: 1, ..ListFilter::default() };
    let row = list(&mut tx, &filter).await?.into_iter().next();
    let claim = sql::LAST_CLAIM.bind(tenant).optional(&mut tx).await?;
    let claim = claim.as_ref().map(Claim::read).transpose()?;
    let id =
        row.as_ref().map(|row| row.portal_domain_id).or_else(|| claim.as_ref().map(|claim| claim.portal_domain_id));
    let Some(id) = id else {
        commit(tx).await?;
        return Ok(None);
    };
    let axes = sql::READ_AXES.bind(tenant).bind(id).all(&mut tx).await?;
    let axes = axes.iter().map(|record| record.field("body")).collect::<Result<_, _>>()?;
    let inventory = inventory::read(&mut tx, tenant).await?;
    commit(tx).await?;
    let claim = claim.map(|claim| claim.to_wire(tenant, false));
    Ok(Some(DomainDetail { row, claim, axes, inventory: inventory.objects }))
}

/// Reads the newest entries of a tenant's history, over all its rows, oldest of them first.
///
/// # Errors
/// `STORE_UNAVAILABLE`, `STORE_REJECTED`.
pub async fn history(pool: &PgPool, tenant: Uuid, limit: u32) -> Result<Vec<HistoryEntry>, StoreError> {
    let mut conn = acquire(pool).await?;
    let mut tx = begin(&mut conn).await?;
    let limit = i64::from(limit.clamp(1, LIST_MAX));
    let records = sql::READ_HISTORY.bind(tenant).bind(limit).all(&mut tx).await?;
    commit(tx).await?;
    let entry = |record: &Record| {
        Ok(HistoryEntry {
            portal_domain_id: record.field("portal_domain_id")?,
            at_us: record.field("at_us")?,
            event: record.field("event")?,
            host: record.field("host")?,
            status: record.field("status")?,
            reason: record.field("reason")?,
            message: record.field("message")?,
            generation: record.count("generation")?,
            worker_build: record.field("worker_build")?,
        })
    };
    records.iter().map(entry).collect()
}
