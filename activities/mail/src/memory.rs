//! What a provider without a memory of keys is given: for as long as the process lives, a repeat is answered, not sent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use outbound::IdempotencyKey;

use crate::error::{MailError, code};
use crate::send::Accepted;

/// Keys that are remembered, the oldest is forgotten first. A day of many creations; about 200 bytes each.
const KEYS_MAX: usize = 4096;

/// Final answers by key. Holds digests, no mails.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: BTreeMap<String, Known>,
    /// Keys with an answer, oldest first.
    order: VecDeque<String>,
}

#[derive(Debug)]
struct Known {
    digest: String,
    answer: Option<Result<Accepted, MailError>>,
}

/// An attempt that is under way. Dropped without an answer, its outcome is unknown from [`Attempt::hand_over`] on, and before
/// that it is forgotten.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    memory: &'a Memory,
    key: String,
    handed_over: AtomicBool,
    ended: bool,
}

impl Memory {
    /// Begins an attempt for a mail with this digest, or gives the answer that stands.
    pub(crate) fn begin(
        &self,
        key: &IdempotencyKey,
        digest: String,
    ) -> Result<Attempt<'_>, Result<Accepted, MailError>> {
        let mut state = self.lock();
        match state.known.get(key.as_str()) {
            Some(known) if known.digest != digest => {
                return Err(Err(MailError::OutcomeUnknown { code: code::KEY_REUSED }));
            }
            Some(Known { answer: Some(answer), .. }) => return Err(answer.clone()),
            Some(Known { answer: None, .. }) => return Err(Err(MailError::transient(code::IN_FLIGHT))),
            None => {}
        }
        state.known.insert(key.as_str().to_owned(), Known { digest, answer: None });
        Ok(Attempt { memory: self, key: key.as_str().to_owned(), handed_over: AtomicBool::new(false), ended: false })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change below is complete before the lock is released.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// Says that from now on the provider may take the mail.
    pub(crate) fn hand_over(&self) {
        self.handed_over.store(true, Ordering::Release);
    }

    /// Whether the provider may have the mail.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.handed_over.load(Ordering::Acquire)
    }

    /// Ends the attempt: what is final is remembered, what may be tried again is forgotten.
    pub(crate) fn end(mut self, answer: Result<Accepted, MailError>) -> Result<Accepted, MailError> {
        self.settle(answer.clone());
        answer
    }

    fn settle(&mut self, answer: Result<Accepted, MailError>) {
        self.ended = true;
        let mut state = self.memory.lock();
        if answer.as_ref().is_err_and(MailError::is_transient) {
            state.known.remove(&self.key);
            return;
        }
        if let Some(known) = state.known.get_mut(&self.key) {
            known.answer = Some(answer);
        }
        state.order.push_back(self.key.clone());
        if state.order.len() > KEYS_MAX
            && let Some(oldest) = state.order.pop_front()
        {
            state.known.remove(&oldest);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let answer = match self.is_handed_over() {
            true => MailError::OutcomeUnknown { code: code::ANSWER_LOST },
            false => MailError::transient(code::UNREACHABLE),
        };
        self.settle(Err(answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: usize) -> IdempotencyKey {
        IdempotencyKey::new(&format!("key-{id}"))
    }

    fn accepted() -> Result<Accepted, MailError> {
        Ok(Accepted { id: None })
    }

    #[test]
    fn a_final_answer_stands_and_a_transient_one_does_not() {
        let memory = Memory::default();
        let later = Err(MailError::transient(code::TIMED_OUT));
        let _ = memory.begin(&key(1), "a".into()).unwrap().end(later);
        let _ = memory.begin(&key(1), "a".into()).unwrap().end(accepted());
        assert_eq!(memory.begin(&key(1), "a".into()).unwrap_err(), accepted());
        let reused = Err(MailError::OutcomeUnknown { code: code::KEY_REUSED });
        assert_eq!(memory.begin(&key(1), "b".into()).unwrap_err(), reused);
    }

    #[test]
    fn two_attempts_at_once_are_one() {
        let memory = Memory::default();
        let first = memory.begin(&key(1), "a".into()).unwrap();
        let in_flight = Err(MailError::transient(code::IN_FLIGHT));
        assert_eq!(memory.begin(&key(1), "a".into()).unwrap_err(), in_flight);
        drop(first);
        assert!(memory.begin(&key(1), "a".into()).is_ok(), "nothing was handed over");
    }

    #[test]
    fn an_attempt_that_is_dropped_after_the_hand_over_is_unknown() {
        let memory = Memory::default();
        let first = memory.begin(&key(1), "a".into()).unwrap();
        first.hand_over();
        drop(first);
        let unknown = Err(MailError::OutcomeUnknown { code: code::ANSWER_LOST });
        assert_eq!(memory.begin(&key(1), "a".into()).unwrap_err(), unknown);
    }

    #[test]
    fn the_oldest_key_is_forgotten_first() {
        let memory = Memory::default();
        for id in 0..=KEYS_MAX {
            let _ = memory.begin(&key(id), "a".into()).unwrap().end(accepted());
        }
        assert!(memory.begin(&key(0), "a".into()).is_ok());
        assert!(memory.begin(&key(KEYS_MAX), "a".into()).is_err());
    }
}
