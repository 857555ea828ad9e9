//! Clocks that were set back (licensing contract, L-18).

use super::token::VerifiedLicense;

/// How far a clock may run behind the highest time ever seen before that time is used instead, in seconds.
pub const BEHIND_MAX_SECONDS: i64 = 3_600;

/// The highest time that an installation ever saw, in unix seconds: of its own clock, of a verified server, of the `iat` of a
/// verified licence. Kept in `license_clock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HighestTime(i64);

/// How the clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// Not more than an hour behind.
    Trusted,
    /// Set back: the stored time decides about expiry and trial.
    Behind {
        /// By how many seconds.
        seconds: i64,
    },
}

/// The time that decides about expiry and trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecidingTime {
    /// Unix seconds.
    pub now: i64,
    /// To be reported.
    pub state: ClockState,
}

impl HighestTime {
    /// What was stored.
    pub const fn stored(seconds: i64) -> Self {
        Self(seconds)
    }

    /// What to store.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// After the own clock was read.
    #[must_use]
    pub fn seen(self, system: i64) -> Self {
        Self(self.0.max(system))
    }

    /// After a licence was verified.
    #[must_use]
    pub fn licensed(self, license: &VerifiedLicense) -> Self {
        self.seen(license.issued_at())
    }

    /// After a check-in whose answer was verified: the server's time replaces what was stored, so that a clock that once ran
    /// ahead heals.
    #[must_use]
    pub const fn checked_in(server: i64) -> Self {
        Self(server)
    }

    /// The time to decide with when the own clock says `system`.
    pub const fn decide(self, system: i64) -> DecidingTime {
        let seconds = self.0.saturating_sub(system);
        if seconds > BEHIND_MAX_SECONDS {
            DecidingTime { now: self.0, state: ClockState::Behind { seconds } }
        } else {
            DecidingTime { now: system, state: ClockState::Trusted }
        }
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
