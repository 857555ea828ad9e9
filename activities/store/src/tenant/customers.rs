//! The vendor's own record of its customers, in the management tenant.

use super::error::TenantError;
use super::ledger::{self, Entry};
use super::{id, sql};
use crate::db::micros;
use proto::v1 as wire;
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// The client. A name that is taken there gets the beginning of the tenant's id.
pub(super) async fn client(
    conn: &mut PgConnection,
    request: &wire::CustomerClientRequest,
) -> Result<wire::CustomerClientReply, TenantError> {
    let management = id(&request.management_tenant_id, "the management tenant id")?;
    let customer = id(&request.tenant_id, "the tenant id")?;
    let entry = Entry {
        origin_id: &request.origin_id,
        activity: "createCustomerClientActivity",
        part: "",
        tenant: Some(customer),
        digest: ledger::digest(request, &[]),
        now_ms: request.now_ms,
    };
    ledger::once_on(conn, &entry, customer, async |conn| {
        // Two customers of one name must not both find it free.
        ledger::take_turn(conn, vec![format!("client name {management} {}", request.tenant_name)]).await?;
        let at = micros(request.now_ms);
        let suffix: String = request.tenant_id.chars().take(8).collect();
        let properties = json!({ "subscription_type": "psa", "tenant_id": request.tenant_id });
        let written = sql::INSERT_CUSTOMER
            .bind(management)
            .bind(&request.tenant_name)
            .bind(format!("{} ({suffix})", request.tenant_name))
            .bind(Json(properties))
            .bind(at)
            .one(conn)
            .await?;
        let (client, name): (Uuid, String) = (written.field("client_id")?, written.field("client_name")?);
        sql::INSERT_BILLING_PROFILE.bind(management).bind(client).bind(name).bind(at).execute(conn).await?;
        Ok(wire::CustomerClientReply { customer_id: client.to_string() })
    })
    .await
}

/// The contact, unless the address is a contact there already: that one is left alone.
pub(super) async fn contact(
    conn: &mut PgConnection,
    request: &wire::CustomerContactRequest,
) -> Result<wire::CustomerContactReply, TenantError> {
    let management = id(&request.management_tenant_id, "the management tenant id")?;
    let client = id(&request.client_id, "the client id")?;
    let entry = Entry {
        origin_id: &request.origin_id,
        activity: "createCustomerContactActivity",
        part: "",
        tenant: Some(management),
        digest: ledger::digest(request, &[]),
        now_ms: request.now_ms,
    };
    ledger::once(conn, &entry, async |conn| {
        let contact = sql::INSERT_CONTACT
            .bind(management)
            .bind(client)
            .bind(format!("{} {}", request.first_name, request.last_name))
            .bind(request.email.to_lowercase())
            .optional(conn)
            .await?;
        let contact: Option<Uuid> = contact.map(|record| record.field("contact_name_id")).transpose()?;
        Ok(wire::CustomerContactReply { contact_id: contact.map(|id| id.to_string()).unwrap_or_default() })
    })
    .await
}

/// The tag: its definition is made once and shared by all customers.
pub(super) async fn tag(
    conn: &mut PgConnection,
    request: &wire::TagCustomerRequest,
) -> Result<wire::TagCustomerReply, TenantError> {
    let management = id(&request.management_tenant_id, "the management tenant id")?;
    let client = id(&request.client_id, "the client id")?;
    let entry = Entry {
        origin_id: &request.origin_id,
        activity: "tagCustomerClientActivity",
        part: "",
        tenant: Some(management),
        digest: ledger::digest(request, &[]),
        now_ms: request.now_ms,
    };
    ledger::once(conn, &entry, async |conn| {
        sql::INSERT_TAG.bind(management).bind(&request.tag_text).execute(conn).await?;
        let tag: Uuid = sql::FIND_TAG.bind(management).bind(&request.tag_text).one(conn).await?.field("tag_id")?;
        sql::INSERT_TAG_MAPPING.bind(management).bind(tag).bind(client).execute(conn).await?;
        Ok(wire::TagCustomerReply { tag_id: tag.to_string() })
    })
    .await
}
