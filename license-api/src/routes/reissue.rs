//! `POST /install-codes/reissue`.

use super::answer::{Given, answer, download_url};
use super::turn::Turn;
use crate::body::Body;
use crate::error_code::ErrorCode;
use crate::idempotency_key::OptionalKey;
use crate::names;
use crate::problem::{Problem, ProblemBody, TenantChoice};
use crate::registration::tenant_id;
use crate::registry::audit::{Action, Entry, record, record_codes};
use crate::registry::codes::{self, NewCode, Origin};
use crate::registry::entitlements::Entitlement;
use crate::registry::tenants::{Tenant, has_email, lock_tenant, registry_tenants_by_email};
use crate::registry::{appliances, entitlements};
use crate::secrets::Caller;
use crate::settings::Settings;
use crate::state::AppState;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use model::license::edition::Edition;
use model::license::wire::install_codes::{ReissueAnswer, ReissueRequest};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

const ROUTE: &str = "/install-codes/reissue";
/// Seconds of a day.
const DAY: i64 = 86_400;

/// What is stored of a reissue.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    tenant_id: Uuid,
    claim_code_id: Uuid,
}

/// Gives a registered tenant a new code. Every older one that was not used is refused from then on; the tenant stays the
/// same. With `revoke_appliances` its appliances are revoked too.
#[utoipa::path(
    post,
    path = "/install-codes/reissue",
    request_body = ReissueRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "16 to 128 of A-Z a-z 0-9 . _ : -")),
    security(("service" = [])),
    responses(
        (status = 200, body = ReissueAnswer),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody),
        (status = 429, body = ProblemBody),
        (status = 503, body = ProblemBody)
    )
)]
pub(crate) async fn reissue(
    State(state): State<AppState>,
    caller: Caller,
    OptionalKey(key): OptionalKey,
    Body(request): Body<ReissueRequest>,
) -> Result<Response, Problem> {
    let id = tenant_id(request.tenant_id.as_deref())?;
    let email = match request.contact_email.as_deref() {
        Some(text) => Some(names::address(text).ok_or(ErrorCode::InvalidRequest)?),
        None => None,
    };
    let mut turn = Turn::begin(&state, ROUTE, &caller, key.as_ref(), &request).await?;
    if let Some(stored) = &turn.before {
        let outcome: Outcome = stored.read()?;
        let body = shape(&state, &mut turn.tx, &outcome).await?;
        return Ok(answer(&state, StatusCode::OK, &body, Given::Before));
    }
    let tenant = find(&mut turn.tx, id, email).await?;
    if !tenant.status.is_in_good_standing() {
        return Err(Problem::new(ErrorCode::TenantSuspended));
    }
    within_budget(&state.settings, codes::reissues_of_day(&mut turn.tx, tenant.tenant_id).await?)?;
    let entitlement = entitlements::active_entitlement_by_tenant(&mut turn.tx, tenant.tenant_id).await?;
    if entitlement.is_none() && tenant.edition == Edition::Pro {
        return Err(Problem::new(ErrorCode::NoActiveEntitlement));
    }
    let new = NewCode {
        tenant: Some(tenant.tenant_id),
        entitlement: entitlement.as_ref().map(Entitlement::id),
        origin: Origin::Reissue,
        length: state.settings.code_length,
        ttl_seconds: state.settings.code_ttl_seconds,
    };
    let minted = codes::insert_claim_code(&mut turn.tx, &state.keys.codes(), state.random.as_ref(), new).await?;
    let mut replaced = codes::revoke_claim_codes_for_tenant(&mut turn.tx, tenant.tenant_id, minted.id).await?;
    if let Some(entitlement) = &entitlement {
        // Also one that was minted while the subscription was another tenant's.
        let of_it = codes::revoke_claim_codes_for_entitlement(&mut turn.tx, entitlement.id(), Some(minted.id));
        replaced.extend(of_it.await?);
    }
    let (actor, reference) = (caller.actor(), minted.id.to_string());
    record_codes(&mut turn.tx, &actor, Action::CodeSuperseded, Some(tenant.tenant_id), &replaced).await?;
    let entry = |action| Entry { actor: &actor, action, tenant: Some(tenant.tenant_id), reference: Some(&reference) };
    record(&mut turn.tx, entry(Action::CodeReissued)).await?;
    if request.revoke_appliances == Some(true) && appliances::revoke_all(&mut turn.tx, tenant.tenant_id).await? > 0 {
        record(&mut turn.tx, entry(Action::AppliancesRevoked)).await?;
    }
    let outcome = Outcome { tenant_id: tenant.tenant_id, claim_code_id: minted.id };
    let body = shape(&state, &mut turn.tx, &outcome).await?;
    turn.end(&outcome, None).await?;
    Ok(answer(&state, StatusCode::OK, &body, Given::Now))
}

