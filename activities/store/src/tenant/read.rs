//! What sending a welcome mail again needs to know, and what it leaves behind.

use super::error::TenantError;
use super::{id, sql};
use crate::db::{self, commit, micros};
use model::tenant::failure::FailureType;
use proto::v1 as wire;
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use std::fmt;
use uuid::Uuid;

/// An active internal administrator.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct Administrator {
    pub user_id: Uuid,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub tenant_name: String,
    pub product_code: String,
}

impl fmt::Debug for Administrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Administrator").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

pub(super) async fn administrator(
    conn: &mut PgConnection,
    tenant: Uuid,
    user: Option<Uuid>,
) -> Result<Option<Administrator>, TenantError> {
    let mut tx = db::begin(conn).await?;
    let record = sql::FIND_ADMINISTRATOR.bind(tenant).bind(user).optional(&mut tx).await?;
    commit(tx).await?;
    let Some(record) = record else { return Ok(None) };
    Ok(Some(Administrator {
        user_id: record.field("user_id")?,
        email: record.field("email")?,
        first_name: record.field("first_name")?,
        last_name: record.field("last_name")?,
        tenant_name: record.field("client_name")?,
        product_code: record.field("product_code")?,
    }))
}

/// Whether a creation wrote this user as its administrator, before anything is made for them.
pub(super) async fn prove_administrator(
    conn: &mut PgConnection,
    tenant: Uuid,
    user: Uuid,
    origin_id: &str,
) -> Result<(), TenantError> {
    let mut tx = db::begin(conn).await?;
    let record = sql::IS_CREATED_ADMIN.bind(tenant).bind(origin_id).bind(user.to_string()).one(&mut tx).await?;
    commit(tx).await?;
    match record.field::<bool>("ours")? {
        true => Ok(()),
        false => {
            let text = "adminUserId: is not the administrator that this creation wrote";
            Err(TenantError::of(FailureType::IdempotencyConflict, text))
        }
    }
}

pub(super) async fn checkout_is_elsewhere(
    conn: &mut PgConnection,
    checkout: &str,
    origin_id: &str,
) -> Result<bool, TenantError> {
    let mut tx = db::begin(conn).await?;
    let record = sql::CHECKOUT_IS_ELSEWHERE.bind(checkout.to_lowercase()).bind(origin_id).one(&mut tx).await?;
    commit(tx).await?;
    Ok(record.field("elsewhere")?)
}

pub(super) async fn audit(
    conn: &mut PgConnection,
    billing_tenant: Uuid,
    request: &wire::AuditResendRequest,
) -> Result<(), TenantError> {
    let customer = id(&request.tenant_id, "the tenant id")?;
    // Callers send ids of other systems too, such as `extension:<id>`: those stand in the details.
    let asked_by = Uuid::parse_str(&request.triggered_by).ok();
    let event = if request.succeeded { "tenant.welcome.email.resent" } else { "tenant.welcome.email.resend.failed" };
    let key = model::tenant::names::ledger_key(&request.origin_id, "logAuditEvent", "");
    let details = json!({ "tenantId": customer, "triggeredBy": request.triggered_by, "key": key });
    let mut tx = db::begin(conn).await?;
    let digest = super::ledger::digest(request, &[]);
    let entry = super::ledger::Entry {
        origin_id: &request.origin_id,
        activity: "logAuditEvent",
        part: "",
        tenant: Some(customer),
        digest,
        now_ms: request.now_ms,
    };
    super::ledger::take_turn(&mut tx, vec![request.origin_id.clone()]).await?;
    if super::ledger::find::<serde_json::Value>(&mut tx, &entry).await?.is_none() {
        sql::INSERT_AUDIT
            .bind(billing_tenant)
            .bind(event)
            .bind(asked_by)
            .bind(&request.triggered_by_email)
            .bind(&request.user_id)
            .bind(&request.origin_id)
            .bind(if request.succeeded { "completed" } else { "failed" })
            .bind(Some(request.error.clone()).filter(|error| !error.is_empty()))
            .bind(Json(details))
            .bind(micros(request.now_ms))
            .execute(&mut tx)
            .await?;
        super::ledger::write(&mut tx, &entry, &json!({})).await?;
    }
    commit(tx).await?;
    Ok(())
}
