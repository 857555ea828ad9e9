//! A provider of mail that delivers once for each key, and loses answers when it is told to.

use async_trait::async_trait;
use mail::{Accepted, IdempotencyKey, Mail, MailError, Repeat, SendMail, code};
use secrecy::ExposeSecret as _;
use std::sync::Mutex;
use std::time::Duration;

/// How long keys are remembered, as Resend does.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// What was delivered.
#[derive(Default)]
pub(crate) struct Provider(Mutex<State>);

#[derive(Default)]
struct State {
    delivered: Vec<(String, Mail)>,
    answers_to_lose: usize,
}

impl Provider {
    /// Takes the next mail, and does not say so.
    pub(crate) fn lose_an_answer(&self) {
        self.0.lock().unwrap().answers_to_lose += 1;
    }

    /// The texts of the mails that were delivered, oldest first.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().delivered.iter().map(|(_, mail)| mail.text.expose_secret().to_owned()).collect()
    }
}

#[async_trait]
impl SendMail for Provider {
    async fn send(&self, mail: &Mail, key: &IdempotencyKey) -> Result<Accepted, MailError> {
        let mut state = self.0.lock().unwrap();
        match state.delivered.iter().find(|(known, _)| known == key.as_str()) {
            Some((_, first)) => {
                assert_eq!(first.text.expose_secret(), mail.text.expose_secret(), "another mail under the same key");
            }
            None => state.delivered.push((key.as_str().to_owned(), mail.clone())),
        }
        if state.answers_to_lose > 0 {
            state.answers_to_lose -= 1;
            return Err(MailError::Transient { retry_after: None, code: code::TIMED_OUT });
        }
        Ok(Accepted { id: None })
    }

    fn repeat(&self) -> Repeat {
        Repeat::Harmless(REMEMBERED)
    }
}
