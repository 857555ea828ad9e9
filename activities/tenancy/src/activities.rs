//! The activities, one method each.

#![expect(missing_docs, reason = "the macro of the SDK makes undocumented constants")]

use crate::beat::beating;
use crate::counters::TenancyCounters;
use crate::failure::{final_failure, of_store, transient};
use crate::settings::{Now, Outside, Secrets, TenancySettings};
use crate::shop::Telling;
use crate::welcome::{Kind, Letter, Means};
use crate::{billing, identity, shop, welcome};
use contract::names::{TENANT_REPAIR_WORKFLOW, TEST_EMAIL_WORKFLOW};
use contract::sensitive::Sensitive;
use contract::tenancy as definition;
use model::tenant::failure::FailureType;
use proto::v1 as wire;
use std::fmt;
use std::sync::Arc;
use store::tenant::{Administrator, TenantError, TenantStore};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use uuid::Uuid;

/// Creates tenants and tells of them.
pub struct TenancyActivities {
    store: TenantStore,
    settings: TenancySettings,
    secrets: Secrets,
    outside: Now<Outside>,
    counters: TenancyCounters,
}

/// Shows no secret.
impl fmt::Debug for TenancyActivities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenancyActivities")
    }
}

impl TenancyActivities {
    /// Puts them together.
    pub const fn new(
        store: TenantStore,
        settings: TenancySettings,
        secrets: Secrets,
        outside: Now<Outside>,
        counters: TenancyCounters,
    ) -> Self {
        Self { store, settings, secrets, outside, counters }
    }

    fn means(&self, ctx: &ActivityContext) -> Means<'_> {
        Means {
            store: &self.store,
            settings: &self.settings,
            secrets: &self.secrets,
            outside: (self.outside)(),
            counters: &self.counters,
            attempt: ctx.info().attempt,
        }
    }

    fn telling(&self, ctx: &ActivityContext) -> Telling<'_> {
        Telling { store: &self.store, outside: (self.outside)(), counters: &self.counters, attempt: ctx.info().attempt }
    }
}

/// An id of a request.
fn id(text: &str, field: &str) -> Result<Uuid, ActivityError> {
    Uuid::parse_str(text.trim())
        .map_err(|_| final_failure(FailureType::Validation, format!("{field}: NOT_A_UUID"), None))
}

#[activities]
impl TenancyActivities {
    #[activity(definition = definition::FetchStripeDetails)]
    pub async fn fetch_stripe_details(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::FetchStripeDetailsRequest,
    ) -> Result<wire::StripeDetails, ActivityError> {
        beating(&ctx, billing::fetch(&(self.outside)(), &request, ctx.info().attempt)).await
    }

    #[activity(definition = definition::CreateTenant)]
    pub async fn create_tenant(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::CreateTenantRequest,
    ) -> Result<wire::CreateTenantReply, ActivityError> {
        beating(&ctx, async {
            identity::check_lengths(&(self.secrets.hashing)(), &request)?;
            let outside = (self.outside)();
            billing::check(&outside, &request)?;
            let key = identity::address_key(&self.secrets, &request.admin_email);
            let workflow_id = ctx.info().workflow_id.clone().unwrap_or_default();
            let reply = self.store.create(&request, &key, &workflow_id).await.map_err(of_store)?;
            billing::link(&outside, &request, &reply).await;
            Ok(reply)
        })
        .await
    }

    #[activity(definition = definition::RunOnboardingSeeds)]
    pub async fn run_onboarding_seeds(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::OnboardingSeedsRequest,
    ) -> Result<wire::OnboardingSeedsReply, ActivityError> {
        beating(&ctx, async { self.store.seed(&request).await.map_err(of_store) }).await
    }

    #[activity(definition = definition::CreateAdminUser)]
    pub async fn create_admin_user(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: Sensitive<wire::CreateAdminUserRequest>,
    ) -> Result<wire::CreateAdminUserReply, ActivityError> {
        beating(&ctx, identity::create(&self.store, &self.secrets, &self.settings, &request)).await
    }

