//! The half that runs beside the vendor's systems: it calls the licence API, and mails codes.

#![expect(missing_docs, reason = "the macro of the SDK makes undocumented constants")]

use crate::counters::LicensingCounters;
use crate::failure::{CONFIGURATION, final_failure, of_registry, of_reissue};
use crate::install_mail::{self, Code, MailParts, Receiver, Turn};
use crate::registry::RegistryApi;
use contract::licensing as definition;
use contract::names::install_code_reissue_id;
use contract::sensitive::Sensitive;
use mail::{CodeReason, IdempotencyKey};
use model::license::edition::Edition;
use model::license::wire::install_codes::{ReissueAnswer, ReissueRequest};
use model::license::wire::register_tenant::{RegisterTenantAnswer, RegisterTenantRequest};
use model::license::wire::revoke::{RevokeAnswer, RevokeRequest};
use proto::v1 as wire;
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tenancy::{Now, beating};

/// The activities of the vendor's worker.
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

/// The steps, each one attempt, counted from 1.
impl RegistryActivities {
    /// Puts them together. Without a service secret there is no API, and each step says so.
    pub const fn new(api: Now<Option<RegistryApi>>, mail: MailParts, counters: LicensingCounters) -> Self {
        Self { api, mail, counters }
    }

    /// Registers the tenant of a submission, or finds it.
    ///
    /// # Errors
    /// `registration_rejected`, `configuration`; an outage.
    pub async fn register(
        &self,
        input: &wire::EssentialsRegistrationInput,
        attempt: u32,
    ) -> Result<wire::RegisteredReply, ActivityError> {
        let answer = self.ask_to_register(input, attempt).await?;
        Ok(wire::RegisteredReply { tenant_id: Some(answer.tenant_id), claim_code_id: answer.claim_code_id })
    }

    /// Mails the code of a submission, once for each run of work.
    ///
    /// # Errors
    /// `too_many_mails`, `mail_not_sent`, `code_ended`, `no_code`, and those of [`Self::register`].
    pub async fn mail_registered(
        &self,
        request: &wire::InstallEmailRequest,
        attempt: u32,
    ) -> Result<wire::InstallEmailReply, ActivityError> {
        let input = request.registration.clone().unwrap_or_default();
        let turn = self.turn(&request.origin_id, request.now_ms, attempt);
        let since = install_mail::begin(&self.mail, &turn, &input.contact_email).await?;
        let answer = self.ask_to_register(&input, attempt).await?;
        let reply =
            wire::InstallEmailReply { sent: true, claim_code_id: answer.claim_code_id.clone().unwrap_or_default() };
        let Some(since_ms) = since else { return Ok(reply) };
        let receiver = Receiver {
            tenant_id: &answer.tenant_id,
            company_name: &input.company_name,
            contact_name: &input.contact_name,
            email: &input.contact_email,
        };
        let code = Code {
            code: answer.install_code,
            state: answer.code_state,
            expires_at: answer.expires_at.unwrap_or_default(),
            download_url: match input.download_url.as_str() {
                "" => self.mail.page.download.clone(),
                given => given.to_owned(),
            },
            reason: CodeReason::Registered,
        };
        install_mail::send(&self.mail, &turn, &receiver, code, since_ms).await?;
        Ok(reply)
    }

    /// Keeps a place for the mail of a reissue, before the code that the customer holds is ended for it.
    ///
    /// # Errors
    /// `too_many_mails`, `mail_not_sent`, `registration_rejected`, `configuration`; an outage.
    pub async fn reserve(
        &self,
        request: &wire::ReissueEmailRequest,
        attempt: u32,
    ) -> Result<wire::ReissueEmailReply, ActivityError> {
        let input = request.reissue.clone().unwrap_or_default();
        let contact = self.contact(&input.tenant_id, attempt).await?;
        let turn = self.turn(&request.origin_id, request.now_ms, attempt);
        let since = install_mail::begin(&self.mail, &turn, &contact.contact_email).await?;
        Ok(wire::ReissueEmailReply { sent: since.is_none() })
    }

    /// Ends the codes of a tenant that were not used, and makes a new one. A refusal gives the place of the mail back, and
    /// ends the request: a later try is a request of its own.
    ///
    /// # Errors
    /// `too_many_reissues`, `registration_rejected`, `configuration`; an outage.
    pub async fn replace_code(
        &self,
        request: &wire::ReissueEmailRequest,
        attempt: u32,
    ) -> Result<wire::ReissueReply, ActivityError> {
        let input = request.reissue.clone().unwrap_or_default();
        match self.ask_to_reissue(&input, attempt).await {
            Ok(answer) => {
                let live_appliances = u32::try_from(answer.live_appliances.len()).unwrap_or(u32::MAX);
                Ok(wire::ReissueReply { claim_code_id: answer.claim_code_id, live_appliances })
            }
            Err(error) => {
                let turn = self.turn(&request.origin_id, request.now_ms, attempt);
                Err(install_mail::withdraw(&self.mail, &turn, error).await)
            }
        }
    }

    /// Mails the code of a reissue to the tenant's contact, once for each run of work.
    ///
    /// # Errors
    /// As [`Self::mail_registered`].
    pub async fn mail_reissued(
        &self,
        request: &wire::ReissueEmailRequest,
        attempt: u32,
    ) -> Result<wire::InstallEmailReply, ActivityError> {
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
            state: answer.code_state,
            expires_at: answer.expires_at,
            download_url: self.mail.page.download.clone(),
            reason: CodeReason::Reissued,
        };
        install_mail::send(&self.mail, &turn, &receiver, code, since_ms).await?;
        Ok(reply)
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
        let key = IdempotencyKey::new(&install_code_reissue_id(&input.request_id));
        let answer = self.api()?.post(&["install-codes", "reissue"], &request, Some(&key)).await;
        answer.map_err(|error| of_reissue(&error, attempt))
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

#[activities]
impl RegistryActivities {
    #[activity(definition = definition::RegisterEssentials)]
    pub async fn register_essentials(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: Sensitive<wire::EssentialsRegistrationInput>,
    ) -> Result<wire::RegisteredReply, ActivityError> {
        beating(&ctx, self.register(&input, ctx.info().attempt)).await
    }

    #[activity(definition = definition::DeliverEssentials)]
    pub async fn deliver_essentials(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: Sensitive<wire::InstallEmailRequest>,
    ) -> Result<wire::InstallEmailReply, ActivityError> {
        beating(&ctx, self.mail_registered(&request, ctx.info().attempt)).await
    }

    #[activity(definition = definition::ReserveReissue)]
    pub async fn reserve_reissue(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::ReissueEmailRequest,
    ) -> Result<wire::ReissueEmailReply, ActivityError> {
        beating(&ctx, self.reserve(&request, ctx.info().attempt)).await
    }

    #[activity(definition = definition::Reissue)]
    pub async fn reissue(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::ReissueEmailRequest,
    ) -> Result<wire::ReissueReply, ActivityError> {
        beating(&ctx, self.replace_code(&request, ctx.info().attempt)).await
    }

    #[activity(definition = definition::DeliverReissue)]
    pub async fn deliver_reissue(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::ReissueEmailRequest,
    ) -> Result<wire::InstallEmailReply, ActivityError> {
        beating(&ctx, self.mail_reissued(&request, ctx.info().attempt)).await
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
