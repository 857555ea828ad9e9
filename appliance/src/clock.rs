//! The clock of this machine.

use std::time::SystemTime;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Unix seconds.
    fn unix_seconds(&self) -> i64;
}

/// The system's clock. It can be set back, so [`HighestTime`](model::license::clock::HighestTime) stands behind it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_seconds(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
}
