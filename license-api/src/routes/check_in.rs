//! `POST /check-in`: an appliance asks for its present licence.

use crate::body::Body;
use crate::error_code::ErrorCode;
use crate::limits::{RequestSource, Source};
use crate::problem::Problem;
use crate::registry::check_in::{Activates, ApplianceRow, CheckIn, CheckedIn, Credential, StoredRow, find, settle};
use crate::registry::redemption::{License, credential_hash, license_subject};
use crate::signing::SignedLicense;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use model::license::check_in::{Answer, Held, Observed, StoredLicense, decide};
use model::license::edition::TenantStatus;
use model::license::wire::check_in::{CheckInAnswer, CheckInOutcome, CheckInRequest};
use secrecy::SecretString;

/// How often an appliance is read anew because something changed between decision and transaction.
const ROUNDS_MAX: usize = 4;

/// Gives an appliance the licence that it should have.
///
/// The credential is the only proof. Nothing is replayed: an old answer must not outlive a revocation.
#[utoipa::path(
    post,
    path = "/check-in",
    request_body = CheckInRequest,
    responses(
        (status = 200, body = CheckInAnswer, description = "`ok`, `no_change` or `revoked`"),
        (status = 400, body = crate::problem::ProblemBody),
        (status = 401, body = crate::problem::ProblemBody, description = "Unknown credential, or revoked appliance"),
        (status = 429, body = crate::problem::ProblemBody, description = "More than 20 an hour"),
        (status = 503, body = crate::problem::ProblemBody),
    )
)]
pub(crate) async fn check_in(
    State(state): State<AppState>,
    RequestSource(source): RequestSource,
    Body(request): Body<CheckInRequest>,
) -> Result<Response, Problem> {
    let hash = credential_hash(&request.appliance_credential);
    let held = Held { subject: request.current_license_sub.as_deref(), expires_at: request.current_exp };
    let mut appliance = known(&state, find(&state.pool, &hash).await?)?;
    for _ in 0..ROUNDS_MAX {
        if let Some(outcome) = round(&state, &source, &appliance, &hash, held).await? {
            return Ok(answer(&state, outcome));
        }
        appliance = known(&state, find(&state.pool, &hash).await?)?;
    }
    tracing::warn!(appliance.id = %appliance.id, "appliance {} changed in every round of its check-in", appliance.id);
    Err(ErrorCode::TemporarilyUnavailable.into())
}

fn known(state: &AppState, credential: Credential) -> Result<Box<ApplianceRow>, Problem> {
    match credential {
        Credential::Unknown => Err(Problem::new(ErrorCode::UnknownCredential)),
        Credential::Revoked => Err(Problem::new(ErrorCode::RevokedAppliance)),
        Credential::TooMany { refusals } => {
            Err(Problem::too_many(u64::from(state.settings.budgets.retry_after_seconds(refusals))))
        }
        Credential::Known(appliance) => Ok(appliance),
    }
}

/// Decides, signs and writes. None when something changed meanwhile, so that nothing was written.
async fn round(
    state: &AppState,
    source: &Source,
    appliance: &ApplianceRow,
    hash: &str,
    held: Held<'_>,
) -> Result<Option<CheckInOutcome>, Problem> {
    let entitlement = &appliance.entitlement;
    let subject = entitlement.license_sub.clone().unwrap_or_else(|| license_subject(&mut state.rng()));
    let terms = entitlement.terms(&subject, appliance.tenant);
    let (signer, now) = (state.keys.signer(), state.clock.unix_seconds());
    let observed = Observed {
        status: appliance.status,
        active: appliance.active,
        subject: entitlement.license_sub.as_deref(),
        stored: appliance.stored.as_ref().map(stored),
        digest: &terms.digest(),
        signing_kid: signer.kid().as_str(),
    };
    let answer = decide(&observed, held, now);
    let signed: Option<SignedLicense> = match answer {
        Answer::Renew => Some(terms.sign(signer.as_ref(), entitlement.issue_at(now)).await?),
        Answer::Repeat { issued_at, expires_at } => {
            Some(terms.sign_until(signer.as_ref(), issued_at, expires_at).await?)
        }
        Answer::NoChange { .. } | Answer::Revoked => None,
    };
    let renewed = match answer {
        Answer::Renew => signed.as_ref().map(|signed| License { entitlement, subject: &subject, signed }),
        Answer::Repeat { .. } | Answer::NoChange { .. } | Answer::Revoked => None,
    };
    let check_in = CheckIn {
        appliance,
        credential_hash: hash,
        source: &source.address,
        renewed,
        activates: activates(appliance.status, answer),
    };
    match settle(&state.pool, &check_in).await? {
        CheckedIn::Changed => return Ok(None),
        CheckedIn::Done { elsewhere: false } => {}
        CheckedIn::Done { elsewhere: true } => split(state, appliance),
    }
    Ok(Some(outcome(answer, signed)))
}

fn stored(row: &StoredRow) -> StoredLicense<'_> {
    StoredLicense { issued_at: row.issued_at, expires_at: row.expires_at, kid: &row.kid, digest: &row.digest }
}

/// The first check-in of a tenant that is licensed makes it active.
const fn activates(status: TenantStatus, answer: Answer) -> Activates {
    match (status, answer) {
        (
            TenantStatus::Registered | TenantStatus::Installed,
            Answer::Renew | Answer::Repeat { .. } | Answer::NoChange { .. },
        ) => Activates::Yes,
        (TenantStatus::Active | TenantStatus::Suspended | TenantStatus::Cancelled, _) | (_, Answer::Revoked) => {
            Activates::No
        }
    }
}

/// One credential in two places within a day: it may have been copied (licensing contract, section 15, "Stolen things").
fn split(state: &AppState, appliance: &ApplianceRow) {
    state.metrics.split_credentials.inc();
    tracing::warn!(
        appliance.id = %appliance.id,
        tenant.id = %appliance.tenant,
        "the credential of appliance {} was used from two sources within a day: ask the customer, or revoke the appliance",
        appliance.id
    );
}

fn outcome(answer: Answer, signed: Option<SignedLicense>) -> CheckInOutcome {
    match answer {
        Answer::NoChange { expires_at } => CheckInOutcome::NoChange { exp: expires_at },
        Answer::Revoked => CheckInOutcome::Revoked,
        Answer::Renew | Answer::Repeat { .. } => {
            let signed = signed.expect("this answer was signed");
            CheckInOutcome::Ok { jwt: SecretString::from(signed.token.expose()), exp: signed.expires_at }
        }
    }
}

fn answer(state: &AppState, outcome: CheckInOutcome) -> Response {
    let body = CheckInAnswer {
        outcome,
        now: Some(state.clock.unix_seconds()),
        keyset: state.keys.statement().map(|statement| statement.text.clone()),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
