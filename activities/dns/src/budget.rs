//! The bounds of one look.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Questions and time that one look has left.
#[derive(Debug)]
pub(crate) struct Budget {
    most: u32,
    asked: AtomicU32,
    deadline: Instant,
}

impl Budget {
    pub(crate) fn new(most: u32, overall: Duration) -> Self {
        Self { most, asked: AtomicU32::new(0), deadline: Instant::now() + overall }
    }

    /// Takes one question and says how long it may wait; `None` when a bound is reached.
    pub(crate) fn take(&self, wanted: Duration) -> Option<Duration> {
        let left = self.deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        let within = |asked: u32| (asked < self.most).then_some(asked + 1);
        self.asked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).ok()?;
        Some(left.min(wanted))
    }

    /// Tells whether the time is over.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Questions asked so far.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}
