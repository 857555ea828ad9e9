//! `POST /verify-appliance`: a service asks whom a credential belongs to.

use crate::body::Body;
use crate::error_code::ErrorCode;
use crate::problem::Problem;
use crate::registry::check_in::verify;
use crate::registry::redemption::{credential_hash, tenant_id};
use crate::secrets::Caller;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use model::license::wire::verify_appliance::{VerifyApplianceAnswer, VerifyApplianceRequest};

/// Tells whose credential it is. Changes nothing.
#[utoipa::path(
    post,
    path = "/verify-appliance",
    security(("service" = [])),
    request_body = VerifyApplianceRequest,
    responses(
        (status = 200, body = VerifyApplianceAnswer, description = "The calling service may go by it for five minutes; caches of HTTP keep nothing (`no-store`)"),
        (status = 400, body = crate::problem::ProblemBody),
        (status = 401, body = crate::problem::ProblemBody, description = "Unknown credential, or revoked appliance"),
        (status = 503, body = crate::problem::ProblemBody),
    )
)]
pub(crate) async fn verify_appliance(
    State(state): State<AppState>,
    _: Caller,
    Body(request): Body<VerifyApplianceRequest>,
) -> Result<Response, Problem> {
    let verified = verify(&state.pool, &credential_hash(&request.credential)).await?;
    let verified = verified.ok_or_else(|| Problem::new(ErrorCode::UnknownCredential))?;
    if verified.revoked {
        return Err(Problem::new(ErrorCode::RevokedAppliance));
    }
    let body = VerifyApplianceAnswer {
        tenant_id: tenant_id(verified.tenant).as_str().to_owned(),
        edition: verified.edition.as_str().to_owned(),
        appliance_id: verified.appliance_id,
        entitlement_active: verified.active,
        connectivity_eligible: verified.connectivity,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}
