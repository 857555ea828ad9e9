//! Step (d): nothing of an answer is believed before its licence is verified.

use super::error::RedeemError;
use crate::client::LicenseApi;
use crate::installation::{Installation, Standing};
use crate::service::{self, Loopback};
use crate::state::Redemption;
use crate::trust::Verifier;
use crate::wire::{PaidAnswer, RegisterAnswer, RequireLicense};
use model::license::clock::{ClockState, HighestTime};
use model::license::token::{UncheckedToken, VerifiedLicense, VerifyFailure};
use secrecy::ExposeSecret;

/// A licence that was verified as a fresh answer of the service.
pub(super) struct Verified {
    pub(super) license: VerifiedLicense,
    /// The highest time to go on with, unix seconds. It is the stored one, unless that had run ahead.
    pub(super) highest: i64,
}

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
    /// Verifies an answer: tenant, address for check-ins, and the licence with the tenant and the time. Gives the licence of a
    /// paid one.
    pub(super) async fn admit(
        &self,
        redemption: &Redemption,
        answer: &RegisterAnswer,
    ) -> Result<Option<Verified>, RedeemError> {
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

    /// Verifies the licence at the system's time, and where that lies behind the stored one and does not do, at the stored one.
    ///
    /// The answer has just come from the service over TLS, and its licence was signed for it: a licence that is in force at the
    /// system's time, and does not come from its future, shows that the stored time had run ahead. A refusal here would cost
    /// the code, because the service has consumed it. So the stored time goes back, as after a check-in (licensing contract,
    /// L-18), never below what the service signed. A clock that was set back does not do for it: the fresh licence comes from
    /// its future, the stored time decides, and that stays.
    ///
    /// Somebody who sets the clock back and plays an old answer in again would revive its licence. TLS keeps others from
    /// answering; the service itself answers an earlier success only to the same idempotency key and only for some days
    /// (`replay_until`, less than the life of a licence); and an answer that was stored is not judged again.
    async fn license(&self, answer: &RegisterAnswer, paid: &PaidAnswer) -> Result<Verified, RedeemError> {
        let highest = HighestTime::stored(self.standing.highest);
        let deciding = highest.decide(self.now);
        if let ClockState::Behind { seconds } = deciding.state
            && let Ok(license) = self.license_at(answer, paid, self.now).await
        {
            let healed = HighestTime::checked_in(self.now).licensed(&license).seconds();
            tracing::warn!(seconds, "the highest time seen was {seconds} s ahead of a fresh licence: it is set back");
            self.home.set_time(healed).await?;
            return Ok(Verified { license, highest: healed });
        }
        let license = self.license_at(answer, paid, deciding.now).await?;
        Ok(Verified { license, highest: highest.seconds() })
    }

    /// A key that this build does not know may be newer than the build; the service's signed list tells (licensing contract,
    /// section 7: rotation needs no update of an appliance).
    async fn license_at(
        &self,
        answer: &RegisterAnswer,
        paid: &PaidAnswer,
        now: i64,
    ) -> Result<VerifiedLicense, RedeemError> {
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
