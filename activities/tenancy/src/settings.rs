//! What the activities are made from.

use billing::Stripe;
use credentials::{KeyedHasher, SealingKeys};
use mail::{Mailbox, SendMail};
use outbound::{App, Shop};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

use crate::password::Hashing;

/// Gives what mounted secrets make, as the files are now: they change while the process runs.
pub type Now<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// How a new administrator gets a credential (`CREDENTIAL_MODE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialMode {
    /// A temporary password in the welcome mail.
    Mail,
    /// A set-password link, which the application mails; the welcome mail holds no password.
    Link,
}

/// Settings that are no client and no secret.
#[derive(Debug, Clone)]
pub struct TenancySettings {
    /// `MANAGEMENT_TENANT_ID`, else `MASTER_BILLING_TENANT_ID`. Without one customers are not tracked.
    pub management_tenant: Option<Uuid>,
    /// `CREDENTIAL_MODE`.
    pub credential_mode: CredentialMode,
    /// `APPLICATION_URL`, else `NEXTAUTH_URL`: where the mail says to sign in.
    pub sign_in_url: String,
    /// Where the mail says to ask for help.
    pub support_url: String,
    /// Who sends mails.
    pub sender: Mailbox,
    /// Folder of mounted secrets, for `passwordRef`.
    pub secret_folder: Option<PathBuf>,
}

/// What the activities keep secret.
#[derive(Clone)]
pub struct Secrets {
    /// Makes password hashes, a few at a time, off the runtime's thread.
    pub hashing: Now<Hashing>,
    /// The keys that encrypt a credential until it is delivered.
    pub sealing: Now<Arc<SealingKeys>>,
    /// Makes keyed hashes of addresses and passwords.
    pub keyed: Arc<KeyedHasher>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// The systems outside.
#[derive(Clone)]
pub struct Outside {
    /// The provider of mail.
    pub mail: Arc<dyn SendMail>,
    /// Stripe, when a key is set.
    pub stripe: Option<Arc<dyn Stripe>>,
    /// The vendor's shop, when its URL is set.
    pub shop: Option<Arc<Shop>>,
    /// The application, for set-password links.
    pub app: Option<Arc<App>>,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside")
            .field("stripe", &self.stripe.is_some())
            .field("shop", &self.shop.is_some())
            .field("app", &self.app.is_some())
            .finish_non_exhaustive()
    }
}
