//! The check-in: the service is asked for a newer licence, and what it answers is verified before anything is stored.

use crate::client::{ApiError, LicenseApi};
use crate::clock::Clock;
use crate::code::FailureCode;
use crate::installation::{CheckedIn, Installation, InstallationError, LICENSE_ROW, Standing};
use crate::trust::Verifier;
use crate::wire::{CheckInAnswer, CheckInRequest, CheckInVerdict};
use data_encoding::BASE64URL_NOPAD;
use model::license::claims::{PERPETUAL_FROM, is_ahead};
use model::license::clock::{ClockState, HighestTime};
use model::license::keyset::{Keyset, KeysetFailure};
use model::license::token::{UncheckedToken, VerifiedLicense, VerifyFailure};
use secrecy::SecretString;
use serde::Deserialize;
use std::fmt;
use uuid::Uuid;

/// How a check-in ended. The words are those of the licensing contract, section 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There is no row of licence state here.
    NotSelfHost,
    /// There is no credential.
    NotConnected,
    /// A newer licence is stored.
    Refreshed {
        /// Its `exp`, unix seconds.
        expires_at: i64,
    },
    /// The stored licence stays.
    Unchanged {
        /// Its `exp`, unix seconds; `None` when the stored licence does not verify.
        expires_at: Option<i64>,
    },
    /// The entitlement has ended. The stored licence stays until it expires.
    Revoked {
        /// Its `exp`, unix seconds; `None` when the stored licence does not verify.
        expires_at: Option<i64>,
    },
    /// A repeat does not help. Nothing has changed.
    Error {
        /// Why.
        code: FailureCode,
        /// What is wrong with the answer, in one word or two.
        detail: &'static str,
    },
}

impl Outcome {
    /// The word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotSelfHost => "not_self_host",
            Self::NotConnected => "not_connected",
            Self::Refreshed { .. } => "refreshed",
            Self::Unchanged { .. } => "unchanged",
            Self::Revoked { .. } => "revoked",
            Self::Error { .. } => "error",
        }
    }

    /// `exp` of the licence that counts now, unix seconds.
    pub const fn expires_at(&self) -> Option<i64> {
        match self {
            Self::Refreshed { expires_at } => Some(*expires_at),
            Self::Unchanged { expires_at } | Self::Revoked { expires_at } => *expires_at,
            Self::NotSelfHost | Self::NotConnected | Self::Error { .. } => None,
        }
    }
}

/// Why a check-in did not end. A repeat may help; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum CheckInError {
    /// The service.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The installation.
    #[error(transparent)]
    Installation(#[from] InstallationError),
}

impl CheckInError {
    /// The stable code.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Api(error) => error.code(),
            Self::Installation(error) => error.code(),
        }
    }
}

/// What the installation holds when it checks in. `Debug` shows the tenant only.
#[derive(Clone)]
pub struct Held {
    /// The tenant.
    pub tenant: Uuid,
    /// The credential.
    pub credential: SecretString,
    /// The stored licence.
    pub token: Option<SecretString>,
    /// The highest time ever seen, unix seconds.
    pub highest: i64,
    /// The stored statement.
    pub keyset: Option<String>,
}

impl Held {
    /// What a standing holds; `None` when there is no credential, or no tenant to verify a licence for.
    pub fn of(standing: Standing) -> Option<Self> {
        Some(Self {
            tenant: standing.tenant?,
            credential: standing.credential?,
            token: standing.token,
            highest: standing.highest,
            keyset: standing.keyset,
        })
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// Reads the installation, as the first half of a check-in: the second needs the service's address, which can depend on it.
///
/// # Errors
/// An outcome that is final; or the installation's own error.
pub async fn held(home: &dyn Installation) -> Result<Result<Standing, Outcome>, CheckInError> {
    match home.standing().await {
        Ok(standing) if standing.credential.is_none() => Ok(Err(Outcome::NotConnected)),
        Ok(standing) => Ok(Ok(standing)),
        Err(InstallationError::Missing(_)) => Ok(Err(Outcome::NotSelfHost)),
        // Which of two rows counts is not ours to guess, and a repeat does not help.
        Err(InstallationError::Duplicate(what)) => {
            Ok(Err(Outcome::Error { code: FailureCode::NotSelfHost, detail: more_than_one(what) }))
        }
        Err(error) => Err(error.into()),
    }
}

/// The sentence of [`InstallationError::Duplicate`].
fn more_than_one(what: &str) -> &'static str {
    match what {
        LICENSE_ROW => "cannot act on the licence: there is more than one row of licence state here",
        _ => "cannot act on the licence: there is more than one tenant here",
    }
}

/// One exchange with the service.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// Where the licence is.
    pub home: &'a dyn Installation,
    /// The service.
    pub api: &'a LicenseApi,
    /// The keys.
    pub verifier: &'a Verifier,
    /// The clock.
    pub clock: &'a dyn Clock,
}

impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("api", &self.api).finish_non_exhaustive()
    }
}

impl Exchange<'_> {
    /// Asks, verifies, stores. Whatever cannot be verified changes nothing (licensing contract, L-11); a revocation keeps the
    /// licence (section 9.6).
    ///
    /// # Errors
    /// See [`CheckInError`].
    pub async fn run(&self, held: &Held) -> Result<Outcome, CheckInError> {
        let system = self.clock.unix_seconds();
        let highest = HighestTime::stored(held.highest);
        let deciding = highest.decide(system);
        if let ClockState::Behind { seconds } = deciding.state {
            tracing::warn!(seconds, "the clock is {seconds} s behind the highest time seen: that time decides");
        }
        let highest = highest.seen(system);
        self.home.remember_time(highest.seconds()).await?;
        let keyset = self.verifier.stored_keyset(held.keyset.as_deref(), deciding.now);
        let stored = self.stored_license(held, keyset.as_ref(), deciding.now);
        let request = CheckInRequest {
            credential: held.credential.clone(),
            current_sub: stored.as_ref().map(|license| license.subject().to_owned()),
            current_exp: stored.as_ref().map(VerifiedLicense::expires_at),
        };
        let answer = match self.api.check_in(&request).await {
            Ok(answer) => answer,
            Err(error) => return refusal(error),
        };
        let judged = Judged { exchange: self, held, stored: stored.as_ref(), keyset, deciding: deciding.now };
        match judged.admit(&answer) {
            Ok(Admitted { outcome, token, statement }) => {
                let issued = last_issue(token.as_ref().map(|(_, license)| license), stored.as_ref());
                // The server's time replaces what was stored, so that a clock that once ran ahead heals; never below what
                // the service itself signed.
                let highest = answer.now.map_or(highest, HighestTime::checked_in).seen(issued).seconds();
                let change = CheckedIn {
                    credential: held.credential.clone(),
                    previous: held.token.clone(),
                    token: token.map(|(token, _)| token),
                    at: answer.now.unwrap_or(system),
                    highest,
                    keyset: statement,
                };
                self.home.checked_in(&change).await?;
                Ok(outcome)
            }
            Err(fault) => {
                tracing::warn!(detail = fault.1, "the answer of the licence service is not used: {}", fault.1);
                Ok(Outcome::Error { code: fault.0, detail: fault.1 })
            }
        }
    }

    /// The stored licence, if it is authentic. One that has expired is verified at its own end: its subject and its `iat`
    /// still say what may follow it.
    fn stored_license(&self, held: &Held, keyset: Option<&Keyset>, now: i64) -> Option<VerifiedLicense> {
        let token = UncheckedToken::new(held.token.clone()?);
        let verify = |at| self.verifier.license(&token, keyset, held.tenant, at);
        match verify(now) {
            Ok(license) => Some(license),
            Err(VerifyFailure::Expired) => verify(end_of(token.expose())?).ok(),
            Err(_) => None,
        }
    }
}

/// The later of the two issue times, 0 without a licence.
fn last_issue(new: Option<&VerifiedLicense>, stored: Option<&VerifiedLicense>) -> i64 {
    new.or(stored).map_or(0, VerifiedLicense::issued_at)
}

/// `exp` of a token that has not been verified, to choose the time of its verification.
fn end_of(token: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct End {
        exp: i64,
    }
    let payload = BASE64URL_NOPAD.decode(token.split('.').nth(1)?.as_bytes()).ok()?;
    serde_json::from_slice::<End>(&payload).ok().map(|end| end.exp)
}

