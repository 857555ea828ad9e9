//! Whose tenant it is: a new one, one that this creation wrote before, or one that an earlier workflow began.

use super::create::Asked;
use super::error::TenantError;
use super::ledger::{self, Entry};
use super::{id, sql};
use crate::db::micros;
use model::tenant::failure::FailureType;
use proto::v1 as wire;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

/// What was found under the ids of a request.
pub(super) enum Found {
    /// The step was done before; this is what it answered.
    Done(wire::CreateTenantReply),
    /// Nothing of ours: the tenant is to be written under this id. `exists`: somebody wrote the row, and nothing else.
    Free { tenant: Uuid, exists: bool },
}

/// The id that the caller minted beforehand, if there is one.
pub(super) fn given(request: &wire::CreateTenantRequest) -> Result<Option<Uuid>, TenantError> {
    match request.tenant_id.as_str() {
        "" => Ok(None),
        text => Ok(Some(id(text, "the tenant id")?)),
    }
}

/// Looks in the ledger, in the record of creations, and in the tenant's own rows.
pub(super) async fn look(
    conn: &mut PgConnection,
    asked: &Asked<'_>,
    given: Option<Uuid>,
    entry: &Entry<'_>,
) -> Result<Found, TenantError> {
    let request = asked.request;
    if let Some(creation) = sql::FIND_CREATION.bind(&request.origin_id).bind(given).optional(conn).await? {
        let origin_id: String = creation.field("origin_id")?;
        refuse_waiting(&creation.field::<String>("state")?, &creation.field::<String>("workflow_id")?, asked)?;
        let known = Entry { origin_id: &origin_id, digest: entry.digest.clone(), ..*entry };
        let Some(mut reply) = ledger::find::<wire::CreateTenantReply>(conn, &known).await? else {
            let text = "the tenant has a record of a creation that did not write it";
            return Err(TenantError::of(FailureType::IdempotencyConflict, text));
        };
        // What is kept of a tenant that is gone is no answer.
        ledger::prove(conn, id(&reply.tenant_id, "the tenant id")?, &origin_id).await?;
        reply.adopted = origin_id != request.origin_id;
        reply.origin_id = origin_id;
        reopen(conn, asked, &reply.origin_id).await?;
        return Ok(Found::Done(reply));
    }
    let Some(tenant) = given else {
        return Ok(Found::Free { tenant: id(&request.proposed_tenant_id, "the proposed tenant id")?, exists: false });
    };
    let row = sql::TENANT_ROWS.bind(tenant).one(conn).await?;
    let (exists, others): (bool, bool) = (row.field("tenant_exists")?, row.field("others_exist")?);
    if others {
        let text = "tenantId: names a tenant that has rows which no creation of ours wrote";
        return Err(TenantError::of(FailureType::IdempotencyConflict, text));
    }
    Ok(Found::Free { tenant, exists })
}

/// Goes on with a creation that waited, was given up, or is another run's. Its log says since when.
async fn reopen(conn: &mut PgConnection, asked: &Asked<'_>, origin_id: &str) -> Result<(), TenantError> {
    let at = micros(asked.request.now_ms);
    let reopened = sql::REOPEN_CREATION.bind(origin_id).bind(asked.workflow_id).bind(at).optional(conn).await?;
    if let Some(record) = reopened {
        sql::LOG_CREATION
            .bind(record.field::<Uuid>("tenant")?)
            .bind(origin_id)
            .bind(at)
            .bind("open")
            .bind("")
            .bind("")
            .bind(asked.workflow_id)
            .bind("")
            .bind("")
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// While somebody has to decide about a creation, another run of it must not go on behind their back.
fn refuse_waiting(state: &str, workflow_id: &str, asked: &Asked<'_>) -> Result<(), TenantError> {
    if state == "repair" && workflow_id != asked.workflow_id {
        return Err(TenantError::repair_required(workflow_id));
    }
    Ok(())
}
