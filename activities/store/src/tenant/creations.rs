//! The record of creations: where each stands, and who decided what.

use super::error::TenantError;
use super::{id, sql};
use crate::db::{self, Record, commit, micros};
use crate::error::StoreError;
use model::tenant::failure::FailureType;
use proto::v1 as wire;
use serde::Serialize;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// The activities of a creation in the order in which they are carried out: all their records carry the creation's one time.
const IN_ORDER: [&str; 8] = [
    "createTenant",
    "run_onboarding_seeds",
    "createAdminUser",
    "setupTenantData",
    "createCustomerClientActivity",
    "createCustomerContactActivity",
    "tagCustomerClientActivity",
    "sendWelcomeEmail",
];

/// One creation, as `tenantry tenant list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationSummary {
    /// The tenant.
    pub tenant_id: Uuid,
    /// Its name.
    pub tenant_name: String,
    /// Its product.
    pub product_code: String,
    /// open, repair, completed or abandoned.
    pub state: String,
    /// Id of the first workflow.
    pub origin_id: String,
    /// The run that works on it, or waits.
    pub workflow_id: String,
    /// The step that waits for a repair.
    pub step: String,
    /// Type of its failure.
    pub reason: String,
    /// What failed and what mends it; empty where nothing waits.
    pub message: String,
    /// Unix milliseconds.
    pub opened_ms: i64,
    /// Unix milliseconds.
    pub changed_ms: i64,
}

/// One line of a creation's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationEvent {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// State that began.
    pub state: String,
    /// Step that failed.
    pub step: String,
    /// Type of its failure.
    pub reason: String,
    /// The run that said so.
    pub workflow_id: String,
    /// Who decided.
    pub decided_by: String,
    /// Why; of a wait, what failed and what mends it.
    pub note: String,
}

/// A creation with its log and the steps that are done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationDetail {
    /// The creation.
    #[serde(flatten)]
    pub summary: CreationSummary,
    /// Activities whose work is committed, in the order of the steps. A mail counts when it was delivered.
    pub done: Vec<String>,
    /// Its log, oldest first.
    pub log: Vec<CreationEvent>,
}

/// Writes a state and a line of the log. A creation that wrote nothing has no record: then there is nothing to note.
pub(super) async fn record(conn: &mut PgConnection, request: &wire::RecordCreationRequest) -> Result<(), TenantError> {
    let mut tx = db::begin(conn).await?;
    let changed = sql::SET_CREATION
        .bind(&request.origin_id)
        .bind(&request.state)
        .bind(&request.workflow_id)
        .bind(&request.step)
        .bind(&request.reason)
        .bind(micros(request.now_ms))
        .optional(&mut tx)
        .await?;
    if let Some(record) = changed {
        sql::LOG_CREATION
            .bind(record.field::<Uuid>("tenant")?)
            .bind(&request.origin_id)
            .bind(micros(request.now_ms))
            .bind(&request.state)
            .bind(&request.step)
            .bind(&request.reason)
            .bind(&request.workflow_id)
            .bind(&request.by)
            .bind(&request.note)
            .execute(&mut tx)
            .await?;
    }
    commit(tx).await?;
    Ok(())
}

/// Proves what a successor was handed: its creation wrote its tenant, and it has something to repair. A creation that wrote
/// nothing, or of whose write nobody heard, has no record or no tenant yet.
pub(super) async fn prove(conn: &mut PgConnection, request: &wire::RecordCreationRequest) -> Result<(), TenantError> {
    let carried = match request.tenant_id.as_str() {
        "" => None,
        text => Some(id(text, "the tenant id")?),
    };
    let mut tx = db::begin(conn).await?;
    let record = sql::FIND_CREATION_OF.bind(&request.origin_id).optional(&mut tx).await?;
    commit(tx).await?;
    let Some(record) = record else {
        return match carried {
            None => Ok(()),
            Some(_) => Err(not_its_own("originId: no creation with this id wrote a tenant")),
        };
    };
    let (tenant, state): (Uuid, String) = (record.field("tenant")?, record.field("state")?);
    if carried.is_some_and(|carried| carried != tenant) {
        return Err(not_its_own("tenantId: is not the tenant of this creation"));
    }
    // The first run may hand over before its own note of the wait is written: then the record still says open.
    if request.state == "repair" && state != "repair" && state != "open" {
        return Err(not_its_own(&format!("originId: the creation is {state}, there is nothing to repair")));
    }
    Ok(())
}

fn not_its_own(text: &str) -> TenantError {
    TenantError::of(FailureType::IdempotencyConflict, text)
}

fn summary(record: &Record) -> Result<CreationSummary, StoreError> {
    Ok(CreationSummary {
        tenant_id: record.field("tenant")?,
        tenant_name: record.field("client_name")?,
        product_code: record.field("product_code")?,
        state: record.field("state")?,
        origin_id: record.field("origin_id")?,
        workflow_id: record.field("workflow_id")?,
        step: record.field("step")?,
        reason: record.field("reason")?,
        message: record.field("message")?,
        opened_ms: record.millis("opened_us")?,
        changed_ms: record.millis("changed_us")?,
    })
}

pub(super) async fn list(
    conn: &mut PgConnection,
    state: Option<&str>,
    limit: u32,
) -> Result<Vec<CreationSummary>, TenantError> {
    let mut tx = db::begin(conn).await?;
    let records = sql::LIST_CREATIONS.bind(state).bind(i64::from(limit)).all(&mut tx).await?;
    commit(tx).await?;
    Ok(records.iter().map(summary).collect::<Result<_, _>>()?)
}

pub(super) async fn detail(conn: &mut PgConnection, tenant: Uuid) -> Result<Option<CreationDetail>, TenantError> {
    let mut tx = db::begin(conn).await?;
    let Some(record) = sql::READ_CREATION.bind(tenant).optional(&mut tx).await? else {
        commit(tx).await?;
        return Ok(None);
    };
    let summary = summary(&record)?;
    let done = sql::READ_DONE.bind(&summary.origin_id).bind(IN_ORDER.as_slice()).all(&mut tx).await?;
    let log = sql::READ_CREATION_LOG.bind(tenant).all(&mut tx).await?;
    commit(tx).await?;
    let done = done.iter().map(|record| record.field("activity")).collect::<Result<_, _>>()?;
    let event = |record: &Record| {
        Ok::<_, StoreError>(CreationEvent {
            at_ms: record.millis("at_us")?,
            state: record.field("state")?,
            step: record.field("step")?,
            reason: record.field("reason")?,
            workflow_id: record.field("workflow_id")?,
            decided_by: record.field("decided_by")?,
            note: record.field("note")?,
        })
    };
    let log = log.iter().map(event).collect::<Result<_, _>>()?;
    Ok(Some(CreationDetail { summary, done, log }))
}

/// How many stand where: state, the step that waits, and their number.
pub(super) async fn counts(conn: &mut PgConnection) -> Result<Vec<(String, String, i64)>, TenantError> {
    let mut tx = db::begin(conn).await?;
    let records = sql::COUNT_CREATIONS.plain().all(&mut tx).await?;
    commit(tx).await?;
    let count = |record: &Record| {
        Ok::<_, StoreError>((record.field("state")?, record.field("step")?, record.field::<i64>("count")?))
    };
    Ok(records.iter().map(count).collect::<Result<_, _>>()?)
}
