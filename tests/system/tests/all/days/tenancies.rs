//! The activities of a creation, each with an answer or without one. A fake: what the real ones write is tested on a real
//! database (`tests/tenants`); here only the workflow's time counts, which the clock of real engines cannot skip.

#![expect(dead_code, reason = "the macro of the SDK makes constants for callers, and ours call by the contract's")]

use super::server::Clock;
use contract::sensitive::Sensitive;
use contract::tenancy as definition;
use model::tenant::failure::TRANSIENT;
use proto::v1 as wire;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use temporalio_macros::activities;
use temporalio_sdk::ApplicationFailure;
use temporalio_sdk::activities::{ActivityContext, ActivityError};

/// The tenant that is created.
pub(super) const TENANT: &str = "aaaaaaaa-0000-4000-8000-000000000002";

/// What answers, and what was asked.
#[derive(Debug, Default)]
pub(super) struct Outside {
    /// Activities whose every try ends without an answer.
    pub(super) silent: BTreeSet<&'static str>,
    /// Every try, with the server's time of it.
    pub(super) tries: Vec<(i64, &'static str)>,
    /// The notes of where the creation stands.
    pub(super) notes: Vec<wire::RecordCreationRequest>,
}

impl Outside {
    /// The times of an activity's tries.
    pub(super) fn times(&self, name: &str) -> Vec<i64> {
        self.tries.iter().filter(|(_, known)| *known == name).map(|(at, _)| *at).collect()
    }
}

/// The activities over it.
#[derive(Clone)]
pub(super) struct Tenancies {
    outside: Arc<Mutex<Outside>>,
    clock: Clock,
}

impl Tenancies {
    pub(super) fn new(clock: Clock) -> Self {
        Self { outside: Arc::default(), clock }
    }

    /// Looks at or changes what answers.
    pub(super) fn outside(&self) -> MutexGuard<'_, Outside> {
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer<T>(&self, name: &'static str, reply: T) -> Result<T, ActivityError> {
        let now = self.clock.now_ms().await?;
        let mut outside = self.outside();
        outside.tries.push((now, name));
        if outside.silent.contains(name) {
            let failure = ApplicationFailure::builder(anyhow::anyhow!("no answer")).type_name(TRANSIENT.to_owned());
            return Err(ActivityError::application(failure.build()));
        }
        Ok(reply)
    }
}

#[activities]
impl Tenancies {
    #[activity(definition = definition::CreateTenant)]
    async fn create_tenant(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::CreateTenantRequest,
    ) -> Result<wire::CreateTenantReply, ActivityError> {
        let (tenant_id, client_id) = (TENANT.to_owned(), "client-1".to_owned());
        self.answer("createTenant", wire::CreateTenantReply { tenant_id, client_id, ..Default::default() }).await
    }

    #[activity(definition = definition::RunOnboardingSeeds)]
    async fn run_onboarding_seeds(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::OnboardingSeedsRequest,
    ) -> Result<wire::OnboardingSeedsReply, ActivityError> {
        self.answer("run_onboarding_seeds", wire::OnboardingSeedsReply::default()).await
    }

    #[activity(definition = definition::CreateAdminUser)]
    async fn create_admin_user(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: Sensitive<wire::CreateAdminUserRequest>,
    ) -> Result<wire::CreateAdminUserReply, ActivityError> {
        let reply = wire::CreateAdminUserReply { user_id: "admin-1".to_owned(), ..Default::default() };
        self.answer("createAdminUser", reply).await
    }

    #[activity(definition = definition::SetupTenantData)]
    async fn setup_tenant_data(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::SetupTenantDataRequest,
    ) -> Result<wire::SetupTenantDataReply, ActivityError> {
        self.answer("setupTenantData", wire::SetupTenantDataReply::default()).await
    }

    #[activity(definition = definition::ManagementTenant)]
    async fn management_tenant(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::ManagementTenantRequest,
    ) -> Result<wire::ManagementTenantReply, ActivityError> {
        let reply = wire::ManagementTenantReply { tenant_id: "management-1".to_owned() };
        self.answer("getManagementTenantId", reply).await
    }

    #[activity(definition = definition::CreateCustomerClient)]
    async fn create_customer_client(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::CustomerClientRequest,
    ) -> Result<wire::CustomerClientReply, ActivityError> {
        let reply = wire::CustomerClientReply { customer_id: "customer-1".to_owned() };
        self.answer("createCustomerClientActivity", reply).await
    }

    #[activity(definition = definition::CreateCustomerContact)]
    async fn create_customer_contact(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::CustomerContactRequest,
    ) -> Result<wire::CustomerContactReply, ActivityError> {
        let reply = wire::CustomerContactReply { contact_id: "contact-1".to_owned() };
        self.answer("createCustomerContactActivity", reply).await
    }

    #[activity(definition = definition::TagCustomerClient)]
    async fn tag_customer_client(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::TagCustomerRequest,
    ) -> Result<wire::TagCustomerReply, ActivityError> {
        self.answer("tagCustomerClientActivity", wire::TagCustomerReply::default()).await
    }

    #[activity(definition = definition::SendWelcomeEmail)]
    async fn send_welcome_email(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::WelcomeEmailRequest,
    ) -> Result<wire::WelcomeEmailReply, ActivityError> {
        let reply = wire::WelcomeEmailReply { email_sent: Some(true), ..Default::default() };
        self.answer("sendWelcomeEmail", reply).await
    }

    #[activity(definition = definition::RecordCreation)]
    async fn record_creation(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::RecordCreationRequest,
    ) -> Result<wire::RecordCreationReply, ActivityError> {
        self.answer("recordCreation", ()).await?;
        self.outside().notes.push(input);
        Ok(wire::RecordCreationReply {})
    }
}
