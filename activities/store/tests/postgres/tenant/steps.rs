//! The steps of a creation, and the requests that they are made of.

use crate::fixture::T0;
use crate::tenant::world::{HASH, SEALED};
use proto::v1 as wire;
use serde_json::{Value, json};
use store::tenant::{AdminRow, Delivery, StoredCredential, TenantError, TenantStore};
use uuid::Uuid;

/// What a step answered.
pub(crate) type Answer = Value;

/// A request for a tenant of the full product that is invoiced by hand.
pub(crate) fn request(origin: &str) -> wire::CreateTenantRequest {
    wire::CreateTenantRequest {
        origin_id: origin.to_owned(),
        now_ms: T0,
        proposed_tenant_id: Uuid::new_v4().to_string(),
        company_name: format!("Company {origin}"),
        client_name: format!("Client {origin}"),
        admin_email: format!("Admin@{origin}.Example"),
        product_code: "psa".to_owned(),
        billing_source: "manual".to_owned(),
        ..wire::CreateTenantRequest::default()
    }
}

/// Sells a subscription to the tenant of a request.
pub(crate) fn with_stripe(mut request: wire::CreateTenantRequest, subscription: &str) -> wire::CreateTenantRequest {
    request.billing_source = "stripe".to_owned();
    request.license_count = 7;
    request.stripe = Some(wire::StripeLinks {
        customer_id: format!("cus_{subscription}"),
        subscription_id: subscription.to_owned(),
        subscription_item_id: format!("si_{subscription}"),
        price_id: "price_solo".to_owned(),
        base_item_id: String::new(),
        base_price_id: String::new(),
    });
    request
}

/// Runs `createTenant` in the run that the origin names.
pub(crate) async fn create(store: &TenantStore, request: &wire::CreateTenantRequest) -> Result<Answer, TenantError> {
    create_in(store, request, &request.origin_id).await
}

/// Runs `createTenant` in another run.
pub(crate) async fn create_in(
    store: &TenantStore,
    request: &wire::CreateTenantRequest,
    workflow_id: &str,
) -> Result<Answer, TenantError> {
    let key = format!("keyed {}", request.admin_email.to_lowercase());
    Ok(json!(store.create(request, &key, workflow_id).await?))
}

/// The writing steps of a creation, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Create,
    Seed,
    Admin,
    SetUp,
    Keep,
    Delivered,
    Complete,
}

impl Step {
    pub(crate) const ALL: [Self; 7] =
        [Self::Create, Self::Seed, Self::Admin, Self::SetUp, Self::Keep, Self::Delivered, Self::Complete];
}

/// One creation, and what its steps have answered.
#[derive(Clone)]
pub(crate) struct Creation {
    pub(crate) request: wire::CreateTenantRequest,
    pub(crate) tenant: Uuid,
    pub(crate) client: Uuid,
    pub(crate) user: Uuid,
}

impl Creation {
    pub(crate) fn new(request: wire::CreateTenantRequest) -> Self {
        Self { request, tenant: Uuid::nil(), client: Uuid::nil(), user: Uuid::nil() }
    }

    /// Takes the ids of an answer.
    pub(crate) fn learn(&mut self, answer: &Answer) {
        for (name, id) in [("tenantId", &mut self.tenant), ("clientId", &mut self.client), ("userId", &mut self.user)] {
            if let Some(text) = answer[name].as_str() {
                *id = text.parse().unwrap();
            }
        }
    }

    pub(crate) fn seeds(&self, now_ms: i64) -> wire::OnboardingSeedsRequest {
        wire::OnboardingSeedsRequest {
            origin_id: self.request.origin_id.clone(),
            now_ms,
            tenant_id: self.tenant.to_string(),
            product_code: self.request.product_code.clone(),
        }
    }

    pub(crate) fn admin(&self, now_ms: i64) -> wire::CreateAdminUserRequest {
        wire::CreateAdminUserRequest {
            origin_id: self.request.origin_id.clone(),
            now_ms,
            tenant_id: self.tenant.to_string(),
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            email: self.request.admin_email.clone(),
            ..wire::CreateAdminUserRequest::default()
        }
    }

    pub(crate) fn settings(&self, now_ms: i64) -> wire::SetupTenantDataRequest {
        wire::SetupTenantDataRequest {
            origin_id: self.request.origin_id.clone(),
            now_ms,
            tenant_id: self.tenant.to_string(),
            admin_user_id: self.user.to_string(),
            client_id: self.client.to_string(),
            ..wire::SetupTenantDataRequest::default()
        }
    }

    pub(crate) fn credential<'a>(&'a self, hash: Option<&'a str>, now_ms: i64) -> StoredCredential<'a> {
        StoredCredential {
            origin_id: &self.request.origin_id,
            activity: "sendWelcomeEmail",
            tenant: self.tenant,
            user: self.user,
            sealed: SEALED,
            hash,
            now_ms,
            at_most: None,
        }
    }

    pub(crate) fn state(&self, state: &str, now_ms: i64) -> wire::RecordCreationRequest {
        wire::RecordCreationRequest {
            origin_id: self.request.origin_id.clone(),
            now_ms,
            tenant_id: self.tenant.to_string(),
            state: state.to_owned(),
            workflow_id: self.request.origin_id.clone(),
            ..wire::RecordCreationRequest::default()
        }
    }

    /// Runs one step.
    pub(crate) async fn run(&self, store: &TenantStore, step: Step, now_ms: i64) -> Result<Answer, TenantError> {
        Ok(match step {
            Step::Create => {
                let request = wire::CreateTenantRequest { now_ms, ..self.request.clone() };
                create(store, &request).await?
            }
            Step::Seed => json!(store.seed(&self.seeds(now_ms)).await?),
            Step::Admin => {
                let request = self.admin(now_ms);
                let row = AdminRow { request: &request, hash: "00:11", password_mac: None };
                json!(store.create_admin(&row).await?)
            }
            Step::SetUp => json!(store.set_up(&self.settings(now_ms)).await?),
            Step::Keep => match store.keep_credential(&self.credential(Some(HASH), now_ms)).await? {
                Delivery::Pending { sealed, .. } => json!({ "sealed": sealed }),
                Delivery::Delivered => json!({}),
                other @ (Delivery::Closed { .. } | Delivery::NoUser | Delivery::TooMany { .. }) => panic!("{other:?}"),
            },
            Step::Delivered => {
                store.delivered(&self.credential(None, now_ms)).await?;
                json!({})
            }
            Step::Complete => {
                store.record(&self.state("completed", now_ms)).await?;
                json!({})
            }
        })
    }
}
