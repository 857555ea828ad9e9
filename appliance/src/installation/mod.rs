//! Where a licence lives: Secrets alone on a new appliance, the application's database and Secrets on an installed one.

mod fresh;
mod installed;

pub use fresh::Fresh;
pub use installed::Installed;

use crate::code::FailureCode;
use crate::ids::ApplianceId;
use crate::secrets::SecretsError;
use crate::wire::{RegisterAnswer, RequireLicense};
use async_trait::async_trait;
use secrecy::SecretString;
use std::fmt;
use uuid::Uuid;

/// What [`InstallationError::Missing`] names where the application keeps no licence state at all: a hosted installation.
pub const NO_TABLE: &str = "table of licence state";

/// What [`InstallationError`] calls the application's row.
pub const LICENSE_ROW: &str = "row of licence state";

/// Why an installation could not be read or written. Holds no value.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// There is no row of licence state, or no tenant: this is not an appliance, and the missing row means "hosted".
    #[error("cannot act on the licence: there is no {0} here")]
    Missing(&'static str),
    /// There are two rows where one belongs. Which one counts is not ours to guess.
    #[error("cannot act on the licence: there is more than one {0} here")]
    Duplicate(&'static str),
    /// The stored appliance id is none.
    #[error(transparent)]
    ApplianceId(#[from] crate::ids::MalformedId),
    /// Somebody else wrote the licence between our read and our write.
    #[error("could not write the licence: it changed meanwhile")]
    Changed,
    /// The database.
    #[error("could not use the licence state in the database")]
    Database(#[from] sqlx::Error),
    /// The cluster.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

impl InstallationError {
    /// The stable code.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Missing(_) | Self::Duplicate(_) => FailureCode::NotSelfHost,
            Self::ApplianceId(_) => FailureCode::StateUnusable,
            Self::Changed => FailureCode::StateBusy,
            Self::Database(error) if is_refusal(error) => FailureCode::DatabaseRefused,
            Self::Database(_) => FailureCode::DatabaseUnavailable,
            Self::Secrets(SecretsError::Unavailable { .. } | SecretsError::Changed { .. }) => {
                FailureCode::ClusterUnavailable
            }
            Self::Secrets(SecretsError::Refused { .. }) => FailureCode::ClusterRefused,
        }
    }
}

/// Classes of SQLSTATE that a repeat does not mend: data (22), integrity (23), rights and syntax (42).
pub(crate) fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["22", "23", "42"].iter().any(|class| code.starts_with(class)))
}

/// What an installation knows of its licence. `Debug` shows the tenant and the appliance id.
#[derive(Clone, Default)]
pub struct Standing {
    /// The local tenant; `None` before the first one exists.
    pub tenant: Option<Uuid>,
    /// The id in force.
    pub appliance_id: Option<ApplianceId>,
    /// For check-in.
    pub credential: Option<SecretString>,
    /// The stored licence, unchecked.
    pub token: Option<SecretString>,
    /// Others can write it; see [`service::choose`](crate::service::choose).
    pub check_in_url: Option<String>,
    /// The highest time ever seen, unix seconds; 0 when none was stored.
    pub highest: i64,
    /// The newest keyset statement, to be verified again.
    pub keyset: Option<String>,
    /// Of the last check-in that was answered, unix seconds.
    pub last_check_in: Option<i64>,
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Standing");
        shown.field("tenant", &self.tenant).field("appliance_id", &self.appliance_id).finish_non_exhaustive()
    }
}

/// What a verified redemption brings to an installation.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// The appliance's id.
    pub appliance_id: &'a ApplianceId,
    /// The verified answer.
    pub answer: &'a RegisterAnswer,
    /// The highest time seen, the licence's `iat` included, unix seconds.
    pub highest: i64,
}

/// What a verified check-in changes. `Debug` shows times only.
#[derive(Clone)]
pub struct CheckedIn {
    /// The credential that was used: if another one is stored by now, a redemption came between, and nothing is written.
    pub credential: SecretString,
    /// The licence that was stored when the check-in began; compared in the same way.
    pub previous: Option<SecretString>,
    /// A newer licence, verified.
    pub token: Option<SecretString>,
    /// The time of the check-in, unix seconds.
    pub at: i64,
    /// The highest time from now on, unix seconds: it replaces the stored one, also by an earlier time.
    pub highest: i64,
    /// A newer statement, verified.
    pub keyset: Option<String>,
}

impl fmt::Debug for CheckedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("CheckedIn");
        shown.field("at", &self.at).field("highest", &self.highest).finish_non_exhaustive()
    }
}

/// The home of a licence. Every write can be repeated.
#[async_trait]
pub trait Installation: Send + Sync {
    /// Whether a redemption is only worth something with a licence.
    fn require_license(&self) -> RequireLicense;

    /// Whether there is a database that a redemption is written to.
    fn has_database(&self) -> bool;

    /// Reads what is known.
    ///
    /// # Errors
    /// See [`InstallationError`].
    async fn standing(&self) -> Result<Standing, InstallationError>;

    /// Raises the stored highest time; never lowers it.
    ///
    /// # Errors
    /// See [`InstallationError`].
    async fn remember_time(&self, highest: i64) -> Result<(), InstallationError>;

    /// Sets the stored highest time, also to an earlier one: a fresh answer of the service showed that it had run ahead.
    ///
    /// # Errors
    /// See [`InstallationError`].
    async fn set_time(&self, highest: i64) -> Result<(), InstallationError>;

    /// Stores a verified keyset statement.
    ///
    /// # Errors
    /// See [`InstallationError`].
    async fn remember_keyset(&self, statement: &str) -> Result<(), InstallationError>;

    /// First half of step (f): the database.
    ///
    /// # Errors
    /// See [`InstallationError`].
    async fn grant_in_database(&self, grant: &Grant<'_>) -> Result<(), InstallationError>;

    /// Second half of step (f): the Secrets.
    ///
    /// # Errors
    /// See [`InstallationError`].
    async fn grant_in_secrets(&self, grant: &Grant<'_>) -> Result<(), InstallationError>;

    /// Writes a pasted licence: the database first, then the Secret.
    ///
    /// # Errors
    /// See [`InstallationError`].
    async fn apply(&self, token: &SecretString, highest: i64) -> Result<(), InstallationError>;

    /// Writes what a check-in brought, in one transaction.
    ///
    /// # Errors
    /// See [`InstallationError`].
    async fn checked_in(&self, change: &CheckedIn) -> Result<(), InstallationError>;
}
