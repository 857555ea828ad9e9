//! `POST /sign`.

use super::answer::{Given, answer};
use super::turn::Turn;
use crate::body::Body;
use crate::error_code::ErrorCode;
use crate::idempotency_key::OptionalKey;
use crate::names;
use crate::problem::{Problem, ProblemBody};
use crate::random::RandomSource;
use crate::registration::{seats, tenant_id};
use crate::registry::audit::{Action, Entry, record};
use crate::registry::entitlements::{self, Entitlement, Paid};
use crate::registry::tenants::lock_tenant;
use crate::secrets::Caller;
use crate::state::AppState;
use axum::extract::State;
use axum::response::Response;
use credentials::Sealed;
use http::StatusCode;
use model::license::edition::{Tier, Transport};
use model::license::wire::sign::{SignAnswer, SignRequest};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

const ROUTE: &str = "/sign";

/// What is stored of a signature; the licence itself is sealed beside it.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    exp: Option<i64>,
    sub: String,
}

/// Signs a licence for a subscription, whose entitlement is made or brought up to date. Without a tenant a connected
/// subscription gets its first licence at redemption; no licence without an audience is ever signed.
#[utoipa::path(
    post,
    path = "/sign",
    request_body = SignRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "16 to 128 of A-Z a-z 0-9 . _ : -")),
    security(("service" = [])),
    responses(
        (status = 200, body = SignAnswer),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody),
        (status = 409, body = ProblemBody),
        (status = 503, body = ProblemBody)
    )
)]
pub(crate) async fn sign(
    State(state): State<AppState>,
    caller: Caller,
    OptionalKey(key): OptionalKey,
    Body(request): Body<SignRequest>,
) -> Result<Response, Problem> {
    let invalid = ErrorCode::InvalidRequest;
    let paid = Paid {
        subscription: names::reference(&request.stripe_sub_id).ok_or(invalid)?,
        customer: names::name(&request.customer).ok_or(invalid)?,
        tier: Tier::parse(&request.tier).filter(|tier| tier.is_sellable()).ok_or(ErrorCode::TierNotSellable)?,
        seats: seats(request.seats)?,
        transport: Transport::parse(&request.transport).ok_or(ErrorCode::InvalidTransport)?,
    };
    let asked = tenant_id(request.tenant_id.as_deref())?;
    let mut turn = Turn::begin(&state, ROUTE, &caller, key.as_ref(), &request).await?;
    let entitlement = entitlement(&mut turn.tx, &paid, asked).await?;
    if let Some(stored) = &turn.before {
        // The same answer, as long as the subscription is what it was: an old licence must not outlive a revocation.
        let outcome: Outcome = stored.read()?;
        let jwt = match (&stored.sealed, turn.aad()) {
            (Some(sealed), Some(aad)) => Some(open(&state, sealed, &aad)?),
            (_, _) => None,
        };
        let body = SignAnswer { jwt, exp: outcome.exp, sub: outcome.sub };
        return Ok(answer(&state, StatusCode::OK, &body, Given::Before));
    }
    let entitlement = entitlements::update(&mut turn.tx, entitlement.id(), &paid, asked).await?;
    let subject = subject(state.random.as_ref());
    let subject = entitlements::set_entitlement_license_sub(&mut turn.tx, entitlement.id(), &subject).await?;
    let signed = match entitlement.tenant_id {
        Some(tenant) => {
            let issued_at = entitlement.row.issue_at(state.clock.unix_seconds());
            let signed = entitlement.row.terms(&subject, tenant).sign(state.keys.signer().as_ref(), issued_at).await?;
            entitlements::remember_license(&mut turn.tx, entitlement.id(), &signed).await?;
            Some(signed)
        }
        None => None,
    };
    let actor = caller.actor();
    let entry = Entry {
        actor: &actor,
        action: Action::LicenseSigned,
        tenant: entitlement.tenant_id,
        reference: Some(paid.subscription),
    };
    record(&mut turn.tx, entry).await?;
    let outcome = Outcome { exp: signed.as_ref().map(|signed| signed.expires_at), sub: subject };
    let jwt = signed.map(|signed| signed.token.expose().to_owned());
    let sealed = jwt
        .as_ref()
        .zip(turn.aad())
        .map(|(jwt, aad)| state.keys.sealing().seal(jwt.as_bytes(), &aad, &mut state.rng()).to_string());
    turn.end(&outcome, sealed).await?;
    let body = SignAnswer { jwt: jwt.map(Into::into), exp: outcome.exp, sub: outcome.sub };
    Ok(answer(&state, StatusCode::OK, &body, Given::Now))
}

/// Takes the rows in their order and checks what must hold before anything is written.
async fn entitlement(conn: &mut PgConnection, paid: &Paid<'_>, asked: Option<Uuid>) -> Result<Entitlement, Problem> {
    let known = entitlements::tenant_of(conn, paid.subscription).await?.flatten();
    if let (Some(known), Some(asked)) = (known, asked)
        && known != asked
    {
        return Err(Problem::new(ErrorCode::TenantMismatch));
    }
    let tenant_id = known.or(asked);
    match tenant_id {
        Some(id) => {
            // A tenant that the registry does not know has to be registered first (contract, section 15).
            let tenant = lock_tenant(conn, id).await?.ok_or(ErrorCode::TenantMismatch)?;
            if !tenant.status.is_in_good_standing() {
                return Err(Problem::new(ErrorCode::TenantSuspended));
            }
        }
        None if paid.transport == Transport::Airgap => return Err(Problem::new(ErrorCode::TenantRequired)),
        None => {}
    }
    let entitlement = entitlements::create_or_lock(conn, paid).await?;
    match entitlement.tenant_id {
        // Bound between the first look and the lock: the caller asks again and meets the tenant.
        Some(bound) if tenant_id.is_none_or(|id| id != bound) => match asked {
            Some(_) => Err(Problem::new(ErrorCode::TenantMismatch)),
            None => Err(Problem::from(ErrorCode::TemporarilyUnavailable)),
        },
        Some(_) | None if !entitlement.active => Err(Problem::new(ErrorCode::EntitlementInactive)),
        Some(_) | None => Ok(entitlement),
    }
}

fn subject(random: &dyn RandomSource) -> String {
    let mut bytes = [0; entitlements::SUBJECT_BYTES];
    random.fill(&mut bytes);
    entitlements::subject(&bytes)
}

fn open(state: &AppState, sealed: &str, aad: &[u8]) -> Result<secrecy::SecretString, Problem> {
    let closed = |error: &dyn std::error::Error| {
        tracing::error!("a stored licence stays closed: {error}");
        Problem::from(ErrorCode::TemporarilyUnavailable)
    };
    let sealed = Sealed::parse(sealed).map_err(|error| closed(&error))?;
    state.keys.sealing().open_text(&sealed, aad).map_err(|error| closed(&error))
}
