//! SMTP (RFC 5321): one connection for each mail.

mod dialogue;
mod message;
mod settings;

use outbound::IdempotencyKey;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

pub use settings::{SmtpLimits, SmtpLogin, SmtpSettings, SmtpSettingsError, SmtpTls};

use crate::error::{MailError, code};
use crate::key::hex;
use crate::mail::Mail;
use crate::memory::{Attempt, Memory};
use crate::send::{Accepted, Repeat, SendMail};
use dialogue::{Dialogue, QUIT_WAIT};
use settings::Checked;

/// Sends through a mail server.
///
/// SMTP has no keys. This client remembers the last 4,096 for as long as the process lives, so a repeat after an answer sends
/// nothing; across processes a mail can arrive twice if, and only if, it is sent again after its final reply was lost. Copies
/// carry the same bytes and the same `Message-ID`.
#[derive(Debug)]
pub struct Smtp {
    settings: Checked,
    memory: Memory,
}

impl Smtp {
    /// Checks the settings and reads the file of authorities. Does not connect.
    ///
    /// # Errors
    /// [`SmtpSettingsError`] names the setting.
    pub fn new(settings: SmtpSettings) -> Result<Self, SmtpSettingsError> {
        Ok(Self { settings: Checked::new(settings)?, memory: Memory::default() })
    }

    /// Talks to the server within the total limit. Only from the moment when the final dot is written can the mail have been
    /// taken: before it a lost connection is transient, after it the outcome is unknown.
    async fn talk(&self, dialogue: &Dialogue<'_>, attempt: &Attempt<'_>) -> Result<(), MailError> {
        let mut connection = None;
        let talk = Box::pin(dialogue.run(&mut connection, attempt));
        let outcome = match timeout(self.settings.limits.total, talk).await {
            Ok(outcome) => outcome,
            // There is no farewell within an exchange that is not over.
            Err(_) if attempt.is_handed_over() => return Err(MailError::OutcomeUnknown { code: code::ANSWER_LOST }),
            Err(_) => return Err(MailError::transient(code::TIMED_OUT)),
        };
        if let Some(mut connection) = connection {
            // The answer stands whatever becomes of the farewell.
            let _ = timeout(QUIT_WAIT, connection.quit()).await;
        }
        outcome
    }
}

#[async_trait::async_trait]
impl SendMail for Smtp {
    async fn send(&self, mail: &Mail, key: &IdempotencyKey) -> Result<Accepted, MailError> {
        let bytes = message::write(mail, key)?;
        let digest = hex(bytes.expose_secret());
        let attempt = match self.memory.begin(key, digest) {
            Ok(attempt) => attempt,
            Err(answer) => return answer,
        };
        let dialogue = Dialogue::new(&self.settings, mail, &bytes)?;
        let outcome = self.talk(&dialogue, &attempt).await;
        attempt.end(outcome.map(|()| Accepted { id: None }))
    }

    fn repeat(&self) -> Repeat {
        Repeat::MayDeliverTwice
    }
}
