//! `GET /tenants`, `GET /tenants/{tenant_id}`, `POST /tenants/{tenant_id}/status`: the operator's console.

use super::answer::{Given, answer};
use super::turn::Turn;
use crate::body::Body;
use crate::db::During as _;
use crate::error_code::ErrorCode;
use crate::idempotency_key::OptionalKey;
use crate::problem::{Problem, ProblemBody};
use crate::registry::audit::{Action, Entry, record};
use crate::registry::console::{self, Cursor, Filter};
use crate::registry::tenants::{lock_tenant, set_status};
use crate::secrets::Caller;
use crate::state::AppState;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use model::license::edition::{Deployment, Edition, TenantStatus};
use model::license::wire::tenants::{SetStatusAnswer, SetStatusRequest, TenantDetail, TenantsPage, TenantsQuery};
use model::tenant::product::Product;
use uuid::Uuid;

const STATUS_ROUTE: &str = "/tenants/{tenant_id}/status";
/// Tenants of a page when nothing is asked, and at most (licensing contract, section 5.2).
const LIMITS: (i64, i64) = (50, 200);
/// Most characters of a search.
const QUERY_MAX: usize = 100;

/// Lists tenants, the newest first.
#[utoipa::path(
    get,
    path = "/tenants",
    params(TenantsQuery),
    security(("service" = [])),
    responses(
        (status = 200, body = TenantsPage),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody),
        (status = 503, body = ProblemBody)
    )
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    query: Result<Query<TenantsQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| ErrorCode::InvalidRequest)?;
    let filter = filter(&query)?;
    let mut tx = state.begin().await?;
    let entry = Entry { actor: &caller.actor(), action: Action::TenantsListed, tenant: None, reference: None };
    record(&mut tx, entry).await?;
    let page = console::list(&mut tx, &filter).await?;
    tx.commit().await.during("commit the list")?;
    Ok(answer(&state, StatusCode::OK, &page, Given::Now))
}

fn filter(query: &TenantsQuery) -> Result<Filter, ErrorCode> {
    let invalid = ErrorCode::InvalidRequest;
    let word = |text: &Option<String>, parse: fn(&str) -> Option<&'static str>| match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => parse(text).map(Some).ok_or(invalid),
    };
    let search = query.query.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if search.is_some_and(|text| text.chars().count() > QUERY_MAX || text.contains('\0')) {
        return Err(invalid);
    }
    let limit = query.limit.unwrap_or(LIMITS.0);
    if !(1..=LIMITS.1).contains(&limit) {
        return Err(invalid);
    }
    let cursor = query.cursor.as_deref().filter(|text| !text.is_empty());
    Ok(Filter {
        deployment_type: word(&query.deployment_type, |text| Deployment::parse(text).map(Deployment::as_str))?,
        product_code: word(&query.product_code, |text| Product::parse(text).map(Product::as_str))?,
        edition: word(&query.edition, |text| Edition::parse(text).map(Edition::as_str))?,
        status: word(&query.status, |text| TenantStatus::parse(text).map(TenantStatus::as_str))?,
        search: search.map(str::to_owned),
        limit,
        cursor: cursor.map(|text| Cursor::parse(text).ok_or(invalid)).transpose()?,
    })
}

/// Reads one tenant with its subscription, codes and appliances.
#[utoipa::path(
    get,
    path = "/tenants/{tenant_id}",
    params(("tenant_id" = String, Path)),
    security(("service" = [])),
    responses(
        (status = 200, body = TenantDetail),
        (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 503, body = ProblemBody)
    )
)]
pub(crate) async fn read(
    State(state): State<AppState>,
    caller: Caller,
    tenant_id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let tenant_id = path_id(tenant_id)?;
    let mut tx = state.begin().await?;
    let detail = console::detail(&mut tx, tenant_id, &state.keys.codes()).await?.ok_or(ErrorCode::TenantNotFound)?;
    let entry = Entry { actor: &caller.actor(), action: Action::TenantRead, tenant: Some(tenant_id), reference: None };
    record(&mut tx, entry).await?;
    tx.commit().await.during("commit the reading")?;
    Ok(answer(&state, StatusCode::OK, &detail, Given::Now))
}

/// What no UUID is names no tenant, also what is no text.
fn path_id(text: Result<Path<String>, PathRejection>) -> Result<Uuid, Problem> {
    let id = text.ok().and_then(|Path(text)| Uuid::try_parse(&text).ok());
    id.ok_or_else(|| Problem::new(ErrorCode::TenantNotFound))
}

/// Suspends or cancels a tenant, or lifts that with `active`. Nothing is signed and no code is redeemed for a tenant that
/// is suspended or cancelled.
#[utoipa::path(
    post,
    path = "/tenants/{tenant_id}/status",
    params(
        ("tenant_id" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "16 to 128 of A-Z a-z 0-9 . _ : -")
    ),
    request_body = SetStatusRequest,
    security(("service" = [])),
    responses(
        (status = 200, body = SetStatusAnswer),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody),
        (status = 503, body = ProblemBody)
    )
)]
pub(crate) async fn status(
    State(state): State<AppState>,
    caller: Caller,
    tenant_id: Result<Path<String>, PathRejection>,
    OptionalKey(key): OptionalKey,
    Body(request): Body<SetStatusRequest>,
) -> Result<Response, Problem> {
    let tenant_id = path_id(tenant_id)?;
    let asked = TenantStatus::parse(&request.status)
        .filter(|status| matches!(status, TenantStatus::Suspended | TenantStatus::Cancelled | TenantStatus::Active));
    let asked = asked.ok_or(ErrorCode::InvalidRequest)?;
    let mut turn = Turn::begin(&state, STATUS_ROUTE, &caller, key.as_ref(), &(tenant_id, &request)).await?;
    if let Some(stored) = &turn.before {
        let body: SetStatusAnswer = stored.read()?;
        return Ok(answer(&state, StatusCode::OK, &body, Given::Before));
    }
    lock_tenant(&mut turn.tx, tenant_id).await?.ok_or(ErrorCode::TenantNotFound)?;
    let status = set_status(&mut turn.tx, tenant_id, asked).await?.ok_or(ErrorCode::TenantNotFound)?;
    let actor = caller.actor();
    let entry = Entry { actor: &actor, action: Action::StatusSet, tenant: Some(tenant_id), reference: Some(&status) };
    record(&mut turn.tx, entry).await?;
    let body = SetStatusAnswer { tenant_id: tenant_id.to_string(), status: status.clone() };
    turn.end(&body, None).await?;
    Ok(answer(&state, StatusCode::OK, &body, Given::Now))
}
