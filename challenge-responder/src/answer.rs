//! What is answered to whom.

use crate::challenges::Challenges;
use crate::question::{AskedHost, Token};
use crate::tokens::PreflightTokens;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an unknown token waits for the watch. An authority may ask within milliseconds of the Challenge's creation,
/// before the API server's event has reached us, and a 404 then costs a failed authorization (5 per name and hour). The
/// watch delivers in milliseconds on an idle cluster; authorities wait about 10 s for an answer.
pub const WATCH_PATIENCE: Duration = Duration::from_secs(2);
/// Requests that may wait at the same time. Everybody can ask for unknown tokens, so waiting is bounded in all and per
/// host; a request beyond a bound is answered at once from what is known.
pub const WAITING_MAX: usize = 512;
/// Requests for one host that may wait: an authority asks from up to five or six perspectives at once.
pub const WAITING_PER_HOST_MAX: usize = 8;

/// What is known of a question.
#[derive(Clone, PartialEq, Eq)]
pub enum Known {
    /// The body to answer.
    Body(String),
    /// Nothing has this token for this host.
    Absent,
    /// A source could not be asked, and the others do not know it.
    CouldNotTell,
}

/// Answers questions from the Challenges and the preflight tokens.
pub struct Responder {
    challenges: Option<Arc<Challenges>>,
    tokens: Option<Arc<dyn PreflightTokens>>,
    waiting: Mutex<Waiting>,
    patience: Duration,
}

#[derive(Default)]
struct Waiting {
    all: usize,
    by_host: BTreeMap<AskedHost, usize>,
}

/// One place among those that wait; given back when dropped.
struct Place<'a>(&'a Responder, AskedHost);

impl Responder {
    /// A responder with the sources that are configured; `patience` is [`WATCH_PATIENCE`] outside of tests.
    pub fn new(
        challenges: Option<Arc<Challenges>>,
        tokens: Option<Arc<dyn PreflightTokens>>,
        patience: Duration,
    ) -> Self {
        Self { challenges, tokens, waiting: Mutex::default(), patience }
    }

    /// Looks up a host and token: Challenges first, then preflight tokens, then Challenges that arrive meanwhile.
    pub async fn look_up(&self, host: &AskedHost, token: &Token) -> Known {
        if let Some(body) = self.challenges.as_ref().and_then(|challenges| challenges.find(host, token)) {
            return Known::Body(body);
        }
        let mut could_ask_all = true;
        if let Some(tokens) = &self.tokens {
            match tokens.body(host, token).await {
                Ok(Some(body)) => return Known::Body(body),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "a preflight token could not be looked up");
                    could_ask_all = false;
                }
            }
        }
        if let Some(challenges) = &self.challenges {
            let arrived = match self.place(host) {
                Some(_place) => challenges.wait_for(host, token, self.patience).await,
                None => challenges.find(host, token),
            };
            if let Some(body) = arrived {
                return Known::Body(body);
            }
            could_ask_all &= challenges.is_complete(Instant::now());
        }
        if could_ask_all { Known::Absent } else { Known::CouldNotTell }
    }

    /// Tells whether every configured source can be asked.
    pub async fn is_ready(&self) -> bool {
        let synced = self.challenges.as_ref().is_none_or(|challenges| challenges.is_synced());
        synced
            && match &self.tokens {
                Some(tokens) => tokens.ready().await,
                None => true,
            }
    }

    fn place(&self, host: &AskedHost) -> Option<Place<'_>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let here = waiting.by_host.get(host).copied().unwrap_or(0);
        if waiting.all >= WAITING_MAX || here >= WAITING_PER_HOST_MAX {
            return None;
        }
        waiting.all += 1;
        waiting.by_host.insert(host.clone(), here + 1);
        Some(Place(self, host.clone()))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.all = waiting.all.saturating_sub(1);
        match waiting.by_host.get_mut(&self.1) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                waiting.by_host.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_per_host_and_given_back() {
        let responder = Responder::new(None, None, WATCH_PATIENCE);
        let (a, b) = (AskedHost::parse("a.test").unwrap(), AskedHost::parse("b.test").unwrap());
        let taken: Vec<_> = (0..WAITING_PER_HOST_MAX).map(|_| responder.place(&a).unwrap()).collect();
        assert!(responder.place(&a).is_none(), "one host cannot take the places of others");
        assert!(responder.place(&b).is_some());
        drop(taken);
        assert!(responder.place(&a).is_some());
        let waiting = responder.waiting.lock().unwrap();
        assert!(waiting.all == 0 && waiting.by_host.is_empty());
    }

    #[test]
    fn places_are_bounded_in_all() {
        let responder = Responder::new(None, None, WATCH_PATIENCE);
        let hosts: Vec<_> = (0..=WAITING_MAX).map(|n| AskedHost::parse(&format!("h{n}.test")).unwrap()).collect();
        let taken: Vec<_> = hosts.iter().filter_map(|host| responder.place(host)).collect();
        assert_eq!(taken.len(), WAITING_MAX);
    }
}
