//! Fields of a Secret, and what can be done with them.

use super::names::Place;
use async_trait::async_trait;
use secrecy::SecretString;
use std::collections::BTreeMap;

/// Values by key. `Debug` shows keys only.
pub type Fields = BTreeMap<&'static str, SecretString>;

/// What a write says about the fields that it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Nothing: they stay.
    These,
    /// Those that we wrote earlier are no longer wanted. Fields of others stay.
    All,
}

/// Why a Secret could not be read or written. Holds no value, and no message of the server, because that can repeat one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// No answer, or trouble of the server's own.
    #[error("could not reach the cluster to {what} {}/{}", place.namespace, place.name)]
    Unavailable {
        /// What was tried.
        what: &'static str,
        /// On which Secret.
        place: Place,
    },
    /// Rights, admission, quota or validation; also a namespace that is not there.
    #[error("cannot {what} {}/{}: the cluster refuses with status {status}", place.namespace, place.name)]
    Refused {
        /// What was tried.
        what: &'static str,
        /// On which Secret.
        place: Place,
        /// Status of the answer.
        status: u16,
    },
    /// It changed between the read and the write, several times in a row.
    #[error("could not {what} {}/{}: it keeps changing", place.namespace, place.name)]
    Changed {
        /// What was tried.
        what: &'static str,
        /// On which Secret.
        place: Place,
    },
}

/// Reads and writes fields of Secrets. Every write is checked: it returns only when the server has stored it.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// Reads one field; `None` when the Secret or the field is missing, or empty.
    ///
    /// # Errors
    /// See [`SecretsError`].
    async fn read(&self, place: Place, key: &'static str) -> Result<Option<SecretString>, SecretsError>;

    /// Writes fields; empty values are left out.
    ///
    /// # Errors
    /// See [`SecretsError`].
    async fn put(&self, place: Place, fields: &Fields, scope: Scope) -> Result<(), SecretsError>;

    /// Writes one field unless it holds something already; what is there is never replaced. Tells whether it wrote.
    ///
    /// # Errors
    /// See [`SecretsError`].
    async fn put_once(&self, place: Place, key: &'static str, value: &SecretString) -> Result<bool, SecretsError>;

    /// Removes one field, whoever wrote it. A missing one is fine.
    ///
    /// # Errors
    /// See [`SecretsError`].
    async fn remove(&self, place: Place, key: &'static str) -> Result<(), SecretsError>;
}
