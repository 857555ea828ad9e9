//! From a code to an answer: look up, decide, sign, consume.

use super::Asked;
use crate::error_code::ErrorCode;
use crate::problem::Problem;
use crate::registry::attempts::Counted;
use crate::registry::redemption::{
    Credential, Found, License, Lookup, Redemption, Settled, TenantRow, license_subject, look_up, redeem as commit,
    tenant_id,
};
use crate::signing::SignedLicense;
use crate::state::AppState;
use credentials::Sealed;
use license::codes::KeyedHash;
use model::license::edition::Edition;
use model::license::install_code::InstallCode;
use model::license::redeem::{
    ApplianceId, Decision, Grant, LicenseNeed, NamedTenant, RedeemRequest, Rejection, decide,
};
use model::license::wire::register::{RegisterAnswer, RegisterLicense, RegisterRequest};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

/// How often a code is looked at anew because something changed between decision and transaction.
const ROUNDS_MAX: usize = 4;
/// Fills what stands in for a text that is no code, so that it costs what a code costs (licensing contract, L-06). No code
/// that is minted has this symbol.
const NO_SYMBOL: &str = "0";

/// A redeemed code, and the bytes of its answer.
pub(super) enum Redeemed {
    /// By this request.
    Now(Vec<u8>),
    /// By this very request earlier, with this answer.
    Before(Vec<u8>),
}

/// Why there is no such answer.
pub(super) enum Failure {
    /// The request is refused. It counts as an attempt.
    Refused(Rejection),
    /// The service failed, or something kept changing.
    Broken(Problem),
}

impl<E: Into<Problem>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

/// The request in the forms in which it is used.
struct Prepared<'a> {
    request: RedeemRequest,
    is_code: bool,
    code_hashes: Vec<KeyedHash>,
    fingerprints: Vec<KeyedHash>,
    key_hash: Option<[u8; 32]>,
    attempt: &'a Counted,
}

/// Redeems a code, or says why not. The work before a refusal is the same for every reason: the same keyed hashes, the same
/// statement.
pub(super) async fn redeem(state: &AppState, asked: &Asked, attempt: &Counted) -> Result<Redeemed, Failure> {
    let prepared = prepare(state, asked, attempt);
    let lookup = Lookup {
        code: &prepared.code_hashes,
        named_tenant: prepared
            .request
            .named_tenant
            .as_ref()
            .and_then(|named| Uuid::parse_str(named.id()?.as_str()).ok()),
        key_hash: prepared.key_hash,
        fingerprints: &prepared.fingerprints,
    };
    for _ in 0..ROUNDS_MAX {
        let found = look_up(&state.pool, &lookup).await?.filter(|_| prepared.is_code);
        let grant = match decide(&prepared.request, found.as_ref().map(|found| &found.facts)) {
            Decision::Refuse(rejection) => return Err(Failure::Refused(rejection)),
            Decision::Replay => return replay(state, found.as_ref()),
            Decision::Redeem { tenant: _, grant } => grant,
        };
        let found = found.expect("an unknown code is refused");
        if let Some(body) = consume(state, &prepared, &found, grant).await? {
            return Ok(Redeemed::Now(body));
        }
    }
    tracing::warn!("a code changed in every round of its redemption");
    Err(ErrorCode::TemporarilyUnavailable.into())
}

fn prepare<'a>(state: &AppState, asked: &Asked, attempt: &'a Counted) -> Prepared<'a> {
    let body = &asked.body;
    let code = InstallCode::parse(body.claim_code.expose_secret());
    let is_code = code.is_ok();
    // As long as the codes that are minted: what is hashed of it has as many blocks.
    let code = code.unwrap_or_else(|_| {
        let text = NO_SYMBOL.repeat(state.settings.code_length.get());
        InstallCode::parse(&text).expect("it has the form of a code")
    });
    let keys = state.keys.codes();
    Prepared {
        request: RedeemRequest {
            appliance: ApplianceId::parse(&body.appliance_id),
            named_tenant: NamedTenant::parse(body.tenant_id.as_deref()),
            expected_tenant: NamedTenant::parse(body.expected_tenant_id.as_deref()),
            need: if body.require_license == Some(true) { LicenseNeed::Required } else { LicenseNeed::Optional },
        },
        is_code,
        code_hashes: keys.lookup_hashes(&code),
        fingerprints: keys.request_fingerprints(&fingerprinted(&code, body)),
        key_hash: asked.key.0.as_ref().map(crate::idempotency_key::IdempotencyKey::hash),
        attempt,
    }
}

