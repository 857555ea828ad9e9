//! Tenant provisioning in the database. Every step is one transaction together with its row of the ledger.
//!
//! A repeat of a step finds its row and answers what was answered before; a repeat with another input is refused. No error of
//! a statement is caught inside a transaction that goes on. Steps of one creation have one writer at a time.

mod address;
mod admin;
mod adopt;
mod billing;
mod claims;
mod create;
mod creations;
mod credential;
mod customers;
mod error;
mod install_mail;
mod ledger;
mod read;
mod seed;
mod settings;
pub mod sql;

pub use admin::AdminRow;
pub use creations::{CreationDetail, CreationEvent, CreationSummary};
pub use credential::{AtMost, Delivery, StoredCredential};
pub use error::TenantError;
pub use install_mail::{InstallMail, MailState};
pub use read::Administrator;

use crate::db;
use crate::error::StoreError;
use proto::v1 as wire;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Longest transaction of one step: below the heartbeat timeout of its activity, so that no try goes on behind the next.
const STEP_TIMEOUT: Duration = Duration::from_secs(9);

/// What the steps need to know beside the database.
#[derive(Debug, Clone, Default)]
pub struct TenantSettings {
    /// `MASTER_BILLING_TENANT_ID`: whose Stripe products and prices count, and whose audit log is written.
    pub billing_tenant: Option<Uuid>,
}

/// The steps, under the worker's database role. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TenantStore {
    pool: PgPool,
    settings: TenantSettings,
    /// Whether `stripe_subscriptions` has a column for the item: a matter of the installation, so it is asked once per process.
    item_column: Arc<OnceCell<bool>>,
}

/// Runs one piece of work on a connection of its own, within the time of a step.
macro_rules! on_connection {
    ($store:expr, $during:literal, |$conn:ident| $work:expr) => {{
        let mut conn = db::acquire(&$store.pool).await.map_err(TenantError::from)?;
        let answer = {
            let $conn: &mut PgConnection = &mut conn;
            tokio::time::timeout(STEP_TIMEOUT, $work).await
        };
        error::settle($during, conn, answer).await
    }};
}

impl TenantStore {
    /// Works on this pool, which should come from [`crate::pool`].
    pub fn new(pool: PgPool, settings: TenantSettings) -> Self {
        Self { pool, settings, item_column: Arc::default() }
    }

    /// Begins a mail with an install code, or answers what became of it.
    ///
    /// # Errors
    /// The database's own.
    pub async fn begin_install_mail(&self, mail: &InstallMail<'_>) -> Result<MailState, TenantError> {
        on_connection!(self, "begin the install mail", |conn| install_mail::begin(conn, mail))
    }

    /// Records that it was sent, or with `why` that it will not be.
    ///
    /// # Errors
    /// The database's own.
    pub async fn end_install_mail(&self, origin_id: &str, why: &str) -> Result<(), TenantError> {
        on_connection!(self, "end the install mail", |conn| install_mail::end(conn, origin_id, why))
    }

    /// Takes the claims and writes the tenant with its client, location and billing links.
    ///
    /// `address_key` is the keyed hash of the administrator's address; `workflow_id` the run that asks.
    ///
    /// # Errors
    /// `DuplicateError`, `ConfigurationError`, `IdempotencyConflict`, `RepairRequired`; or the database's own.
    pub async fn create(
        &self,
        request: &wire::CreateTenantRequest,
        address_key: &str,
        workflow_id: &str,
    ) -> Result<wire::CreateTenantReply, TenantError> {
        let asked = create::Asked {
            request,
            address_key,
            workflow_id,
            settings: &self.settings,
            item_column: &self.item_column,
        };
        on_connection!(self, "create the tenant", |conn| create::run(conn, &asked))
    }

    /// Writes what a new tenant of the product begins with; rows that exist stay as they are.
    ///
    /// # Errors
    /// `ValidationError` for an unknown product, `TenantNotFoundError`, `IdempotencyConflict`; or the database's own.
    pub async fn seed(
        &self,
        request: &wire::OnboardingSeedsRequest,
    ) -> Result<wire::OnboardingSeedsReply, TenantError> {
        on_connection!(self, "write the seeds", |conn| seed::run(conn, request))
    }

    /// Writes the administrator and gives them their role; the claim on the address ends here.
    ///
    /// # Errors
    /// `DuplicateError`, `ConfigurationError` when the role is missing, `TenantNotFoundError`, `IdempotencyConflict`; or the
    /// database's own.
    pub async fn create_admin(&self, row: &AdminRow<'_>) -> Result<wire::CreateAdminUserReply, TenantError> {
        on_connection!(self, "create the administrator", |conn| admin::run(conn, row))
    }

    /// Writes the tenant's settings, all or none.
    ///
    /// # Errors
    /// `TenantNotFoundError`, `IdempotencyConflict`; or the database's own.
    pub async fn set_up(
        &self,
        request: &wire::SetupTenantDataRequest,
    ) -> Result<wire::SetupTenantDataReply, TenantError> {
        on_connection!(self, "write the settings", |conn| settings::run(conn, request))
    }

    /// Writes the vendor's client for a tenant.
    ///
    /// # Errors
    /// `IdempotencyConflict`; or the database's own.
    pub async fn customer_client(
        &self,
        request: &wire::CustomerClientRequest,
    ) -> Result<wire::CustomerClientReply, TenantError> {
        on_connection!(self, "write the customer's client", |conn| customers::client(conn, request))
    }

