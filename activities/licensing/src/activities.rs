//! The activities, one method each.

#![expect(missing_docs, reason = "the macro of the SDK makes undocumented constants")]

use crate::counters::LicensingCounters;
use crate::failure::{CONFIGURATION, final_failure, of_code, of_registry};
use crate::install_mail::{self, Code, MailParts, Receiver, Turn};
use crate::registry::RegistryApi;
use crate::site::Site;
use appliance::check_in::Outcome;
use appliance::code::FailureCode;
use appliance::redeem::{Given, Redeemed, Until};
use contract::licensing::{self as definition, CheckInResult};
use contract::sensitive::Sensitive;
use mail::{CodeReason, IdempotencyKey};
use model::license::edition::Edition;
use model::license::install_code::InstallCode;
use model::license::wire::install_codes::{ReissueAnswer, ReissueRequest};
use model::license::wire::register_tenant::{RegisterTenantAnswer, RegisterTenantRequest};
use model::license::wire::revoke::{RevokeAnswer, RevokeRequest};
use model::time::iso8601;
use proto::v1 as wire;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tenancy::{Now, beating};

/// The half that calls the licence API beside the vendor's systems.
pub struct RegistryActivities {
    api: Now<Option<RegistryApi>>,
    mail: MailParts,
    counters: LicensingCounters,
}

impl fmt::Debug for RegistryActivities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistryActivities")
    }
}

impl RegistryActivities {
    /// Puts them together. Without a service secret there is no API, and each step says so.
    pub const fn new(api: Now<Option<RegistryApi>>, mail: MailParts, counters: LicensingCounters) -> Self {
        Self { api, mail, counters }
    }

    fn api(&self) -> Result<RegistryApi, ActivityError> {
        (self.api)().ok_or_else(|| {
            let text =
                "ALGA_LICENSE_SERVICE_SECRET: is needed on a worker that registers tenants; set it, then start again";
            final_failure(CONFIGURATION, text)
        })
    }

    async fn ask_to_register(
        &self,
        input: &wire::EssentialsRegistrationInput,
        attempt: u32,
    ) -> Result<RegisterTenantAnswer, ActivityError> {
        let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let request = RegisterTenantRequest {
            company_name: input.company_name.clone(),
            contact_email: input.contact_email.clone(),
            edition: Edition::Essentials.as_str().to_owned(),
            contact_name: given(&input.contact_name),
            submission_id: Some(input.submission_id.clone()),
            ..RegisterTenantRequest::default()
        };
        // The submission is the entity's own key: every repeat finds the same tenant and code.
        let answer = self.api()?.post(&["register-tenant"], &request, None).await;
        answer.map_err(|error| of_registry(&error, attempt))
    }

    async fn ask_to_reissue(&self, input: &wire::ReissueInput, attempt: u32) -> Result<ReissueAnswer, ActivityError> {
        let request =
            ReissueRequest { tenant_id: Some(input.tenant_id.trim().to_owned()), ..ReissueRequest::default() };
        let key = IdempotencyKey::new(&contract::names::install_code_reissue_id(&input.request_id));
        let answer = self.api()?.post(&["install-codes", "reissue"], &request, Some(&key)).await;
        answer.map_err(|error| of_registry(&error, attempt))
    }

    /// Whom a tenant's mails go to.
    async fn contact(&self, tenant_id: &str, attempt: u32) -> Result<Contact, ActivityError> {
        let shown: Result<Shown, _> = self.api()?.get(&["tenants", tenant_id.trim()], &[]).await;
        shown.map(|shown| shown.tenant).map_err(|error| of_registry(&error, attempt))
    }

    fn turn<'a>(&'a self, origin_id: &'a str, now_ms: i64, attempt: u32) -> Turn<'a> {
        Turn { origin_id, now_ms, attempt, counters: &self.counters }
    }
}

/// `GET /tenants/{id}`, as far as mails need it.
#[derive(Deserialize)]
struct Shown {
    tenant: Contact,
}

#[derive(Deserialize)]
struct Contact {
    company_name: String,
    contact_email: String,
    contact_name: Option<String>,
}

#[activities]
impl RegistryActivities {
    #[activity(definition = definition::RegisterEssentials)]
    pub async fn register_essentials(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Sensitive<wire::EssentialsRegistrationInput>,
    ) -> Result<wire::RegisteredReply, ActivityError> {
        beating(&ctx, async {
            let answer = self.ask_to_register(&input, ctx.info().attempt).await?;
            Ok(wire::RegisteredReply { tenant_id: Some(answer.tenant_id), claim_code_id: answer.claim_code_id })
        })
        .await
    }

