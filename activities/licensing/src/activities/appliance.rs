//! The half that runs on an appliance.

#![expect(missing_docs, reason = "the macro of the SDK makes undocumented constants")]

use crate::failure::of_code;
use crate::site::Site;
use appliance::check_in::Outcome;
use appliance::code::FailureCode;
use appliance::redeem::{Given, Redeemed, Until};
use contract::licensing::{self as definition, CheckInResult};
use contract::sensitive::Sensitive;
use model::license::install_code::InstallCode;
use model::time::iso8601;
use proto::v1 as wire;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tenancy::beating;

/// The activities of an appliance's own worker.
#[derive(Debug)]
pub struct ApplianceActivities {
    site: Site,
}

impl ApplianceActivities {
    /// Works on this appliance.
    pub const fn new(site: Site) -> Self {
        Self { site }
    }

    /// Admits a code, or the reference of a redemption that was prepared before, and persists the redemption.
    ///
    /// # Errors
    /// `plaintext_refused`, or the code of section 8 of the licensing contract.
    pub async fn prepare_redemption(
        &self,
        request: &wire::PrepareRedemptionRequest,
    ) -> Result<wire::PreparedRedemption, ActivityError> {
        self.site.admit(request.protected)?;
        let malformed = |_| of_code(FailureCode::InvalidClaimCode, None);
        let given = match request.claim_code.trim() {
            "" => Given::Reference(request.request_ref.clone()),
            text => Given::Code(InstallCode::parse(text).map_err(malformed)?),
        };
        let reached = self.site.redeem_until(given, Until::Prepared).await?;
        Ok(wire::PreparedRedemption {
            request_ref: reached.reference,
            appliance_id: reached.appliance_id.as_str().to_owned(),
        })
    }
}

#[activities]
impl ApplianceActivities {
    #[activity(definition = definition::Prepare)]
    pub async fn prepare(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: Sensitive<wire::PrepareRedemptionRequest>,
    ) -> Result<wire::PreparedRedemption, ActivityError> {
        beating(&ctx, self.prepare_redemption(&request)).await
    }

    #[activity(definition = definition::Redeem)]
    pub async fn redeem(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::RedemptionStepRequest,
    ) -> Result<wire::RedemptionStepReply, ActivityError> {
        beating(&ctx, step(&self.site, request, Until::Answered)).await
    }

    #[activity(definition = definition::Store)]
    pub async fn store(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::RedemptionStepRequest,
    ) -> Result<wire::RedemptionStepReply, ActivityError> {
        beating(&ctx, step(&self.site, request, Until::InDatabase)).await
    }

    #[activity(definition = definition::UpdateSecret)]
    pub async fn update_secret(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::RedemptionStepRequest,
    ) -> Result<wire::RedemptionStepReply, ActivityError> {
        beating(&ctx, step(&self.site, request, Until::InSecrets)).await
    }

    #[activity(definition = definition::Confirm)]
    pub async fn confirm(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::RedemptionStepRequest,
    ) -> Result<wire::RedeemResult, ActivityError> {
        beating(&ctx, async { self.site.redeem(Given::Reference(request.request_ref)).await.map(result) }).await
    }

    #[activity(definition = definition::Apply)]
    pub async fn apply(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: Sensitive<wire::ApplyRequest>,
    ) -> Result<wire::ApplyResult, ActivityError> {
        beating(&ctx, async {
            self.site.admit(request.protected)?;
            let text = match request.license_key.trim() {
                "" => self.site.mounted(&request.request_ref)?,
                text => SecretString::from(text),
            };
            if text.expose_secret().trim().is_empty() {
                return Err(of_code(FailureCode::InvalidLicense, None));
            }
            let license = self.site.apply(&text).await?;
            Ok(wire::ApplyResult {
                edition: Some(license.tier().as_str().to_owned()),
                expires_at: Some(rfc3339(license.expires_at())),
            })
        })
        .await
    }

    #[activity(definition = definition::CheckIn)]
    pub async fn check_in(
        self: Arc<Self>,
        ctx: ActivityContext,
        _request: wire::CheckInRequest,
    ) -> Result<CheckInResult, ActivityError> {
        let outcome = beating(&ctx, self.site.check_in()).await?;
        let detail = match &outcome {
            Outcome::Error { code, detail } => Some(format!("{}: {detail}", code.as_str())),
            Outcome::NotSelfHost
            | Outcome::NotConnected
            | Outcome::Refreshed { .. }
            | Outcome::Unchanged { .. }
            | Outcome::Revoked { .. } => None,
        };
        Ok(CheckInResult { outcome: outcome.as_str().to_owned(), exp: outcome.expires_at(), detail })
    }
}

async fn step(
    site: &Site,
    request: wire::RedemptionStepRequest,
    until: Until,
) -> Result<wire::RedemptionStepReply, ActivityError> {
    let reached = site.redeem_until(Given::Reference(request.request_ref), until).await?;
    Ok(wire::RedemptionStepReply { stage: reached.stage.to_owned() })
}

fn result(redeemed: Redeemed) -> wire::RedeemResult {
    let summary = redeemed.summary;
    wire::RedeemResult {
        edition: Some(summary.edition.as_str().to_owned()),
        tenant_id: Some(summary.tenant.to_string()),
        appliance_id: Some(redeemed.appliance_id.as_str().to_owned()),
        check_in_url: summary.check_in_url,
        expires_at: summary.expires_at.map(rfc3339),
    }
}

/// A time of a licence as results spell it (RFC 3339, UTC).
fn rfc3339(unix_seconds: i64) -> String {
    iso8601(unix_seconds.saturating_mul(1000))
}
