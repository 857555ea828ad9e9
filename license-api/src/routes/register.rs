//! `POST /register`: an install code becomes a tenant's identity and, for paid editions, a licence.

mod redeem;

use crate::body::Body;
use crate::error_code::ErrorCode;
use crate::idempotency_key::{OptionalKey, REPLAYED};
use crate::limits::{Attempt, RETRY_FREED_SECONDS, RequestSource, Scope, Source};
use crate::problem::Problem;
use crate::registry::attempts::{self, Counted};
use crate::state::AppState;
use axum::RequestPartsExt as _;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use model::license::budget::{Disclosure, Level, Reservation, Verdict};
use model::license::redeem::Rejection;
use model::license::wire::register::{RegisterAnswer, RegisterRequest};
use redeem::{Failure, Redeemed};

/// Redeems an install or activation code.
///
/// The code is the only proof. The first answer of a request with an `Idempotency-Key` is given again, byte for byte, for the
/// same code, appliance and key, until an appliance has checked in with it or seven days have passed.
#[utoipa::path(
    post,
    path = "/register",
    params(("Idempotency-Key" = Option<String>, Header, description = "16 to 128 of A-Z a-z 0-9 . _ : -")),
    request_body = RegisterRequest,
    responses(
        (status = 200, body = RegisterAnswer, description = "Redeemed, or answered again (`Idempotent-Replayed: true`)"),
        (
            status = 400,
            body = crate::problem::ProblemBody,
            description = "`invalid_claim_code`, `invalid_appliance_id`, `tenant_required`, `invalid_request`. With every refusal \
                           the code stays as it is"
        ),
        (status = 403, body = crate::problem::ProblemBody, description = "`entitlement_inactive`, `tenant_suspended`"),
        (
            status = 409,
            body = crate::problem::ProblemBody,
            description = "`consumed_claim_code`, `superseded_claim_code`, `tenant_mismatch`, `no_license_on_code`, \
                           `idempotency_conflict`"
        ),
        (status = 410, body = crate::problem::ProblemBody, description = "`expired_claim_code`"),
        (status = 429, body = crate::problem::ProblemBody, description = "`too_many_attempts`"),
        (status = 503, body = crate::problem::ProblemBody, description = "Try again with the same key"),
    )
)]
pub(crate) async fn register(
    State(state): State<AppState>,
    RequestSource(source): RequestSource,
    request: Request,
) -> Response {
    answer(&state, &source, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(state: &AppState, source: &Source, request: Request) -> Result<Response, Problem> {
    let Admitted { disclosure, counted: attempt, under_way } = admit(state, source).await?;
    let asked = match read(request).await {
        Ok(asked) => asked,
        Err(problem) => {
            state.metrics.failed_attempts.inc();
            return Err(problem);
        }
    };
    match redeem::redeem(state, &asked, &attempt).await {
        Ok(Redeemed::Now(body)) => {
            under_way.give_back();
            Ok(json(body))
        }
        Ok(Redeemed::Before(body)) => {
            excuse(state, &attempt).await;
            under_way.give_back();
            state.metrics.replayed.inc();
            let mut response = json(body);
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        Err(Failure::Refused(rejection)) => {
            state.metrics.failed_attempts.inc();
            Err(Problem::new(error_code(rejection.disclosed(disclosure))))
        }
        Err(Failure::Broken(problem)) => {
            excuse(state, &attempt).await;
            under_way.give_back();
            Err(problem)
        }
    }
}

/// A request that could be read, with its key.
struct Asked {
    body: RegisterRequest,
    key: OptionalKey,
}

async fn read(request: Request) -> Result<Asked, Problem> {
    let (mut parts, body) = request.into_parts();
    let key = parts.extract::<OptionalKey>().await?;
    let Body(body) = Body::from_request(Request::from_parts(parts, body), &()).await?;
    Ok(Asked { body, key })
}

/// An attempt that has a place.
struct Admitted {
    disclosure: Disclosure,
    counted: Counted,
    under_way: Attempt,
}

/// Counts the attempt before anything of the request is looked at.
async fn admit(state: &AppState, source: &Source) -> Result<Admitted, Problem> {
    let rules = &state.settings.budgets;
    let under_way = state.under_way().enter(source);
    let (reservation, attempt) = attempts::reserve(&state.pool, source, rules).await?;
    let attacked = rules.is_under_attack(reservation.total);
    if attacked && state.metrics.under_attack.get() == 0 {
        tracing::error!(
            failures = reservation.total,
            "codes are being guessed: {} failed attempts in the window, so budgets are reduced",
            reservation.total
        );
    }
    state.metrics.under_attack.set(i64::from(attacked));
    match rules.judge(&reservation) {
        Verdict::Admitted(disclosure) => Ok(Admitted { disclosure, counted: attempt, under_way }),
        Verdict::TooMany { retry_after_seconds } => {
            excuse(state, &attempt).await;
            // Places that were taken by attempts of now, which were no guesses, are free again.
            let freed = under_way.refused(refused_by(&reservation)).await;
            Err(Problem::too_many(if freed { RETRY_FREED_SECONDS } else { u64::from(retry_after_seconds) }))
        }
        Verdict::Capped { retry_after_seconds } => Err(Problem::unavailable(u64::from(retry_after_seconds))),
    }
}

/// The narrowest level without a place.
const fn refused_by(reservation: &Reservation) -> Scope {
    match (reservation.source, reservation.network) {
        (Level::Refused { .. }, _) => Scope::Source,
        (_, Level::Refused { .. }) => Scope::Network,
        (_, _) => Scope::Region,
    }
}

/// Gives an attempt back that was no guess. When that fails it stays counted, and its window ends by itself.
async fn excuse(state: &AppState, attempt: &Counted) {
    if let Err(error) = attempts::excuse(&state.pool, attempt).await {
        tracing::warn!("an attempt stays counted: {error}");
    }
}

fn json(body: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, body).into_response()
}

const fn error_code(rejection: Rejection) -> ErrorCode {
    match rejection {
        Rejection::InvalidClaimCode => ErrorCode::InvalidClaimCode,
        Rejection::ExpiredClaimCode => ErrorCode::ExpiredClaimCode,
        Rejection::ConsumedClaimCode => ErrorCode::ConsumedClaimCode,
        Rejection::SupersededClaimCode => ErrorCode::SupersededClaimCode,
        Rejection::TenantMismatch => ErrorCode::TenantMismatch,
        Rejection::NoLicenseOnCode => ErrorCode::NoLicenseOnCode,
        Rejection::IdempotencyConflict => ErrorCode::IdempotencyConflict,
        Rejection::EntitlementInactive => ErrorCode::EntitlementInactiveAtRedeem,
        Rejection::TenantSuspended => ErrorCode::TenantSuspended,
        Rejection::TenantRequired => ErrorCode::TenantRequired,
        Rejection::InvalidApplianceId => ErrorCode::InvalidApplianceId,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_keeps_its_word() {
        for rejection in Rejection::ALL {
            assert_eq!(error_code(*rejection).as_str(), rejection.as_str());
        }
    }
}
