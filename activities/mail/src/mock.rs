//! A provider that sends nothing and remembers everything: for tests, and for `EMAIL_PROVIDER=mock`.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use outbound::IdempotencyKey;

use crate::error::MailError;
use crate::mail::Mail;
use crate::memory::Memory;
use crate::send::{Accepted, Repeat, SendMail};

/// Mails that are kept, the oldest go first.
const KEPT_MAX: usize = 1000;

/// Records mails in memory.
#[derive(Debug, Default)]
pub struct MockMail {
    memory: Memory,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    mails: VecDeque<Mail>,
    answers: VecDeque<Answer>,
    count: u64,
}

#[derive(Debug)]
enum Answer {
    Fail(MailError),
    FailAfter(MailError),
}

impl MockMail {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The mails that were taken, oldest first; the last 1,000.
    pub fn mails(&self) -> Vec<Mail> {
        self.lock().mails.iter().cloned().collect()
    }

    /// Answers the next attempt with this error and takes no mail. Several are given in order.
    pub fn fail_next(&self, error: MailError) {
        self.lock().answers.push_back(Answer::Fail(error));
    }

    /// Takes the next mail and answers with this error all the same, as when a final reply is lost.
    pub fn fail_after_next(&self, error: MailError) {
        self.lock().answers.push_back(Answer::FailAfter(error));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is complete before the lock is released.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, mail: &Mail) -> Result<Accepted, MailError> {
        let mut state = self.lock();
        let error = match state.answers.pop_front() {
            Some(Answer::Fail(error)) => return Err(error),
            Some(Answer::FailAfter(error)) => Some(error),
            None => None,
        };
        state.mails.push_back(mail.clone());
        if state.mails.len() > KEPT_MAX {
            state.mails.pop_front();
        }
        state.count += 1;
        error.map_or_else(|| Ok(Accepted { id: Some(format!("mock-{}", state.count)) }), Err)
    }
}

#[async_trait::async_trait]
impl SendMail for MockMail {
    async fn send(&self, mail: &Mail, key: &IdempotencyKey) -> Result<Accepted, MailError> {
        match self.memory.begin(key, mail.digest()) {
            Ok(attempt) => attempt.end(self.take(mail)),
            Err(answer) => answer,
        }
    }

    fn repeat(&self) -> Repeat {
        Repeat::Harmless(Duration::MAX)
    }
}
