//! `POST /claim-codes`.

use super::answer::{Given, answer};
use super::turn::Turn;
use crate::body::Body;
use crate::error_code::ErrorCode;
use crate::idempotency_key::OptionalKey;
use crate::names;
use crate::problem::{Problem, ProblemBody};
use crate::registry::audit::{Action, Entry, record, record_codes};
use crate::registry::codes::{self, NewCode, Origin};
use crate::registry::subscription::lock_subscription;
use crate::secrets::Caller;
use crate::state::AppState;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use model::license::wire::claim_codes::{ClaimCodeAnswer, ClaimCodeRequest};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

const ROUTE: &str = "/claim-codes";

#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    claim_code_id: Uuid,
}

/// Mints an activation code for a subscription. Its older codes that were not used are refused from then on.
#[utoipa::path(
    post,
    path = "/claim-codes",
    request_body = ClaimCodeRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "16 to 128 of A-Z a-z 0-9 . _ : -")),
    security(("service" = [])),
    responses(
        (status = 200, body = ClaimCodeAnswer),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody),
        (status = 503, body = ProblemBody)
    )
)]
pub(crate) async fn claim_code(
    State(state): State<AppState>,
    caller: Caller,
    OptionalKey(key): OptionalKey,
    Body(request): Body<ClaimCodeRequest>,
) -> Result<Response, Problem> {
    let subscription = names::reference(&request.stripe_sub_id).ok_or(ErrorCode::InvalidRequest)?;
    let mut turn = Turn::begin(&state, ROUTE, &caller, key.as_ref(), &request).await?;
    if let Some(stored) = &turn.before {
        let outcome: Outcome = stored.read()?;
        let body = shape(&state, &mut turn.tx, &outcome).await?;
        return Ok(answer(&state, StatusCode::OK, &body, Given::Before));
    }
    let found = lock_subscription(&mut turn.tx, subscription).await?;
    let (tenant, entitlement) = found.ok_or(ErrorCode::EntitlementNotFound)?;
    if !entitlement.active {
        return Err(Problem::new(ErrorCode::EntitlementInactive));
    }
    if tenant.is_some_and(|tenant| !tenant.status.is_in_good_standing()) {
        return Err(Problem::new(ErrorCode::TenantSuspended));
    }
    let new = NewCode {
        tenant: entitlement.tenant_id,
        entitlement: Some(entitlement.id()),
        origin: Origin::Activation,
        length: state.settings.code_length,
        ttl_seconds: state.settings.code_ttl_seconds,
    };
    let minted = codes::insert_claim_code(&mut turn.tx, &state.keys.codes(), state.random.as_ref(), new).await?;
    let replaced = codes::revoke_claim_codes_for_entitlement(&mut turn.tx, entitlement.id(), Some(minted.id)).await?;
    let (actor, reference) = (caller.actor(), minted.id.to_string());
    record_codes(&mut turn.tx, &actor, Action::CodeSuperseded, entitlement.tenant_id, &replaced).await?;
    let entry =
        Entry { actor: &actor, action: Action::CodeMinted, tenant: entitlement.tenant_id, reference: Some(&reference) };
    record(&mut turn.tx, entry).await?;
    let outcome = Outcome { claim_code_id: minted.id };
    let body = shape(&state, &mut turn.tx, &outcome).await?;
    turn.end(&outcome, None).await?;
    Ok(answer(&state, StatusCode::OK, &body, Given::Now))
}

async fn shape(state: &AppState, conn: &mut PgConnection, outcome: &Outcome) -> Result<ClaimCodeAnswer, Problem> {
    let record = codes::by_id(conn, outcome.claim_code_id).await?.ok_or(ErrorCode::EntitlementNotFound)?;
    let code = record.code(&state.keys.codes());
    Ok(ClaimCodeAnswer {
        code: code.as_ref().map_or("", |code| code.expose()).into(),
        expires_at: record.expires_at,
        claim_code_id: record.id.to_string(),
    })
}
