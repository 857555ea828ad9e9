//! Step (d): nothing of an answer is believed before its licence is verified.

use super::error::RedeemError;
use crate::client::LicenseApi;
use crate::installation::{Installation, Standing};
use crate::service::{self, Loopback};
use crate::state::Redemption;
use crate::trust::Verifier;
use crate::wire::{PaidAnswer, RegisterAnswer, RequireLicense};
use model::license::clock::HighestTime;
use model::license::token::{UncheckedToken, VerifiedLicense, VerifyFailure};
use secrecy::ExposeSecret;

/// What verification needs.
pub(super) struct Judge<'a> {
    pub(super) api: &'a LicenseApi,
    pub(super) home: &'a dyn Installation,
    pub(super) verifier: &'a Verifier,
    pub(super) standing: &'a Standing,
    pub(super) loopback: Loopback,
    /// Unix seconds of the system's clock.
    pub(super) now: i64,
}

impl Judge<'_> {
    /// Verifies an answer: tenant, address for check-ins, and the licence with the tenant and the deciding time. Gives the
    /// licence of a paid one.
    pub(super) async fn admit(
        &self,
        redemption: &Redemption,
        answer: &RegisterAnswer,
    ) -> Result<Option<VerifiedLicense>, RedeemError> {
        if redemption.expected_tenant.is_some_and(|expected| expected != answer.tenant) {
            return Err(RedeemError::OtherTenant);
        }
        let Some(paid) = &answer.paid else {
            return match self.home.require_license() {
                RequireLicense::No => Ok(None),
                RequireLicense::Yes => Err(RedeemError::NoLicense),
            };
        };
        if !service::may_check_in_at(self.api.service(), &paid.check_in_url, self.loopback) {
            return Err(RedeemError::OtherService);
        }
        self.license(answer, paid).await.map(Some)
    }

    /// A key that this build does not know may be newer than the build; the service's signed list tells (licensing contract,
    /// section 7: rotation needs no update of an appliance).
    async fn license(&self, answer: &RegisterAnswer, paid: &PaidAnswer) -> Result<VerifiedLicense, RedeemError> {
        let now = HighestTime::stored(self.standing.highest).decide(self.now).now;
        let token = UncheckedToken::new(paid.token.expose_secret());
        let stored = self.verifier.stored_keyset(self.standing.keyset.as_deref(), now);
        match self.verifier.license(&token, stored.as_ref(), answer.tenant, now) {
            Ok(license) => return Ok(license),
            Err(VerifyFailure::UnknownKid) => {}
            Err(failure) => return Err(RedeemError::License(failure)),
        }
        let statement = self.api.keyset().await?;
        let newer = self.verifier.delivered_keyset(&statement, stored.as_ref(), now).map_err(RedeemError::Keyset)?;
        let license = self.verifier.license(&token, newer.as_ref().or(stored.as_ref()), answer.tenant, now);
        let license = license.map_err(RedeemError::License)?;
        self.home.remember_keyset(&statement).await?;
        Ok(license)
    }
}
