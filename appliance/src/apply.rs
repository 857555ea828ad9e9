//! A licence that somebody pastes: verified for the local tenant, then stored.

use crate::clock::Clock;
use crate::code::FailureCode;
use crate::installation::{Installation, InstallationError};
use crate::trust::Verifier;
use model::license::clock::HighestTime;
use model::license::token::{UncheckedToken, VerifiedLicense, VerifyFailure};
use secrecy::{ExposeSecret, SecretString};

/// Why a licence was not applied. Nothing has changed then, except after a failure of the cluster: the database has the
/// licence, and a repeat writes the Secret too.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It does not verify.
    #[error("cannot apply the licence: it is {0}")]
    License(VerifyFailure),
    /// The installation.
    #[error(transparent)]
    Installation(#[from] InstallationError),
}

impl ApplyError {
    /// The stable code.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::License(VerifyFailure::Expired) => FailureCode::ExpiredLicense,
            Self::License(VerifyFailure::WrongTenant) => FailureCode::TenantMismatch,
            Self::License(
                VerifyFailure::Malformed
                | VerifyFailure::UnknownKid
                | VerifyFailure::BadSignature
                | VerifyFailure::Unbound,
            ) => FailureCode::InvalidLicense,
            Self::Installation(error) => error.code(),
        }
    }
}

/// Verifies signature, times and audience at the deciding time, and writes the licence: the database first, then the Secret
/// (licensing contract, section 8). White space around the text does not count.
///
/// # Errors
/// See [`ApplyError`].
pub async fn apply(
    text: &SecretString,
    home: &dyn Installation,
    verifier: &Verifier,
    clock: &dyn Clock,
) -> Result<VerifiedLicense, ApplyError> {
    let standing = home.standing().await?;
    let tenant = standing.tenant.ok_or(InstallationError::Missing("tenant"))?;
    let highest = HighestTime::stored(standing.highest);
    let system = clock.unix_seconds();
    let now = highest.decide(system).now;
    let token = SecretString::from(text.expose_secret().trim());
    let keyset = verifier.stored_keyset(standing.keyset.as_deref(), now);
    let license = verifier
        .license(&UncheckedToken::new(token.clone()), keyset.as_ref(), tenant, now)
        .map_err(ApplyError::License)?;
    home.apply(&token, highest.seen(system).licensed(&license).seconds()).await?;
    Ok(license)
}
