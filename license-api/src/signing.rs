//! Licences: what one says for an entitlement, and its signature.

use credentials::KeyId;
use license::signer::{LicenseSigner, SignError, sign_license};
use model::license::claims::{LicenseClaims, TenantId};
use model::license::edition::{Tier, Transport};
use model::license::token::UncheckedToken;
use sha2::{Digest as _, Sha256};
use std::num::NonZeroU64;
use uuid::Uuid;

/// What a licence says, without its times.
#[derive(Clone, PartialEq, Eq)]
pub struct LicenseTerms {
    /// `license_sub`.
    pub subject: String,
    /// Name of the customer.
    pub customer: String,
    /// What may be done.
    pub tier: Tier,
    /// None is unlimited.
    pub seats: Option<NonZeroU64>,
    /// The audience.
    pub tenant: Uuid,
    /// How it is delivered, which decides how long it lasts.
    pub transport: Transport,
}

/// A licence, and what the registry keeps of it.
#[derive(Debug)]
pub struct SignedLicense {
    /// The licence.
    pub token: UncheckedToken,
    /// `iat` in unix seconds.
    pub issued_at: i64,
    /// `exp` in unix seconds.
    pub expires_at: i64,
    /// The key.
    pub kid: KeyId,
    /// `current_claims`.
    pub digest: [u8; 32],
}

impl LicenseTerms {
    /// SHA-256 over what the licence says, without its times: when it differs from the stored one, a licence is signed anew.
    pub fn digest(&self) -> [u8; 32] {
        let seats = self.seats.map(NonZeroU64::get);
        let parts = serde_json::json!([self.subject, self.customer, self.tier.as_str(), seats, self.tenant]);
        Sha256::digest(parts.to_string()).into()
    }

    /// Signs a licence that begins at `issued_at` (unix seconds) and lasts as long as its transport gives.
    ///
    /// # Errors
    /// [`SignError`].
    pub async fn sign(&self, signer: &dyn LicenseSigner, issued_at: i64) -> Result<SignedLicense, SignError> {
        self.sign_until(signer, issued_at, LicenseClaims::expiry(self.transport, issued_at)).await
    }

    /// Signs a licence with given times, as when the one that was signed last is made again.
    ///
    /// # Errors
    /// [`SignError`].
    pub async fn sign_until(
        &self,
        signer: &dyn LicenseSigner,
        issued_at: i64,
        expires_at: i64,
    ) -> Result<SignedLicense, SignError> {
        let claims = LicenseClaims {
            subject: self.subject.clone(),
            customer: self.customer.clone(),
            tier: self.tier,
            seats: self.seats,
            tenant: TenantId::parse(&self.tenant.to_string()).expect("a UUID prints as one"),
            issued_at,
            expires_at,
        };
        let token = sign_license(signer, &claims).await?;
        Ok(SignedLicense { token, issued_at, expires_at, kid: signer.kid().clone(), digest: self.digest() })
    }
}

/// The customer is not shown.
impl std::fmt::Debug for LicenseTerms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LicenseTerms").field("subject", &self.subject).field("tier", &self.tier).finish_non_exhaustive()
    }
}

impl From<SignError> for crate::problem::Problem {
    fn from(error: SignError) -> Self {
        match &error {
            SignError::Unavailable { .. } => {
                tracing::warn!("no licence was signed: {error}");
                Self::unavailable(crate::problem::RETRY_AFTER_SECONDS)
            }
            SignError::Claims(_) | SignError::NotASignature { .. } => {
                tracing::error!("no licence was signed: {error}");
                Self::new(crate::error_code::ErrorCode::Internal)
            }
        }
    }
}
