//! `createTenant`: claims, tenant, client, location and billing links, in one transaction.

use super::adopt::{self, Found};
use super::claims;
use super::error::TenantError;
use super::ledger::{self, Entry};
use super::{TenantSettings, billing, sql};
use crate::db::{self, commit, micros};
use model::tenant::product::Plan;
use proto::v1 as wire;
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Code and name of a country that is not known.
const NO_COUNTRY: (&str, &str) = ("XX", "Unknown");
/// What stands in a column that must not be null where nothing is known.
const NOT_KNOWN: &str = "N/A";

/// Fields that differ between a first run and its successor.
const NOT_IN_THE_DIGEST: [&str; 3] = ["proposedTenantId", "passwordSaltChars", "passwordHashChars"];

/// A request, with what the activity adds to it.
pub(super) struct Asked<'a> {
    pub(super) request: &'a wire::CreateTenantRequest,
    /// Keyed hash of the administrator's address.
    pub(super) address_key: &'a str,
    /// The run that asks.
    pub(super) workflow_id: &'a str,
    pub(super) settings: &'a TenantSettings,
    /// Whether this installation has a column for the subscription's item, as soon as somebody has looked.
    pub(super) item_column: &'a OnceCell<bool>,
}

pub(super) async fn run(conn: &mut PgConnection, asked: &Asked<'_>) -> Result<wire::CreateTenantReply, TenantError> {
    let request = asked.request;
    let claims = claims::of(asked);
    let mut entry = Entry {
        origin_id: &request.origin_id,
        activity: "createTenant",
        part: "",
        tenant: None,
        digest: ledger::digest(request, &NOT_IN_THE_DIGEST),
        now_ms: request.now_ms,
    };
    let mut tx = db::begin(conn).await?;
    let mut turns = vec![request.origin_id.clone()];
    turns.extend(claims.iter().map(claims::Claim::lock));
    let given = adopt::given(request)?;
    turns.extend(given.map(|tenant| format!("tenant {tenant}")));
    ledger::take_turn(&mut tx, turns).await?;

    let tenant = match adopt::look(&mut tx, asked, given, &entry).await? {
        Found::Done(reply) => {
            commit(tx).await?;
            return Ok(reply);
        }
        Found::Free { tenant, exists } => {
            claims::take(&mut tx, &claims, asked, tenant).await?;
            claims::check_product(&mut tx, asked, tenant).await?;
            let links = billing::look_up(&mut tx, asked).await?;
            write_tenant(&mut tx, request, tenant, exists, links.plan).await?;
            billing::write(&mut tx, asked, tenant, &links).await?;
            tenant
        }
    };
    let client = write_client(&mut tx, request, tenant).await?;
    open(&mut tx, asked, tenant).await?;
    let reply = wire::CreateTenantReply {
        tenant_id: tenant.to_string(),
        client_id: client.to_string(),
        origin_id: request.origin_id.clone(),
        adopted: false,
    };
    entry.tenant = Some(tenant);
    ledger::write(&mut tx, &entry, &reply).await?;
    commit(tx).await?;
    Ok(reply)
}

/// Opens the creation's record.
async fn open(conn: &mut PgConnection, asked: &Asked<'_>, tenant: Uuid) -> Result<(), TenantError> {
    let request = asked.request;
    sql::OPEN_CREATION
        .bind(tenant)
        .bind(&request.origin_id)
        .bind(asked.workflow_id)
        .bind(&request.product_code)
        .bind(micros(request.now_ms))
        .execute(conn)
        .await?;
    Ok(())
}

async fn write_tenant(
    conn: &mut PgConnection,
    request: &wire::CreateTenantRequest,
    tenant: Uuid,
    exists: bool,
    plan_of_stripe: Option<Plan>,
) -> Result<(), TenantError> {
    // What Stripe sells beats what the caller says.
    let plan = plan_of_stripe.map(|plan| plan.as_str().to_owned()).unwrap_or_else(|| request.plan.clone());
    let licenses = i32::try_from(request.license_count).ok().filter(|count| *count > 0);
    let event = licenses.map(|_| format!("temporal_{}", request.now_ms));
    let statement = if exists { sql::ADOPT_TENANT } else { sql::INSERT_TENANT };
    statement
        .bind(tenant)
        .bind(&request.company_name)
        .bind(request.admin_email.to_lowercase())
        .bind(micros(request.now_ms))
        .bind(&request.billing_source)
        .bind(plan)
        .bind(&request.product_code)
        .bind(licenses)
        .bind(event)
        .execute(conn)
        .await?;
    Ok(())
}

/// The tenant's own client, with its default billing profile and its main office.
async fn write_client(
    conn: &mut PgConnection,
    request: &wire::CreateTenantRequest,
    tenant: Uuid,
) -> Result<Uuid, TenantError> {
    let at = micros(request.now_ms);
    let properties = json!({ "type": "msp", "is_system_client": true, "created_by": "tenant_setup" });
    let client: Uuid = sql::INSERT_CLIENT
        .bind(tenant)
        .bind(&request.client_name)
        .bind(Json(properties))
        .bind(at)
        .one(conn)
        .await?
        .field("client_id")?;
    sql::INSERT_BILLING_PROFILE.bind(tenant).bind(client).bind(&request.client_name).bind(at).execute(conn).await?;
    let address = request.billing_address.clone().unwrap_or_default();
    let or_not_known = |text: String| if text.is_empty() { NOT_KNOWN.to_owned() } else { text };
    sql::INSERT_LOCATION
        .bind(tenant)
        .bind(client)
        .bind(request.admin_email.to_lowercase())
        .bind(address.phone)
        .bind(or_not_known(address.line1))
        .bind(address.line2)
        .bind(or_not_known(address.city))
        .bind(address.state)
        .bind(address.postal_code)
        .bind(address.country_code.to_uppercase())
        .bind(NO_COUNTRY.0)
        .bind(NO_COUNTRY.1)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(client)
}
