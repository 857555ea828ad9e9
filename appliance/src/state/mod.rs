//! What is kept of a redemption between its steps.
//!
//! Every step is persisted before the next begins (licensing contract, section 9.3), so a process that is killed anywhere
//! goes on with the same key, and the code is not needed twice.

mod database;
mod file;
mod form;

pub use database::DatabaseState;
pub use file::FileState;

use crate::ids::{ApplianceId, RedemptionId};
use crate::wire::RegisterAnswer;
use async_trait::async_trait;
use model::license::edition::Edition;
use secrecy::SecretString;
use std::fmt;
use uuid::Uuid;

/// Why stored state cannot be used. Shows none of it.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Others may read or write the file.
    #[error(
        "cannot use the redemption file: only its owner may have rights on it (mode 0600), and it must be a plain file"
    )]
    Permissions,
    /// What is there is not what this program writes, or was cut.
    #[error("cannot use the stored redemption: it is not what was stored")]
    Garbage,
    /// A newer version wrote it.
    #[error("cannot use the stored redemption: a newer version of this program wrote it")]
    Newer,
    /// The sealing key that opens it is missing.
    #[error("cannot open the stored redemption")]
    Sealed(#[source] credentials::OpenError),
    /// Another process holds it, or changed it meanwhile.
    #[error("could not use the stored redemption: another process works on it")]
    Busy,
    /// The disk.
    #[error("could not {what} the redemption file")]
    Disk {
        /// What was tried.
        what: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The database does not answer.
    #[error("could not reach the stored redemption")]
    Database(#[source] sqlx::Error),
}

/// Keeps one [`Record`]. A value of this trait has one user at a time.
#[async_trait]
pub trait RedemptionState: Send + Sync {
    /// Reads what was saved last; `None` when nothing ever was.
    ///
    /// # Errors
    /// See [`StateError`].
    async fn load(&mut self) -> Result<Option<Record>, StateError>;

    /// Replaces what was saved, whole or not at all. When it returns, the record outlives a loss of power.
    ///
    /// # Errors
    /// See [`StateError`].
    async fn save(&mut self, record: &Record) -> Result<(), StateError>;
}

/// Everything that is kept.
#[derive(Debug, Clone)]
pub struct Record {
    /// Made once and kept.
    pub appliance_id: ApplianceId,
    /// Origin of the service whose answer was verified last: a credential may go there. Absent before the first one.
    pub verified_origin: Option<String>,
    /// The newest redemption.
    pub redemption: Option<Redemption>,
    /// Redemptions that made room for another code before an answer came, the newest last; at most [`REPLACED_MAX`].
    pub replaced: Vec<Replaced>,
}

/// Most redemptions that are kept after another code took their place: a mistyped code or two between the code whose answer
/// was lost and its return, with room. The oldest one goes first.
pub const REPLACED_MAX: usize = 8;

impl Record {
    /// Puts `next` in the place of the newest redemption, for this appliance. One that waits for its answer is kept without its
    /// code: the service may have consumed the code, and only its key brings the answer back (licensing contract, L-02). Keys of
    /// another appliance id bring nothing back, because the id is part of the request.
    pub fn replace(&mut self, next: Redemption, appliance_id: ApplianceId) {
        self.replaced.retain(|kept| kept.id != next.id);
        if let Some(Redemption { id, fingerprint, expected_tenant, stage: Stage::Prepared { .. } }) =
            self.redemption.take()
        {
            self.replaced.push(Replaced { id, fingerprint, expected_tenant });
        }
        if self.appliance_id != appliance_id {
            self.replaced.clear();
        }
        let surplus = self.replaced.len().saturating_sub(REPLACED_MAX);
        self.replaced.drain(..surplus);
        self.appliance_id = appliance_id;
        self.redemption = Some(next);
    }
}

/// A redemption whose place another code took before an answer came. Its code is not kept: whoever gives it again brings it
/// back. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Its idempotency key.
    pub id: RedemptionId,
    /// Recognises its code.
    pub fingerprint: String,
    /// The tenant that was expected when it began; part of the request.
    pub expected_tenant: Option<Uuid>,
}

impl fmt::Debug for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replaced")
    }
}

/// One redemption. `Debug` shows its stage only.
#[derive(Clone)]
pub struct Redemption {
    /// Its idempotency key.
    pub id: RedemptionId,
    /// Recognises the code after it was dropped.
    pub fingerprint: String,
    /// The tenant that was expected when it began: part of the request, so it does not change while the key is used.
    pub expected_tenant: Option<Uuid>,
    /// How far it is.
    pub stage: Stage,
}

/// How far a redemption is. The letters are those of the licensing contract, section 9.3.
#[derive(Clone)]
pub enum Stage {
    /// (b) The key exists; whether the service has the request is not known.
    Prepared {
        /// The normalised code.
        code: SecretString,
    },
    /// (e) The answer is verified and stored: `/register` is not called again.
    Answered {
        /// The normalised code.
        code: SecretString,
        /// The answer.
        verified: VerifiedAnswer,
        /// What of (f) is done.
        written: Written,
    },
    /// (g) Everything is written and the code is forgotten.
    Dropped {
        /// The answer, for the first check-in.
        verified: VerifiedAnswer,
    },
    /// (h) The first check-in was answered, or none is needed. No secret is left.
    Done {
        /// What to tell whoever asks again.
        summary: Summary,
    },
}

/// An answer whose licence was verified. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct VerifiedAnswer {
    /// The answer.
    pub answer: RegisterAnswer,
    /// Times of its licence; absent for essentials.
    pub times: Option<LicenseTimes>,
}

/// Times of a licence, unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LicenseTimes {
    /// `iat`.
    pub issued_at: i64,
    /// `exp`.
    pub expires_at: i64,
}

impl VerifiedAnswer {
    /// What it brought, without its secrets.
    pub fn summary(&self) -> Summary {
        Summary {
            tenant: self.answer.tenant,
            edition: self.answer.edition,
            check_in_url: self.answer.paid.as_ref().map(|paid| paid.check_in_url.clone()),
            expires_at: self.times.map(|times| times.expires_at),
        }
    }
}

/// What of step (f) is done: the database first, then the Secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Nothing that is known of.
    Nothing,
    /// `license_state`.
    Database,
}

/// What a redemption brought, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The tenant.
    pub tenant: Uuid,
    /// Its edition.
    pub edition: Edition,
    /// Where check-ins go; absent for essentials.
    pub check_in_url: Option<String>,
    /// `exp` of the licence, unix seconds; absent for essentials.
    pub expires_at: Option<i64>,
}

impl Stage {
    /// The word in logs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Prepared { .. } => "prepared",
            Self::Answered { written: Written::Nothing, .. } => "answered",
            Self::Answered { written: Written::Database, .. } => "database_written",
            Self::Dropped { .. } => "dropped",
            Self::Done { .. } => "done",
        }
    }
}

impl fmt::Debug for Redemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redemption").field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