    #[activity(definition = definition::DeliverEssentials)]
    pub async fn deliver_essentials(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: Sensitive<wire::InstallEmailRequest>,
    ) -> Result<wire::InstallEmailReply, ActivityError> {
        beating(&ctx, async {
            let attempt = ctx.info().attempt;
            let input = request.registration.clone().unwrap_or_default();
            let turn = self.turn(&request.origin_id, request.now_ms, attempt);
            let since = install_mail::begin(&self.mail, &turn, &input.contact_email).await?;
            let answer = self.ask_to_register(&input, attempt).await?;
            let reply =
                wire::InstallEmailReply { sent: true, claim_code_id: answer.claim_code_id.clone().unwrap_or_default() };
            let Some(since_ms) = since else { return Ok(reply) };
            if let Some(state) = &answer.code_state {
                return Err(install_mail::ended(&self.mail, &turn, state).await);
            }
            let receiver = Receiver {
                tenant_id: &answer.tenant_id,
                company_name: &input.company_name,
                contact_name: &input.contact_name,
                email: &input.contact_email,
            };
            let code = Code {
                code: answer.install_code,
                expires_at: answer.expires_at.unwrap_or_default(),
                download_url: match input.download_url.as_str() {
                    "" => self.mail.page.download.clone(),
                    given => given.to_owned(),
                },
                reason: CodeReason::Registered,
            };
            install_mail::send(&self.mail, &turn, &receiver, code, since_ms).await?;
            Ok(reply)
        })
        .await
    }

    #[activity(definition = definition::Reissue)]
    pub async fn reissue(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: wire::ReissueInput,
    ) -> Result<wire::ReissueReply, ActivityError> {
        beating(&ctx, async {
            let answer = self.ask_to_reissue(&input, ctx.info().attempt).await?;
            let live_appliances = u32::try_from(answer.live_appliances.len()).unwrap_or(u32::MAX);
            Ok(wire::ReissueReply { claim_code_id: answer.claim_code_id, live_appliances })
        })
        .await
    }

    #[activity(definition = definition::DeliverReissue)]
    pub async fn deliver_reissue(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::ReissueEmailRequest,
    ) -> Result<wire::InstallEmailReply, ActivityError> {
        beating(&ctx, async {
            let attempt = ctx.info().attempt;
            let input = request.reissue.clone().unwrap_or_default();
            let contact = self.contact(&input.tenant_id, attempt).await?;
            let turn = self.turn(&request.origin_id, request.now_ms, attempt);
            let since = install_mail::begin(&self.mail, &turn, &contact.contact_email).await?;
            let answer = self.ask_to_reissue(&input, attempt).await?;
            let reply = wire::InstallEmailReply { sent: true, claim_code_id: answer.claim_code_id.clone() };
            let Some(since_ms) = since else { return Ok(reply) };
            let receiver = Receiver {
                tenant_id: input.tenant_id.trim(),
                company_name: &contact.company_name,
                contact_name: contact.contact_name.as_deref().unwrap_or_default(),
                email: &contact.contact_email,
            };
            let code = Code {
                code: answer.install_code,
                expires_at: answer.expires_at,
                download_url: self.mail.page.download.clone(),
                reason: CodeReason::Reissued,
            };
            install_mail::send(&self.mail, &turn, &receiver, code, since_ms).await?;
            Ok(reply)
        })
        .await
    }

    #[activity(definition = definition::Revoke)]
    pub async fn revoke(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: wire::RevocationInput,
    ) -> Result<wire::RevocationReply, ActivityError> {
        beating(&ctx, async {
            let request = RevokeRequest { stripe_sub_id: input.stripe_sub_id.clone(), appliance_id: None };
            let answer: Result<RevokeAnswer, _> = self.api()?.post(&["revoke"], &request, None).await;
            let answer = answer.map_err(|error| of_registry(&error, ctx.info().attempt))?;
            Ok(wire::RevocationReply { codes_revoked: answer.codes_revoked })
        })
        .await
    }
}

/// The half that runs on an appliance.
#[derive(Debug)]
pub struct ApplianceActivities {
    site: Site,
}

impl ApplianceActivities {
    /// Works on this appliance.
    pub const fn new(site: Site) -> Self {
        Self { site }
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
        beating(&ctx, async {
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
        })
        .await
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
