//! The activities of tenant provisioning. Names are those that operators know (tenant-provisioning contract, sections 3 and 10).

#![expect(clippy::unimplemented, reason = "the macro of the SDK asks for this body")]
#![expect(missing_docs, reason = "the macro generates undocumented associated constants")]

use crate::sensitive::Sensitive;
use proto::v1::{
    AdministratorReply, AdministratorRequest, AuditResendReply, AuditResendRequest, CheckoutStatusRequest,
    CreateAdminUserReply, CreateAdminUserRequest, CreateTenantReply, CreateTenantRequest, CustomerClientReply,
    CustomerClientRequest, CustomerContactReply, CustomerContactRequest, FetchStripeDetailsRequest,
    ManagementTenantReply, ManagementTenantRequest, OnboardingSeedsReply, OnboardingSeedsRequest, OutboundReply,
    RecordCreationReply, RecordCreationRequest, ResendCredentialRequest, SetupTenantDataReply, SetupTenantDataRequest,
    ShopCallbackRequest, StripeDetails, TagCustomerReply, TagCustomerRequest, WelcomeEmailReply, WelcomeEmailRequest,
};
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;

/// Everything that creates a tenant and tells of it.
pub struct Tenancy;

#[activity_definitions]
impl Tenancy {
    /// Reads customer, subscription, licences and address of a checkout.
    #[activity(name = "fetchStripeDetailsFromCheckout")]
    pub fn fetch_stripe_details(_: FetchStripeDetailsRequest) -> Result<StripeDetails, ActivityError> {
        unimplemented!()
    }

    /// Takes the claims and writes the tenant, its client and its billing links, in one transaction.
    #[activity(name = "createTenant")]
    pub fn create_tenant(_: CreateTenantRequest) -> Result<CreateTenantReply, ActivityError> {
        unimplemented!()
    }

    /// Writes roles, permissions, grants and the other rows of a new tenant.
    #[activity(name = "run_onboarding_seeds")]
    pub fn run_onboarding_seeds(_: OnboardingSeedsRequest) -> Result<OnboardingSeedsReply, ActivityError> {
        unimplemented!()
    }

    /// Writes the first administrator. Its input may hold a password, so it is marked for the codec.
    #[activity(name = "createAdminUser")]
    pub fn create_admin_user(_: Sensitive<CreateAdminUserRequest>) -> Result<CreateAdminUserReply, ActivityError> {
        unimplemented!()
    }

    /// Writes the tenant's settings.
    #[activity(name = "setupTenantData")]
    pub fn setup_tenant_data(_: SetupTenantDataRequest) -> Result<SetupTenantDataReply, ActivityError> {
        unimplemented!()
    }

    /// Says which tenant is the vendor's own.
    #[activity(name = "getManagementTenantId")]
    pub fn management_tenant(_: ManagementTenantRequest) -> Result<ManagementTenantReply, ActivityError> {
        unimplemented!()
    }

    /// Writes the vendor's client for a new tenant.
    #[activity(name = "createCustomerClientActivity")]
    pub fn create_customer_client(_: CustomerClientRequest) -> Result<CustomerClientReply, ActivityError> {
        unimplemented!()
    }

    /// Writes the vendor's contact for the administrator.
    #[activity(name = "createCustomerContactActivity")]
    pub fn create_customer_contact(_: CustomerContactRequest) -> Result<CustomerContactReply, ActivityError> {
        unimplemented!()
    }

    /// Tags the vendor's client.
    #[activity(name = "tagCustomerClientActivity")]
    pub fn tag_customer_client(_: TagCustomerRequest) -> Result<TagCustomerReply, ActivityError> {
        unimplemented!()
    }

    /// Makes the credential and sends the welcome mail, once.
    #[activity(name = "sendWelcomeEmail")]
    pub fn send_welcome_email(_: WelcomeEmailRequest) -> Result<WelcomeEmailReply, ActivityError> {
        unimplemented!()
    }

    /// Tells the shop how far a checkout is.
    #[activity(name = "updateCheckoutSessionStatus")]
    pub fn update_checkout_status(_: CheckoutStatusRequest) -> Result<OutboundReply, ActivityError> {
        unimplemented!()
    }

    /// Tells the shop how a creation ended.
    #[activity(name = "sendShopCallback")]
    pub fn send_shop_callback(_: ShopCallbackRequest) -> Result<OutboundReply, ActivityError> {
        unimplemented!()
    }

    /// Records where a creation stands: open, waiting for repair, completed or abandoned.
    #[activity(name = "recordCreation")]
    pub fn record_creation(_: RecordCreationRequest) -> Result<RecordCreationReply, ActivityError> {
        unimplemented!()
    }

    /// Finds the administrator whose welcome mail is sent again.
    #[activity(name = "findAdminUser")]
    pub fn find_administrator(_: AdministratorRequest) -> Result<AdministratorReply, ActivityError> {
        unimplemented!()
    }

    /// Makes a new credential, sends the welcome mail again, and then puts the new hash in force.
    #[activity(name = "resendWelcomeEmail")]
    pub fn resend_welcome_email(_: ResendCredentialRequest) -> Result<WelcomeEmailReply, ActivityError> {
        unimplemented!()
    }

    /// Writes who asked for the mail, and what became of it.
    #[activity(name = "logAuditEvent")]
    pub fn audit_resend(_: AuditResendRequest) -> Result<AuditResendReply, ActivityError> {
        unimplemented!()
    }
}

pub use tenancy::{
    AuditResend, CreateAdminUser, CreateCustomerClient, CreateCustomerContact, CreateTenant, FetchStripeDetails,
    FindAdministrator, ManagementTenant, RecordCreation, ResendWelcomeEmail, RunOnboardingSeeds, SendShopCallback,
    SendWelcomeEmail, SetupTenantData, TagCustomerClient, UpdateCheckoutStatus,
};
