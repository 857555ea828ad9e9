//! What every provider does.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use outbound::IdempotencyKey;

use crate::error::MailError;
use crate::mail::Mail;

/// The clock of a provider, so that tests can move it.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The provider has taken the mail; whether it arrives is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The provider's name for the mail, for its support: at most 128 ASCII letters, digits, `-` and `_`.
    pub id: Option<String>,
}

/// What a repeat under the same key does, when the outcome of the attempt before is not known to the caller because its
/// process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The provider gives its first answer again and sends no second mail, for this long after the mail's `sent_at`.
    Harmless(Duration),
    /// The provider knows no keys: where our process ended between the acceptance and our record of it, a repeat delivers a
    /// second copy with the same bytes, under one `Message-ID`. An answer that was lost while our process lives is
    /// [`MailError::OutcomeUnknown`], and nothing is sent again.
    MayDeliverTwice,
}

/// A provider of mail.
#[async_trait::async_trait]
pub trait SendMail: Send + Sync {
    /// Hands one mail to the provider and waits for its answer, within the time limits of the provider's settings.
    ///
    /// A repeat after [`MailError::Transient`] must carry the same key and the same mail: then the mail is taken once.
    /// The same key with another mail is never sent. A future that is dropped before its end leaves the outcome unknown.
    ///
    /// # Errors
    /// See [`MailError`]; only [`MailError::Transient`] may be tried again.
    async fn send(&self, mail: &Mail, key: &IdempotencyKey) -> Result<Accepted, MailError>;

    /// What a repeat does after a crash of ours.
    fn repeat(&self) -> Repeat;
}
