//! Client of the licence API: one call is one attempt, within the limits of the contract.

use crate::code::FailureCode;
use crate::ids::RedemptionId;
use crate::service::ServiceUrl;
use crate::wire::{
    CheckInAnswer, CheckInAnswerWire, CheckInRequest, KeysWire, RegisterAnswer, RegisterAnswerWire, RegisterRequest,
};
use outbound::{Body, Call, CallError, Caller, Codes, IdempotencyKey, Limits, Meaning, SetupError, Want};
use std::sync::Arc;
use std::time::Duration;

/// Connect 5 s, total 15 s, 64 KiB answer; redirects are not followed (licensing contract, L-12).
pub const LIMITS: Limits =
    Limits { connect: Duration::from_secs(5), total: Duration::from_secs(15), body_max: 64 * 1024 };

/// The refusals of `/register` that somebody acts upon (licensing contract, section 5.4).
const REGISTER_CODES: Codes = Codes {
    at: &["/code"],
    known: &[
        ("invalid_claim_code", Meaning::Final),
        ("expired_claim_code", Meaning::Final),
        ("consumed_claim_code", Meaning::Final),
        ("superseded_claim_code", Meaning::Final),
        ("tenant_mismatch", Meaning::Final),
        ("no_license_on_code", Meaning::Final),
        ("idempotency_conflict", Meaning::Final),
        ("entitlement_inactive", Meaning::Final),
        ("tenant_suspended", Meaning::Final),
        ("tenant_required", Meaning::Final),
    ],
};

/// The refusals of `/check-in` (licensing contract, section 5.2).
const CHECK_IN_CODES: Codes =
    Codes { at: &["/code"], known: &[("unknown_credential", Meaning::Final), ("revoked_appliance", Meaning::Final)] };

/// Why a call brought nothing. Holds no byte of an answer beside a known code.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer, a cut one, 429 or 5xx. The same call with the same key is safe.
    #[error("could not reach the licence service")]
    Unavailable {
        /// What went wrong.
        #[source]
        source: CallError,
        /// When to ask again, if the service said so.
        retry_after: Option<Duration>,
    },
    /// The service refuses.
    #[error("cannot register: the licence service refuses")]
    Refused {
        /// Why.
        code: FailureCode,
        /// The status of the answer.
        #[source]
        source: CallError,
    },
    /// The service accepted, but the answer breaks the contract or the limits, or it is a redirect, or it lacks the keys that an
    /// accepted answer needs.
    #[error("cannot use the answer of the licence service")]
    Unusable(#[source] CallError),
}

impl ApiError {
    /// The stable code.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Unavailable { source, .. } if source.status() == Some(429) => FailureCode::TooManyAttempts,
            Self::Unavailable { .. } => FailureCode::ServiceUnavailable,
            Self::Refused { code, .. } => *code,
            Self::Unusable(_) => FailureCode::InvalidLicenseResponse,
        }
    }

    /// When to ask again, if the service said so.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Refused { .. } | Self::Unusable(_) => None,
        }
    }
}

impl From<CallError> for ApiError {
    fn from(source: CallError) -> Self {
        let retry_after = match &source {
            CallError::NotAsked { retry_after, .. } => Some(*retry_after),
            CallError::Transient { retry_after, .. } => *retry_after,
            CallError::OutcomeUnknown { .. } => None,
            CallError::Unreadable { .. } | CallError::TooLarge { .. } => return Self::Unusable(source),
            CallError::Rejected { status: 300..=399, .. } => return Self::Unusable(source),
            CallError::Rejected { code, .. } => {
                let code = FailureCode::of_service(code.unwrap_or_default());
                return Self::Refused { code, source };
            }
        };
        Self::Unavailable { source, retry_after }
    }
}

/// The licence API at one address.
#[derive(Debug, Clone)]
pub struct LicenseApi {
    caller: Arc<Caller>,
    service: ServiceUrl,
}

impl LicenseApi {
    /// A client with [`LIMITS`]. The TLS provider of the process is installed before.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(service: ServiceUrl) -> Result<Self, SetupError> {
        Self::with_limits(service, LIMITS)
    }

    /// A client with other limits.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn with_limits(service: ServiceUrl, limits: Limits) -> Result<Self, SetupError> {
        Ok(Self { caller: Arc::new(Caller::new(limits)?), service })
    }

    /// Where it calls.
    pub const fn service(&self) -> &ServiceUrl {
        &self.service
    }

    /// `POST /register` with the redemption's own key: a repeat after a lost answer gets the same answer.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn register(&self, request: &RegisterRequest, id: &RedemptionId) -> Result<RegisterAnswer, ApiError> {
        let endpoint = self.service.base().endpoint(&["register"]);
        let call = Call::post(endpoint, Body::json(&request.body()), Want::Body)
            .key(&IdempotencyKey::new(id.as_str()))
            .codes(REGISTER_CODES);
        let reply = self.caller.send(call).await?;
        let wire: RegisterAnswerWire = reply.json()?;
        wire.try_into().map_err(|_| ApiError::Unusable(reply.unreadable()))
    }

    /// `POST /check-in`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn check_in(&self, request: &CheckInRequest) -> Result<CheckInAnswer, ApiError> {
        let endpoint = self.service.base().endpoint(&["check-in"]);
        let call = Call::post(endpoint, Body::json(&request.body()), Want::Body).codes(CHECK_IN_CODES);
        let reply = self.caller.send(call).await?;
        let wire: CheckInAnswerWire = reply.json()?;
        wire.try_into().map_err(|_| ApiError::Unusable(reply.unreadable()))
    }

    /// `GET /keys`: the signed list of keys, unchecked.
    ///
    /// # Errors
    /// See [`ApiError`]; never [`ApiError::Refused`]. A refusal, such as 404 while no list is published, says nothing of a code
    /// or an appliance: it leaves an answer that cannot be verified, and a list that is published later mends that.
    pub async fn keyset(&self) -> Result<String, ApiError> {
        let asked = self.caller.send(Call::get(self.service.base().endpoint(&["keys"]))).await;
        let reply = asked.map_err(|error| match ApiError::from(error) {
            ApiError::Refused { source, .. } => ApiError::Unusable(source),
            error @ (ApiError::Unavailable { .. } | ApiError::Unusable(_)) => error,
        })?;
        let wire: KeysWire = reply.json()?;
        Ok(wire.keyset)
    }
}