/// What the service did not answer with 2xx: trouble is for a repeat, a refusal and 429 are an outcome (licensing contract,
/// section 8).
fn refusal(error: ApiError) -> Result<Outcome, CheckInError> {
    let code = error.code();
    if code == FailureCode::ServiceUnavailable {
        return Err(error.into());
    }
    Ok(Outcome::Error { code, detail: code.as_str() })
}

/// A fault of an answer: its code and a word or two.
type Fault = (FailureCode, &'static str);

/// What an answer is held against.
struct Judged<'a> {
    exchange: &'a Exchange<'a>,
    held: &'a Held,
    stored: Option<&'a VerifiedLicense>,
    keyset: Option<Keyset>,
    /// Unix seconds.
    deciding: i64,
}

/// What of an answer may be stored.
struct Admitted {
    outcome: Outcome,
    token: Option<(SecretString, VerifiedLicense)>,
    statement: Option<String>,
}

impl Judged<'_> {
    fn admit(&self, answer: &CheckInAnswer) -> Result<Admitted, Fault> {
        // The time is stored and decides about every expiry from then on. At 2100 and later licences count as perpetual.
        if answer.now.is_some_and(|now| now >= PERPETUAL_FROM) {
            return Err((FailureCode::InvalidLicenseResponse, "a time of the year 2100 or later"));
        }
        // The server's time, where it tells one: after the own clock was set back, or had run ahead, the newest licence of
        // the service would otherwise look as if it came from the future, or had expired.
        let now = answer.now.unwrap_or(self.deciding);
        if self.stored.is_some_and(|stored| is_ahead(stored.issued_at(), now)) {
            return Err((FailureCode::InvalidLicenseResponse, "a time before the stored licence"));
        }
        let newer = match &answer.keyset {
            Some(statement) => self.statement(statement, now)?,
            None => None,
        };
        let statement = newer.as_ref().and(answer.keyset.clone());
        let expires_at = self.stored.map(VerifiedLicense::expires_at);
        let (outcome, token) = match &answer.verdict {
            CheckInVerdict::Ok { token } => {
                let license = self.license(token, newer.as_ref().or(self.keyset.as_ref()), now)?;
                let expires_at = license.expires_at();
                (Outcome::Refreshed { expires_at }, Some((SecretString::from(token.as_str()), license)))
            }
            CheckInVerdict::NoChange => (Outcome::Unchanged { expires_at }, None),
            CheckInVerdict::Revoked => (Outcome::Revoked { expires_at }, None),
        };
        Ok(Admitted { outcome, token, statement })
    }

    fn license(&self, token: &str, keyset: Option<&Keyset>, now: i64) -> Result<VerifiedLicense, Fault> {
        let license = self.exchange.verifier.license(&UncheckedToken::new(token), keyset, self.held.tenant, now);
        let license = license.map_err(|failure| match failure {
            VerifyFailure::WrongTenant => (FailureCode::TenantMismatch, failure.as_str()),
            VerifyFailure::Malformed
            | VerifyFailure::UnknownKid
            | VerifyFailure::BadSignature
            | VerifyFailure::Expired
            | VerifyFailure::Unbound => (FailureCode::InvalidLicenseResponse, failure.as_str()),
        })?;
        if self.stored.is_some_and(|stored| license.issued_at() < stored.issued_at()) {
            return Err((FailureCode::InvalidLicenseResponse, "older than the stored licence"));
        }
        Ok(license)
    }

    /// A statement that is late, or signed by a root key that this build does not know, is left aside: older appliances do
    /// without it (licensing contract, section 7). One that is forged or reaches too far spoils the answer.
    fn statement(&self, text: &str, now: i64) -> Result<Option<Keyset>, Fault> {
        match self.exchange.verifier.delivered_keyset(text, self.keyset.as_ref(), now) {
            Ok(newer) => Ok(newer),
            Err(
                KeysetFailure::Older { .. }
                | KeysetFailure::Unverified(VerifyFailure::UnknownKid | VerifyFailure::Expired),
            ) => Ok(None),
            Err(
                KeysetFailure::Unverified(_) | KeysetFailure::TooFar { .. } | KeysetFailure::ReplacesBuiltIn { .. },
            ) => Err((FailureCode::InvalidLicenseResponse, "a keyset that is not valid")),
        }
    }
}