    /// Writes the vendor's contact, unless the address is a contact there already.
    ///
    /// # Errors
    /// `IdempotencyConflict`; or the database's own.
    pub async fn customer_contact(
        &self,
        request: &wire::CustomerContactRequest,
    ) -> Result<wire::CustomerContactReply, TenantError> {
        on_connection!(self, "write the customer's contact", |conn| customers::contact(conn, request))
    }

    /// Tags the vendor's client.
    ///
    /// # Errors
    /// `IdempotencyConflict`; or the database's own.
    pub async fn tag_customer(
        &self,
        request: &wire::TagCustomerRequest,
    ) -> Result<wire::TagCustomerReply, TenantError> {
        on_connection!(self, "tag the customer", |conn| customers::tag(conn, request))
    }

    /// Notes where a creation stands.
    ///
    /// # Errors
    /// The database's own.
    pub async fn record(&self, request: &wire::RecordCreationRequest) -> Result<(), TenantError> {
        on_connection!(self, "record the creation", |conn| creations::record(conn, request))
    }

    /// Keeps a sealed credential, and puts its hash in force where `hash` is given; a repeat answers what is kept. Where
    /// `at_most` is given, no more than that many are kept for the user; callers of one user take turns.
    ///
    /// # Errors
    /// The database's own.
    pub async fn keep_credential(&self, credential: &StoredCredential<'_>) -> Result<Delivery, TenantError> {
        on_connection!(self, "keep the credential", |conn| credential::keep(conn, credential))
    }

    /// Marks a credential as delivered and forgets it; puts its hash in force where `hash` is given.
    ///
    /// # Errors
    /// The database's own.
    pub async fn delivered(&self, credential: &StoredCredential<'_>) -> Result<(), TenantError> {
        on_connection!(self, "mark the credential as delivered", |conn| credential::delivered(conn, credential))
    }

    /// Finds an active internal administrator of a tenant: the given one, else the oldest with the role `Admin`.
    ///
    /// # Errors
    /// The database's own.
    pub async fn administrator(&self, tenant: Uuid, user: Option<Uuid>) -> Result<Option<Administrator>, TenantError> {
        on_connection!(self, "find the administrator", |conn| read::administrator(conn, tenant, user))
    }

    /// Proves that a creation wrote this user as the administrator of this tenant.
    ///
    /// # Errors
    /// `IdempotencyConflict` when it did not; or the database's own.
    pub async fn prove_administrator(&self, tenant: Uuid, user: Uuid, origin_id: &str) -> Result<(), TenantError> {
        on_connection!(self, "prove the administrator", |conn| {
            read::prove_administrator(conn, tenant, user, origin_id)
        })
    }

    /// Proves what a successor says of a creation against the creation's record.
    ///
    /// # Errors
    /// `IdempotencyConflict` when creation and tenant do not belong together, or when nothing is to be repaired; or the
    /// database's own.
    pub async fn prove_successor(&self, request: &wire::RecordCreationRequest) -> Result<(), TenantError> {
        on_connection!(self, "prove the successor", |conn| creations::prove(conn, request))
    }

    /// Tells whether the shop hears of a checkout from another creation, or has heard of its completion.
    ///
    /// # Errors
    /// The database's own.
    pub async fn checkout_is_elsewhere(&self, checkout: &str, origin_id: &str) -> Result<bool, TenantError> {
        on_connection!(self, "look for the checkout", |conn| read::checkout_is_elsewhere(conn, checkout, origin_id))
    }

    /// Forgets a credential that will not be delivered. A repeat of its delivery answers `why`.
    ///
    /// # Errors
    /// The database's own.
    pub async fn close_credential(&self, credential: &StoredCredential<'_>, why: &str) -> Result<(), TenantError> {
        on_connection!(self, "forget the credential", |conn| credential::close(conn, credential, why))
    }

    /// Writes who asked for a welcome mail, into the audit log of the billing tenant. Without one nothing is written, and the
    /// answer is false.
    ///
    /// # Errors
    /// The database's own.
    pub async fn audit_resend(&self, request: &wire::AuditResendRequest) -> Result<bool, TenantError> {
        let Some(billing_tenant) = self.settings.billing_tenant else { return Ok(false) };
        on_connection!(self, "write the audit log", |conn| read::audit(conn, billing_tenant, request)).map(|()| true)
    }

    /// The creations, newest first.
    ///
    /// # Errors
    /// The database's own.
    pub async fn creations(&self, state: Option<&str>, limit: u32) -> Result<Vec<CreationSummary>, TenantError> {
        on_connection!(self, "list the creations", |conn| creations::list(conn, state, limit))
    }

    /// One tenant's creation with its log.
    ///
    /// # Errors
    /// The database's own.
    pub async fn creation(&self, tenant: Uuid) -> Result<Option<CreationDetail>, TenantError> {
        on_connection!(self, "read the creation", |conn| creations::detail(conn, tenant))
    }

    /// How many creations stand where: state, the step that waits for a repair, and their number.
    ///
    /// # Errors
    /// The database's own.
    pub async fn counts(&self) -> Result<Vec<(String, String, i64)>, TenantError> {
        on_connection!(self, "count the creations", |conn| creations::counts(conn))
    }
}

/// Reads an id of a request.
fn id(text: &str, what: &'static str) -> Result<Uuid, TenantError> {
    Uuid::parse_str(text.trim()).map_err(|_| StoreError::Unreadable { what }.into())
}
