//! What an install code is worth: derived from its row, never stored (licensing contract, section 3).

use crate::tenant::product::words;

words! {
    /// State of a code, in the order in which the first that applies wins.
    CodeState {
        /// A redemption used it.
        Consumed = "consumed",
        /// A newer code took its place, or an operator revoked it.
        Revoked = "revoked",
        /// Its life is over.
        Expired = "expired",
        /// It can be redeemed.
        Live = "live",
    }
}

/// The times of a `claim_codes` row, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeTimes {
    /// When it was redeemed.
    pub consumed_at_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
    /// When its life ends.
    pub expires_at_ms: i64,
}

impl CodeState {
    /// Derives the state; `now_ms` is the database's time, so that every reader sees one clock.
    pub const fn of(times: CodeTimes, now_ms: i64) -> Self {
        if times.consumed_at_ms.is_some() {
            Self::Consumed
        } else if times.revoked_at_ms.is_some() {
            Self::Revoked
        } else if now_ms >= times.expires_at_ms {
            Self::Expired
        } else {
            Self::Live
        }
    }

    /// The word of a tenant whose newest code has this state; `none` for a tenant without a code.
    pub const fn of_tenant(newest: Option<Self>) -> &'static str {
        match newest {
            Some(state) => state.as_str(),
            None => "none",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(consumed: bool, revoked: bool, now_ms: i64, expected: CodeState) {
        let at = |set: bool| set.then_some(5);
        let times = CodeTimes { consumed_at_ms: at(consumed), revoked_at_ms: at(revoked), expires_at_ms: 1_000 };
        assert_eq!(CodeState::of(times, now_ms), expected);
    }

    #[test]
    fn the_first_that_applies_wins() {
        check(true, true, 2_000, CodeState::Consumed);
        check(true, false, 0, CodeState::Consumed);
        check(false, true, 2_000, CodeState::Revoked);
        check(false, false, 1_001, CodeState::Expired);
        check(false, false, 0, CodeState::Live);
    }

    #[test]
    fn a_code_is_expired_at_the_very_instant() {
        check(false, false, 1_000, CodeState::Expired);
        check(false, false, 999, CodeState::Live);
    }

    #[test]
    fn a_tenant_without_a_code_says_none() {
        assert_eq!(CodeState::of_tenant(None), "none");
        assert_eq!(CodeState::of_tenant(Some(CodeState::Live)), "live");
    }
}