/// What makes two requests the same: the code in its normal form and every other member as it was sent. JSON keeps them
/// apart.
fn fingerprinted(code: &InstallCode, body: &RegisterRequest) -> Vec<u8> {
    let members = (
        code.expose(),
        &body.appliance_id,
        &body.tenant_id,
        &body.expected_tenant_id,
        body.require_license.unwrap_or_default(),
    );
    serde_json::to_vec(&members).expect("texts serialise")
}

/// Signs and consumes. None when something changed meanwhile, so that nothing was written.
async fn consume(
    state: &AppState,
    prepared: &Prepared<'_>,
    found: &Found,
    grant: Grant,
) -> Result<Option<Vec<u8>>, Failure> {
    let tenant = found.tenant.as_ref().expect("a decision to redeem names a registered tenant");
    let issued = match grant {
        Grant::Identity => None,
        Grant::License => Some(issue(state, found, tenant.id).await?),
    };
    let credential = issued.as_ref().map(|_| Credential::generate(&mut state.rng()));
    let credential_hash = credential.as_ref().map(Credential::hash);
    let body = body(state, tenant, issued.as_ref().zip(credential));
    let sealed = prepared.key_hash.map(|_| seal(state, found.code, &body));
    let appliance = prepared.request.appliance.as_ref().expect("an appliance without a valid id is refused");
    let redemption = Redemption {
        code: found.code,
        code_hashes: &prepared.code_hashes,
        tenant: tenant.id,
        appliance_id: appliance.as_str(),
        license: issued.as_ref().zip(found.entitlement.as_ref()).map(|(issued, entitlement)| License {
            entitlement,
            subject: &issued.subject,
            signed: &issued.license,
        }),
        credential_hash: credential_hash.as_deref(),
        key_hash: prepared.key_hash,
        fingerprint: prepared.fingerprints.first().expect("a ring has a current key"),
        sealed_answer: sealed.as_deref(),
        replay_seconds: state.settings.replay_seconds,
        attempt: prepared.attempt,
    };
    Ok(match commit(&state.pool, &redemption).await? {
        Settled::Redeemed => Some(body),
        Settled::Changed => None,
    })
}

struct Issued {
    subject: String,
    license: SignedLicense,
}

/// Signs the first licence, outside of any transaction.
async fn issue(state: &AppState, found: &Found, tenant: Uuid) -> Result<Issued, Failure> {
    let entitlement = found.entitlement.as_ref().expect("a licence is granted by an entitlement");
    let subject = entitlement.license_sub.clone().unwrap_or_else(|| license_subject(&mut state.rng()));
    let signer = state.keys.signer();
    let issued_at = entitlement.issue_at(state.clock.unix_seconds());
    let license = entitlement.terms(&subject, tenant).sign(signer.as_ref(), issued_at).await?;
    Ok(Issued { subject, license })
}

fn body(state: &AppState, tenant: &TenantRow, issued: Option<(&Issued, Credential)>) -> Vec<u8> {
    let license = issued.map(|(issued, credential)| RegisterLicense {
        appliance_credential: credential.into_secret(),
        first_jwt: SecretString::from(issued.license.token.expose()),
        check_in_url: state.settings.check_in_url.clone(),
    });
    let answer = RegisterAnswer {
        tenant_id: tenant_id(tenant.id).as_str().to_owned(),
        // The transaction makes it so.
        edition: if license.is_some() { Edition::Pro } else { tenant.edition },
        company_name: tenant.company_name.clone(),
        contact_email: tenant.contact_email.clone(),
        license,
    };
    serde_json::to_vec(&answer).expect("texts serialise")
}

/// The seal belongs to the code's row: moved to another one it does not open.
fn associated(code: Uuid) -> Vec<u8> {
    [b"tenantry/redemption/1\0".as_slice(), code.as_bytes()].concat()
}

fn seal(state: &AppState, code: Uuid, body: &[u8]) -> String {
    state.keys.sealing().seal(body, &associated(code), &mut state.rng()).to_string()
}

/// Opens the first answer. A key that is not here yet is on its way, so the client asks again.
fn replay(state: &AppState, found: Option<&Found>) -> Result<Redeemed, Failure> {
    let found = found.expect("an unknown code is refused");
    let sealed = found.sealed_answer.as_deref().expect("an answer that is gone is not replayed");
    let opened =
        Sealed::parse(sealed).ok().and_then(|sealed| state.keys.sealing().open(&sealed, &associated(found.code)).ok());
    let Some(body) = opened else {
        tracing::error!(claim_code.id = %found.code, "the sealed answer of code {} does not open", found.code);
        return Err(ErrorCode::TemporarilyUnavailable.into());
    };
    Ok(Redeemed::Before(body.expose_secret().to_vec()))
}

#[cfg(test)]
#[path = "redeem_tests.rs"]
mod tests;
