//! Why a redemption stopped.

use crate::client::ApiError;
use crate::code::FailureCode;
use crate::installation::{InstallationError, is_refusal};
use crate::state::StateError;
use model::license::keyset::KeysetFailure;
use model::license::token::VerifyFailure;
use std::time::Duration;

/// Why a redemption stopped. It can be resumed: nothing that was reached is lost. Holds no code, token or credential.
#[derive(Debug, thiserror::Error)]
pub enum RedeemError {
    /// No code was given, and no redemption is under way.
    #[error("cannot redeem: no code was given, and none is stored")]
    NoCode,
    /// The redemption that was named is not the one that is stored: another code took its place.
    #[error("cannot go on with this redemption: another one is stored here")]
    Replaced,
    /// Stored state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The installation.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// The service.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The answer is for another tenant than the local one.
    #[error("cannot use the answer of the licence service: it names another tenant")]
    OtherTenant,
    /// The answer lacks the licence that was required.
    #[error("cannot use the answer of the licence service: it brings no licence")]
    NoLicense,
    /// The answer sends check-ins elsewhere.
    #[error("cannot use the answer of the licence service: it wants check-ins sent to another service")]
    OtherService,
    /// The licence does not verify.
    #[error("cannot use the answer of the licence service: its licence is {0}")]
    License(VerifyFailure),
    /// The keys that the service publishes do not verify.
    #[error("cannot use the keys of the licence service")]
    Keyset(#[source] KeysetFailure),
}

impl RedeemError {
    /// The stable code.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::NoCode => FailureCode::NoClaimCode,
            Self::Replaced => FailureCode::RedemptionReplaced,
            Self::State(error) => code_of_state(error),
            Self::Installation(error) => error.code(),
            Self::Api(error) => error.code(),
            Self::OtherTenant | Self::License(VerifyFailure::WrongTenant) => FailureCode::TenantMismatch,
            Self::NoLicense | Self::OtherService | Self::License(_) | Self::Keyset(_) => {
                FailureCode::InvalidLicenseResponse
            }
        }
    }

    /// When to try again, if the service said so.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after(),
            Self::NoCode
            | Self::Replaced
            | Self::State(_)
            | Self::Installation(_)
            | Self::OtherTenant
            | Self::NoLicense
            | Self::OtherService
            | Self::License(_)
            | Self::Keyset(_) => None,
        }
    }
}

fn code_of_state(error: &StateError) -> FailureCode {
    match error {
        StateError::Permissions
        | StateError::Garbage
        | StateError::Newer
        | StateError::Sealed(_)
        | StateError::Disk { .. } => FailureCode::StateUnusable,
        StateError::Busy => FailureCode::StateBusy,
        StateError::Database(error) if is_refusal(error) => FailureCode::DatabaseRefused,
        StateError::Database(_) => FailureCode::DatabaseUnavailable,
    }
}
