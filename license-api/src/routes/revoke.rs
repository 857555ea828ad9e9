//! `POST /revoke`.

use super::answer::{Given, answer};
use super::turn::Turn;
use crate::body::Body;
use crate::error_code::ErrorCode;
use crate::idempotency_key::OptionalKey;
use crate::names;
use crate::problem::{Problem, ProblemBody};
use crate::registry::audit::{Action, Entry, record, record_codes};
use crate::registry::subscription::lock_subscription;
use crate::registry::{appliances, codes, entitlements};
use crate::secrets::Caller;
use crate::state::AppState;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use model::license::wire::revoke::{RevokeAnswer, RevokeRequest};

const ROUTE: &str = "/revoke";

/// Ends a subscription: nothing is signed for it any more, and its codes that were not used are refused. A repeat answers
/// the same. With `appliance_id` only that appliance is revoked.
#[utoipa::path(
    post,
    path = "/revoke",
    request_body = RevokeRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "16 to 128 of A-Z a-z 0-9 . _ : -")),
    security(("service" = [])),
    responses(
        (status = 200, body = RevokeAnswer),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody),
        (status = 503, body = ProblemBody)
    )
)]
pub(crate) async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    OptionalKey(key): OptionalKey,
    Body(request): Body<RevokeRequest>,
) -> Result<Response, Problem> {
    let subscription = names::reference(&request.stripe_sub_id).ok_or(ErrorCode::InvalidRequest)?;
    let mut turn = Turn::begin(&state, ROUTE, &caller, key.as_ref(), &request).await?;
    if let Some(stored) = &turn.before {
        let body: RevokeAnswer = stored.read()?;
        return Ok(answer(&state, StatusCode::OK, &body, Given::Before));
    }
    let found = lock_subscription(&mut turn.tx, subscription).await?;
    let (_, entitlement) = found.ok_or(ErrorCode::EntitlementNotFound)?;
    let actor = caller.actor();
    let (action, reference, codes_revoked) = match request.appliance_id.as_deref() {
        Some(appliance) => {
            if !appliances::revoke_one(&mut turn.tx, entitlement.id(), appliance).await? {
                return Err(Problem::new(ErrorCode::ApplianceNotFound));
            }
            (Action::ApplianceRevoked, appliance, 0)
        }
        None => {
            entitlements::revoke(&mut turn.tx, entitlement.id()).await?;
            let ended = codes::revoke_claim_codes_for_entitlement(&mut turn.tx, entitlement.id(), None).await?;
            record_codes(&mut turn.tx, &actor, Action::CodeRevoked, entitlement.tenant_id, &ended).await?;
            let count = codes::revoked_with(&mut turn.tx, entitlement.id()).await?;
            (Action::EntitlementRevoked, subscription, count)
        }
    };
    let entry = Entry { actor: &actor, action, tenant: entitlement.tenant_id, reference: Some(reference) };
    record(&mut turn.tx, entry).await?;
    let body = RevokeAnswer { status: "revoked".to_owned(), codes_revoked };
    turn.end(&body, None).await?;
    Ok(answer(&state, StatusCode::OK, &body, Given::Now))
}
