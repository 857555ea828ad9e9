//! `run_onboarding_seeds`: inserts what is missing and changes nothing that is there.

use super::error::TenantError;
use super::ledger::{self, Entry};
use super::{id, sql};
use crate::db::micros;
use model::tenant::failure::FailureType;
use model::tenant::product::Product;
use model::tenant::seeds::{self, STATUS_TYPE, Seeds};
use proto::v1 as wire;
use sqlx::postgres::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// Groups whose texts an operator supplies as a seed pack (contract, section 5.3).
const PACKED: [&str; 3] = ["document_default_folders", "project_templates", "system_workflows"];

pub(super) async fn run(
    conn: &mut PgConnection,
    request: &wire::OnboardingSeedsRequest,
) -> Result<wire::OnboardingSeedsReply, TenantError> {
    let tenant = id(&request.tenant_id, "the tenant id")?;
    let Some(product) = Product::parse(&request.product_code) else {
        return Err(TenantError::of(FailureType::Validation, "productCode: UNKNOWN_WORD"));
    };
    let entry = Entry {
        origin_id: &request.origin_id,
        activity: "run_onboarding_seeds",
        part: product.as_str(),
        tenant: Some(tenant),
        digest: ledger::digest(request, &[]),
        now_ms: request.now_ms,
    };
    ledger::once_on(conn, &entry, tenant, async |conn| {
        let at = micros(request.now_ms);
        let seeds = seeds::seeds(product);
        let mut applied = rights(conn, seeds, tenant, at).await?;
        applied.extend(first_rows(conn, seeds, tenant, at).await?);
        let skipped = if product == Product::Psa { PACKED.map(str::to_owned).to_vec() } else { Vec::new() };
        let seeds_applied = applied.into_iter().map(str::to_owned).collect();
        Ok(wire::OnboardingSeedsReply { success: Some(true), seeds_applied, seeds_skipped: skipped })
    })
    .await
}

/// Roles, permissions and grants: a constant number of statements, whatever theirs.
async fn rights(
    conn: &mut PgConnection,
    seeds: &Seeds,
    tenant: Uuid,
    at: i64,
) -> Result<Vec<&'static str>, TenantError> {
    let roles = &seeds.roles;
    sql::INSERT_ROLES
        .bind(tenant)
        .bind(roles.iter().map(|role| role.name.as_str()).collect::<Vec<_>>())
        .bind(roles.iter().map(|role| role.description.as_str()).collect::<Vec<_>>())
        .bind(roles.iter().map(seeds::Role::msp).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    let permissions = &seeds.permissions;
    sql::INSERT_PERMISSIONS
        .bind(tenant)
        .bind(permissions.iter().map(|p| p.resource.as_str()).collect::<Vec<_>>())
        .bind(permissions.iter().map(|p| p.action.as_str()).collect::<Vec<_>>())
        .bind(permissions.iter().map(seeds::Permission::msp).collect::<Vec<_>>())
        .bind(permissions.iter().map(seeds::Permission::client).collect::<Vec<_>>())
        .execute(conn)
        .await?;
    let (granted_roles, granted_permissions) = grants(conn, seeds, tenant).await?;
    sql::INSERT_GRANTS.bind(tenant).bind(granted_roles).bind(granted_permissions).bind(at).execute(conn).await?;
    Ok(vec!["roles", "permissions", "role_permissions"])
}

/// Role and permission of each grant. A name that several rows have stands for all of them.
///
/// They are brought together here: of a tenant that is new the planner knows no row counts, and a join of 402 grants with
/// 198 permissions took 44 of the 57 ms of the whole activity as a nested loop (measured 2026-11-26).
async fn grants(conn: &mut PgConnection, seeds: &Seeds, tenant: Uuid) -> Result<(Vec<Uuid>, Vec<Uuid>), TenantError> {
    let mut roles: HashMap<(String, bool), Vec<Uuid>> = HashMap::new();
    for row in sql::ROLE_IDS.bind(tenant).all(conn).await? {
        roles.entry((row.field("role_name")?, row.field("msp")?)).or_default().push(row.field("role_id")?);
    }
    let mut permissions: HashMap<(String, String, bool, bool), Vec<Uuid>> = HashMap::new();
    for row in sql::PERMISSION_IDS.bind(tenant).all(conn).await? {
        let key = (row.field("resource")?, row.field("action")?, row.field("msp")?, row.field("client")?);
        permissions.entry(key).or_default().push(row.field("permission_id")?);
    }
    let mut granted = (Vec::new(), Vec::new());
    for grant in &seeds.grants {
        let (role, permission) = (&seeds.roles[grant.role], &seeds.permissions[grant.permission]);
        let key = (permission.resource.clone(), permission.action.clone(), permission.msp(), permission.client());
        for role in roles.get(&(role.name.clone(), role.msp())).into_iter().flatten() {
            for permission in permissions.get(&key).into_iter().flatten() {
                granted.0.push(*role);
                granted.1.push(*permission);
            }
        }
    }
    Ok(granted)
}

/// Tax, statuses and asset types, where the product has any.
async fn first_rows(
    conn: &mut PgConnection,
    seeds: &Seeds,
    tenant: Uuid,
    at: i64,
) -> Result<Vec<&'static str>, TenantError> {
    let mut applied = Vec::new();
    if let Some(tax) = &seeds.tax {
        sql::INSERT_TAX_REGION.bind(tenant).bind(&tax.region_code).bind(&tax.region_name).execute(conn).await?;
        sql::INSERT_TAX_RATE
            .bind(tenant)
            .bind(&tax.region_code)
            .bind(i32::from(tax.rate_percent))
            .bind(&tax.rate_description)
            .bind(at)
            .execute(conn)
            .await?;
        applied.push("tax");
    }
    if !seeds.statuses.is_empty() {
        let statuses = &seeds.statuses;
        sql::INSERT_STATUSES
            .bind(tenant)
            .bind(STATUS_TYPE)
            .bind(statuses.iter().map(|s| s.name.as_str()).collect::<Vec<_>>())
            .bind(statuses.iter().map(|s| s.order_number).collect::<Vec<_>>())
            .bind(statuses.iter().map(|s| s.is_default).collect::<Vec<_>>())
            .bind(statuses.iter().map(|s| s.is_closed).collect::<Vec<_>>())
            .bind(statuses.iter().map(|s| s.color.as_str()).collect::<Vec<_>>())
            .bind(statuses.iter().map(|s| s.icon.as_str()).collect::<Vec<_>>())
            .execute(conn)
            .await?;
        applied.push("statuses");
    }
    if !seeds.asset_types.is_empty() {
        let types = &seeds.asset_types;
        sql::INSERT_ASSET_TYPES
            .bind(tenant)
            .bind(types.iter().map(|t| t.slug.as_str()).collect::<Vec<_>>())
            .bind(types.iter().map(|t| t.name.as_str()).collect::<Vec<_>>())
            .bind(types.iter().map(|t| t.display_order).collect::<Vec<_>>())
            .execute(conn)
            .await?;
        applied.push("asset_types");
    }
    Ok(applied)
}
