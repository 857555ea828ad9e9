//! Attempts that this process is working on, and how those ended that others met on their way.

use super::Source;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Longest wait for the attempts that took the last places of a budget: a redemption takes a few milliseconds, and the client
/// that waits is one that is refused.
const PATIENCE: Duration = Duration::from_secs(2);

/// `Retry-After` in seconds of a refusal whose reason is gone: the next attempt finds a place.
pub const RETRY_FREED_SECONDS: u64 = 1;

/// How an attempt ended, for those that found no place beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It was no guess, and its place is free again.
    GivenBack,
    /// It stays counted, or was never counted.
    Kept,
}

/// One source, network or region.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    open: usize,
    given_back: u64,
}

/// The attempts under way, by source, network and region. As many as there are requests.
#[derive(Debug, Default)]
pub struct UnderWay(Mutex<HashMap<String, watch::Sender<Seen>>>);

/// An attempt under way. It ends when this is dropped.
#[derive(Debug)]
pub struct Attempt {
    all: Arc<UnderWay>,
    names: [String; 3],
    given_back_before: [u64; 3],
    ended: Ended,
}

/// The budget that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Of the source.
    Source,
    /// Of its network.
    Network,
    /// Of its wider network.
    Region,
}

impl UnderWay {
    /// Enters an attempt, before it is counted.
    pub fn enter(self: &Arc<Self>, source: &Source) -> Attempt {
        // A network is written otherwise than an address, and a wider one with another length.
        let names = [source.address.clone(), source.network.clone(), source.region.clone()];
        let mut map = self.lock();
        let given_back_before = std::array::from_fn(|at| {
            let mut before = 0;
            map.entry(key(at, &names)).or_default().send_modify(|seen| {
                before = seen.given_back;
                seen.open += 1;
            });
            before
        });
        drop(map);
        Attempt { all: Arc::clone(self), names, given_back_before, ended: Ended::Kept }
    }

    fn leave(&self, names: &[String; 3], ended: Ended) {
        let mut map = self.lock();
        for at in 0..names.len() {
            let key = key(at, names);
            let Some(sender) = map.get(&key) else { continue };
            let mut left = 0;
            sender.send_modify(|seen| {
                seen.open -= 1;
                seen.given_back += u64::from(ended == Ended::GivenBack);
                left = seen.open;
            });
            if left == 0 {
                map.remove(&key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<Seen>>> {
        // Every change is complete in itself, so what a panic left behind is usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(at: usize, names: &[String; 3]) -> String {
    format!("{at} {}", names[at])
}

impl Attempt {
    /// Ends the attempt, whose place is free again.
    pub fn give_back(mut self) {
        self.ended = Ended::GivenBack;
    }

    /// Ends an attempt that found no place, and tells whether one became free since it began, or does within two seconds.
    ///
    /// Waits only while other attempts of the same source, network or region are under way.
    pub async fn refused(self, by: Scope) -> bool {
        let at = by as usize;
        let before = self.given_back_before[at];
        let seen = self.all.lock().get(&key(at, &self.names)).map(watch::Sender::subscribe);
        // An attempt that is refused is none that others wait for.
        drop(self);
        let Some(mut seen) = seen else { return false };
        let over = seen.wait_for(|seen| seen.given_back > before || seen.open == 0);
        // When the last of them ends, the entry goes; what it said is seen all the same.
        let _ = tokio::time::timeout(PATIENCE, over).await;
        let given_back = seen.borrow().given_back;
        given_back > before
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.all.leave(&self.names, self.ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn source(last: u8) -> Source {
        Source::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    #[tokio::test]
    async fn who_finds_no_place_learns_how_the_others_ended() {
        let all = Arc::new(UnderWay::default());
        for (given, expected) in [(true, true), (false, false)] {
            let (first, second) = (all.enter(&source(1)), all.enter(&source(1)));
            let refused = tokio::spawn(second.refused(Scope::Source));
            tokio::task::yield_now().await;
            assert!(!refused.is_finished());
            if given {
                first.give_back()
            } else {
                drop(first)
            }
            assert_eq!(refused.await.unwrap(), expected);
        }
        assert!(all.lock().is_empty());
    }

    #[tokio::test]
    async fn nobody_waits_for_other_sources_nor_for_ever() {
        let all = Arc::new(UnderWay::default());
        let neighbour = all.enter(&source(1));
        assert!(!all.enter(&source(2)).refused(Scope::Source).await);
        assert!(!all.enter(&source(2)).refused(Scope::Network).await);
        let met = all.enter(&source(2));
        neighbour.give_back();
        assert!(met.refused(Scope::Network).await);
    }
}