    #[activity(definition = definition::SetupTenantData)]
    pub async fn setup_tenant_data(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::SetupTenantDataRequest,
    ) -> Result<wire::SetupTenantDataReply, ActivityError> {
        beating(&ctx, async { self.store.set_up(&request).await.map_err(of_store) }).await
    }

    #[activity(definition = definition::ManagementTenant)]
    pub async fn management_tenant(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _request: wire::ManagementTenantRequest,
    ) -> Result<wire::ManagementTenantReply, ActivityError> {
        let tenant_id = self.settings.management_tenant.map(|id| id.to_string()).unwrap_or_default();
        Ok(wire::ManagementTenantReply { tenant_id })
    }

    #[activity(definition = definition::CreateCustomerClient)]
    pub async fn create_customer_client(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::CustomerClientRequest,
    ) -> Result<wire::CustomerClientReply, ActivityError> {
        beating(&ctx, async { self.store.customer_client(&request).await.map_err(of_store) }).await
    }

    #[activity(definition = definition::CreateCustomerContact)]
    pub async fn create_customer_contact(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::CustomerContactRequest,
    ) -> Result<wire::CustomerContactReply, ActivityError> {
        beating(&ctx, async { self.store.customer_contact(&request).await.map_err(of_store) }).await
    }

    #[activity(definition = definition::TagCustomerClient)]
    pub async fn tag_customer_client(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::TagCustomerRequest,
    ) -> Result<wire::TagCustomerReply, ActivityError> {
        beating(&ctx, async { self.store.tag_customer(&request).await.map_err(of_store) }).await
    }

    #[activity(definition = definition::SendWelcomeEmail)]
    pub async fn send_welcome_email(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::WelcomeEmailRequest,
    ) -> Result<wire::WelcomeEmailReply, ActivityError> {
        beating(&ctx, async {
            let (tenant, user) = (id(&request.tenant_id, "tenantId")?, id(&request.admin_user_id, "adminUserId")?);
            // A test mail is written to whom it names; it makes no credential, and production does not register it.
            let is_test = ctx.info().workflow_type.as_deref() == Some(TEST_EMAIL_WORKFLOW);
            let addressee = match is_test {
                true => Administrator {
                    user_id: user,
                    email: request.email.clone(),
                    first_name: request.first_name.clone(),
                    last_name: request.last_name.clone(),
                    tenant_name: request.tenant_name.clone(),
                    product_code: request.product_code.clone(),
                },
                false => {
                    let origin_id = &request.origin_id;
                    self.store.prove_administrator(tenant, user, origin_id).await.map_err(of_store)?;
                    // Whom the row names now: the input is older, and anybody may have written it.
                    match self.store.administrator(tenant, Some(user)).await.map_err(of_store)? {
                        Some(found) => found,
                        None => return Ok(welcome::no_administrator(&self.counters, tenant)),
                    }
                }
            };
            let letter = Letter {
                origin_id: &request.origin_id,
                activity: "sendWelcomeEmail",
                now_ms: request.now_ms,
                tenant,
                tenant_name: &addressee.tenant_name,
                user,
                full_name: format!("{} {}", addressee.first_name, addressee.last_name),
                email: &addressee.email,
                product: &addressee.product_code,
                kind: Kind::First { operator_supplied: request.operator_supplied || is_test },
            };
            welcome::send(&self.means(&ctx), &letter).await
        })
        .await
    }

    #[activity(definition = definition::UpdateCheckoutStatus)]
    pub async fn update_checkout_status(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::CheckoutStatusRequest,
    ) -> Result<wire::OutboundReply, ActivityError> {
        beating(&ctx, shop::status(&self.telling(&ctx), &request)).await
    }

    #[activity(definition = definition::SendShopCallback)]
    pub async fn send_shop_callback(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::ShopCallbackRequest,
    ) -> Result<wire::OutboundReply, ActivityError> {
        beating(&ctx, shop::callback(&self.telling(&ctx), &request)).await
    }