/// Finds the one tenant that is meant, and takes its row. Never guesses between several (licensing contract, L-16).
async fn find(conn: &mut PgConnection, id: Option<Uuid>, email: Option<&str>) -> Result<Tenant, Problem> {
    let not_found = || Problem::new(ErrorCode::TenantNotFound);
    let id = match (id, email) {
        (None, None) => return Err(Problem::new(ErrorCode::InvalidRequest)),
        (Some(id), None) => id,
        (Some(id), Some(email)) if has_email(conn, id, email).await? => id,
        (Some(_), Some(_)) => return Err(not_found()),
        (None, Some(email)) => {
            let found = registry_tenants_by_email(conn, email).await?;
            match found.as_slice() {
                [] => return Err(not_found()),
                [one] => one.tenant_id,
                several => {
                    let choice = |tenant: &crate::registry::tenants::Candidate| TenantChoice {
                        tenant_id: tenant.tenant_id,
                        company_name: tenant.company_name.clone(),
                        edition: tenant.edition.as_str().to_owned(),
                    };
                    return Err(Problem::ambiguous(several.iter().map(choice).collect()));
                }
            }
        }
    };
    lock_tenant(conn, id).await?.ok_or_else(not_found)
}

/// Three a day, a minute apart (contract, section 15, "Limits"). The tenant's row is held, so the count is exact.
fn within_budget(settings: &Settings, (count, oldest, newest): (i64, i64, i64)) -> Result<(), Problem> {
    let wait = |seconds: i64| Problem::too_many(u64::try_from(seconds).unwrap_or(0).max(1));
    if count >= i64::from(settings.reissues_per_day) {
        return Err(wait(DAY - oldest));
    }
    if count > 0 && newest < settings.reissue_pause_seconds {
        return Err(wait(settings.reissue_pause_seconds - newest));
    }
    Ok(())
}

async fn shape(state: &AppState, conn: &mut PgConnection, outcome: &Outcome) -> Result<ReissueAnswer, Problem> {
    let record = codes::by_id(conn, outcome.claim_code_id).await?.ok_or(Problem::new(ErrorCode::TenantNotFound))?;
    let code = record.code(&state.keys.codes());
    Ok(ReissueAnswer {
        install_code: code.as_ref().map_or("", |code| code.expose()).into(),
        download_url: download_url(state, Some(record.life_seconds)),
        expires_at: record.expires_at,
        claim_code_id: record.id.to_string(),
        live_appliances: appliances::live(conn, outcome.tenant_id).await?,
        code_state: record.over(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_gets_three_codes_a_day_a_minute_apart() {
        let settings = Settings::default();
        let asked = |of_day| within_budget(&settings, of_day).err().and_then(|problem| problem.retry_after());
        assert_eq!(asked((0, 0, 0)), None);
        assert_eq!(asked((1, 59, 59)), Some(1));
        assert_eq!(asked((2, 4_000, 60)), None);
        assert_eq!(asked((3, 4_000, 60)), Some(82_400));
    }
}
