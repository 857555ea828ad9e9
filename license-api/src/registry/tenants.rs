//! `tenant_registry`.

use crate::db::{DbError, During as _};
use model::license::edition::{Edition, TenantStatus};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

/// A tenant to be registered. Words are those of the columns.
#[derive(Clone)]
pub struct NewTenant<'a> {
    /// Pinned by the caller, or made by the registry.
    pub tenant_id: Uuid,
    /// Entity key.
    pub submission_id: Option<&'a str>,
    /// Edition.
    pub edition: Edition,
    /// `product_code`.
    pub product_code: &'static str,
    /// `deployment_type`.
    pub deployment_type: &'static str,
    /// Company.
    pub company_name: &'a str,
    /// Address of the contact.
    pub contact_email: &'a str,
    /// Name of the contact.
    pub contact_name: Option<&'a str>,
    /// Paying customer.
    pub stripe_customer_id: Option<&'a str>,
}

/// What routes need to know of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The id.
    pub tenant_id: Uuid,
    /// Edition.
    pub edition: Edition,
    /// Status.
    pub status: TenantStatus,
}

/// One of the tenants with an address.
#[derive(Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The id.
    pub tenant_id: Uuid,
    /// Company.
    pub company_name: String,
    /// Edition.
    pub edition: Edition,
}

/// Inserts a tenant. False when the id or the submission is there already, and then nothing was written.
///
/// # Errors
/// [`DbError`].
pub async fn create_registry_tenant(conn: &mut PgConnection, new: &NewTenant<'_>) -> Result<bool, DbError> {
    let done = sqlx::query(
        "INSERT INTO tenant_registry (tenant_id, submission_id, edition, product_code, deployment_type, company_name, \
         contact_email, contact_name, stripe_customer_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT DO NOTHING",
    )
    .bind(new.tenant_id)
    .bind(new.submission_id)
    .bind(new.edition.as_str())
    .bind(new.product_code)
    .bind(new.deployment_type)
    .bind(new.company_name)
    .bind(new.contact_email)
    .bind(new.contact_name)
    .bind(new.stripe_customer_id)
    .execute(conn)
    .await
    .during("register the tenant")?;
    Ok(done.rows_affected() == 1)
}

/// Reads a tenant and holds its row until the transaction ends: the first lock of every change.
///
/// # Errors
/// [`DbError`].
pub async fn lock_tenant(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Option<Tenant>, DbError> {
    let row =
        sqlx::query("SELECT tenant_id, edition, status FROM tenant_registry WHERE tenant_id = $1 FOR NO KEY UPDATE")
            .bind(tenant_id)
            .fetch_optional(conn)
            .await
            .during("take the tenant's row")?;
    row.as_ref().map(read).transpose()
}

fn read(row: &PgRow) -> Result<Tenant, DbError> {
    let wrong = |error| DbError::of("read the tenant's row", &error);
    Ok(Tenant {
        tenant_id: row.try_get("tenant_id").map_err(wrong)?,
        edition: edition(row).map_err(wrong)?,
        status: TenantStatus::parse(row.try_get("status").map_err(wrong)?)
            .ok_or_else(|| wrong(sqlx::Error::Decode("the status".into())))?,
    })
}

fn edition(row: &PgRow) -> Result<Edition, sqlx::Error> {
    Edition::parse(row.try_get("edition")?).ok_or_else(|| sqlx::Error::Decode("the edition".into()))
}

/// Every tenant with this address, compared without case. A list, never "the first": at most [`CANDIDATES_MAX`].
///
/// # Errors
/// [`DbError`].
pub async fn registry_tenants_by_email(conn: &mut PgConnection, email: &str) -> Result<Vec<Candidate>, DbError> {
    let rows = sqlx::query(
        "SELECT tenant_id, company_name, edition FROM tenant_registry WHERE lower(contact_email) = lower($1) \
         AND status <> 'cancelled' ORDER BY registered_at DESC, tenant_id DESC LIMIT $2",
    )
    .bind(email)
    .bind(CANDIDATES_MAX)
    .fetch_all(conn)
    .await
    .during("look for tenants with this address")?;
    rows.iter()
        .map(|row| {
            let wrong = |error| DbError::of("read a tenant's row", &error);
            Ok(Candidate {
                tenant_id: row.try_get("tenant_id").map_err(wrong)?,
                company_name: row.try_get("company_name").map_err(wrong)?,
                edition: edition(row).map_err(wrong)?,
            })
        })
        .collect()
}

/// Most tenants of one address that are listed for a choice.
pub const CANDIDATES_MAX: i64 = 50;

/// Whether the tenant has this address, compared without case.
///
/// # Errors
/// [`DbError`].
pub async fn has_email(conn: &mut PgConnection, tenant_id: Uuid, email: &str) -> Result<bool, DbError> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM tenant_registry WHERE tenant_id = $1 AND lower(contact_email) = lower($2))",
    )
    .bind(tenant_id)
    .bind(email)
    .fetch_one(conn)
    .await
    .during("compare the tenant's address")
}

/// Makes a tenant of essentials one of pro: it has a subscription now (licensing contract, section 9.4). The old word
/// `premium` stays, which is read as pro. The caller holds the tenant's row.
///
/// # Errors
/// [`DbError`].
pub async fn upgrade(conn: &mut PgConnection, tenant_id: Uuid) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE tenant_registry SET edition = 'pro', updated_at = now() WHERE tenant_id = $1 AND edition = 'essentials'",
    )
    .bind(tenant_id)
    .execute(conn)
    .await
    .during("make the tenant one of pro")?;
    Ok(())
}

/// Notes the paying customer, which comes with the subscription. None changes nothing.
///
/// # Errors
/// [`DbError`].
pub async fn set_stripe_customer(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    customer: Option<&str>,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE tenant_registry SET stripe_customer_id = coalesce($2, stripe_customer_id), updated_at = now() \
         WHERE tenant_id = $1",
    )
    .bind(tenant_id)
    .bind(customer)
    .execute(conn)
    .await
    .during("note the paying customer")?;
    Ok(())
}

/// Sets the status that an operator asked for. `active` lifts a hold: the tenant goes back to what it had reached.
/// Returns the status after that, none when there is no such tenant.
///
/// # Errors
/// [`DbError`].
pub async fn set_status(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    status: TenantStatus,
) -> Result<Option<String>, DbError> {
    sqlx::query_scalar(
        "UPDATE tenant_registry t SET updated_at = now(), status = CASE WHEN $2 <> 'active' THEN $2 \
         WHEN EXISTS (SELECT FROM appliances a WHERE a.tenant_id = t.tenant_id AND a.last_checkin_at IS NOT NULL) \
         THEN 'active' WHEN t.installed_at IS NOT NULL THEN 'installed' ELSE 'registered' END \
         WHERE tenant_id = $1 RETURNING status",
    )
    .bind(tenant_id)
    .bind(status.as_str())
    .fetch_optional(conn)
    .await
    .during("set the tenant's status")
}