    #[activity(definition = definition::RecordCreation)]
    pub async fn record_creation(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::RecordCreationRequest,
    ) -> Result<wire::RecordCreationReply, ActivityError> {
        beating(&ctx, async {
            let waits = request.state == "repair";
            if waits {
                // Before the write: whoever is alerted must not depend on the database that may be the trouble.
                tracing::error!(
                    tenant.id = %request.tenant_id, step = %request.step, reason = %request.reason,
                    "the creation of tenant {} waits for a repair of {} in {} ({}: {}): see `tenantry tenant repair`",
                    request.tenant_id, request.step, request.workflow_id, request.reason, request.note
                );
            }
            if !request.mail_left_out.is_empty() && ctx.info().attempt == 1 {
                welcome::step_left_out(&self.counters, &request.tenant_id, &request.mail_left_out);
            }
            let successor = ctx.info().workflow_type.as_deref() == Some(TENANT_REPAIR_WORKFLOW);
            let noted = async {
                if successor {
                    self.store.prove_successor(&request).await?;
                }
                self.store.record(&request).await
            };
            match noted.await {
                Ok(()) => Ok(wire::RecordCreationReply {}),
                // The note of a wait is tried for as long as the wait lasts, also where the database refuses it at first.
                Err(error @ TenantError::Store(_)) if waits => Err(transient(error.to_string(), None)),
                Err(error) => Err(of_store(error)),
            }
        })
        .await
    }

    #[activity(definition = definition::FindAdministrator)]
    pub async fn find_administrator(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::AdministratorRequest,
    ) -> Result<wire::AdministratorReply, ActivityError> {
        beating(&ctx, async {
            let tenant = id(&request.tenant_id, "tenantId")?;
            let user = match request.user_id.as_str() {
                "" => None,
                text => Some(id(text, "userId")?),
            };
            let found = self.store.administrator(tenant, user).await.map_err(of_store)?;
            let Some(found) = found else { return Ok(wire::AdministratorReply::default()) };
            Ok(wire::AdministratorReply {
                found: true,
                user_id: found.user_id.to_string(),
                email: found.email,
                first_name: String::new(),
                last_name: String::new(),
                tenant_name: found.tenant_name,
                product_code: found.product_code,
            })
        })
        .await
    }

    #[activity(definition = definition::ResendWelcomeEmail)]
    pub async fn resend_welcome_email(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::ResendCredentialRequest,
    ) -> Result<wire::WelcomeEmailReply, ActivityError> {
        beating(&ctx, async {
            let (tenant, user) = (id(&request.tenant_id, "tenantId")?, id(&request.user_id, "userId")?);
            // Read here, so that no name and no address goes through a history.
            let found = self.store.administrator(tenant, Some(user)).await.map_err(of_store)?;
            let Some(found) = found else { return Ok(welcome::no_administrator(&self.counters, tenant)) };
            let letter = Letter {
                origin_id: &request.origin_id,
                activity: "resendWelcomeEmail",
                now_ms: request.now_ms,
                tenant,
                tenant_name: &found.tenant_name,
                user,
                full_name: format!("{} {}", found.first_name, found.last_name),
                email: &found.email,
                product: &found.product_code,
                kind: Kind::Again,
            };
            welcome::send(&self.means(&ctx), &letter).await
        })
        .await
    }

    #[activity(definition = definition::AuditResend)]
    pub async fn audit_resend(
        self: Arc<Self>,
        ctx: ActivityContext,
        request: wire::AuditResendRequest,
    ) -> Result<wire::AuditResendReply, ActivityError> {
        beating(&ctx, async {
            let written = self.store.audit_resend(&request).await.map_err(of_store)?;
            let skipped = if written { String::new() } else { "NO_BILLING_TENANT".to_owned() };
            Ok(wire::AuditResendReply { skipped })
        })
        .await
    }
}
