//! What can become of a call. Closed, and without a byte of any body or header.

use crate::backoff::Backoff;
use crate::call::Meaning;
use rand::Rng;
use std::time::Duration;

/// What a repeat of the call would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing was accepted: a repeat is safe, with or without an idempotency key.
    Free,
    /// Something may have been accepted: a repeat is safe with the same key and the same body, while the receiver
    /// remembers the key.
    SameKey,
    /// The answer is final: a repeat with the same key does no harm, but gets the same answer.
    Useless,
}

/// What kept a call from being answered, for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No connection was made: name, address, TLS, or the time limit of connecting. Nothing was sent.
    NoConnection,
    /// A call that only reads was sent, and its answer did not come, or not whole.
    NoAnswer,
    /// The answer says "later": 408, 425, 429, 5xx, or a code that is known to pass.
    Status(u16),
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoConnection => f.write_str("no connection"),
            Self::NoAnswer => f.write_str("no whole answer in time"),
            Self::Status(status) => write!(f, "status {status}"),
        }
    }
}

/// Why a call brought no usable answer. `host` is a host name of the settings, with its port where it is not the usual.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The breaker of the host is open: nothing was sent.
    #[error("could not call {host}: it failed several times in a row and is left alone")]
    NotAsked {
        /// The host.
        host: String,
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// It may work later.
    #[error("could not call {host}: {cause}")]
    Transient {
        /// The host.
        host: String,
        /// What went wrong.
        cause: Cause,
        /// What the host asked for in `Retry-After`, at most 24 h.
        retry_after: Option<Duration>,
    },
    /// The call was sent, and the connection or the time ended before the answer was there: it may have been accepted.
    #[error("could not learn whether {host} accepted the call")]
    OutcomeUnknown {
        /// The host.
        host: String,
    },
    /// Accepted with this status, but the answer is not what the interface promises.
    #[error("could not read the answer of {host}: status {status}")]
    Unreadable {
        /// The host.
        host: String,
        /// 200 to 299.
        status: u16,
    },
    /// Accepted with this status, but the answer is longer than the limit.
    #[error("cannot read the answer of {host}: status {status}, more than {limit_bytes} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// 200 to 299.
        status: u16,
        /// The limit.
        limit_bytes: usize,
    },
    /// Refused for good. Redirects are among these: they are not followed, because secrets would follow them.
    #[error("cannot call {host}: it refuses with status {status}{}", named(*code))]
    Rejected {
        /// The host.
        host: String,
        /// 300 to 499.
        status: u16,
        /// The machine code of the answer, if it is one that the caller listed: a text of ours, never of the body.
        code: Option<&'static str>,
    },
}

fn named(code: Option<&'static str>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}

impl CallError {
    /// Judges a status other than 2xx. RFC 9110 §15: 408 and 429 say "later"; RFC 8470 §5.2: so does 425; 5xx is trouble
    /// of the host's own (contract, section 8.1). For other 4xx, a code of the caller's list may say so.
    pub(crate) fn of_status(
        host: String,
        status: u16,
        code: Option<(&'static str, Meaning)>,
        retry_after: Option<Duration>,
    ) -> Self {
        let later = matches!(status, 408 | 425 | 429 | 500..) || matches!(code, Some((_, Meaning::Passes)));
        if later {
            return Self::Transient { host, cause: Cause::Status(status), retry_after };
        }
        Self::Rejected { host, status, code: code.map(|(code, _)| code) }
    }

    /// The host, and its port where it is not the usual.
    pub fn host(&self) -> &str {
        match self {
            Self::NotAsked { host, .. }
            | Self::Transient { host, .. }
            | Self::OutcomeUnknown { host }
            | Self::Unreadable { host, .. }
            | Self::TooLarge { host, .. }
            | Self::Rejected { host, .. } => host,
        }
    }

    /// The status of the answer, if there was one.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::NotAsked { .. } | Self::OutcomeUnknown { .. } => None,
            Self::Transient { cause: Cause::NoConnection | Cause::NoAnswer, .. } => None,
            Self::Transient { cause: Cause::Status(status), .. }
            | Self::Unreadable { status, .. }
            | Self::TooLarge { status, .. }
            | Self::Rejected { status, .. } => Some(*status),
        }
    }

    /// What a repeat would do.
    pub const fn repeat(&self) -> Repeat {
        match self {
            Self::NotAsked { .. } => Repeat::Free,
            // 429 is given before the request is looked at.
            Self::Transient { cause: Cause::NoConnection | Cause::NoAnswer | Cause::Status(429), .. } => Repeat::Free,
            Self::Transient { cause: Cause::Status(_), .. } => Repeat::SameKey,
            Self::OutcomeUnknown { .. } | Self::Unreadable { .. } => Repeat::SameKey,
            Self::TooLarge { .. } | Self::Rejected { .. } => Repeat::Useless,
        }
    }

    /// When to repeat, after the given attempt, counted from 1; `None`: never.
    ///
    /// What the host or the breaker asked for is a lower bound, to which a part of the first pause is added, so that not
    /// all callers come back in the same moment. Otherwise it is the pause of `backoff`.
    pub fn retry_in(&self, backoff: Backoff, attempt: u32, rng: &mut impl Rng) -> Option<Duration> {
        let told = match self {
            Self::NotAsked { retry_after, .. } => Some(*retry_after),
            Self::Transient { retry_after, .. } => *retry_after,
            Self::OutcomeUnknown { .. } | Self::Unreadable { .. } => None,
            Self::TooLarge { .. } | Self::Rejected { .. } => return None,
        };
        Some(match told {
            Some(told) => told + backoff.spread(rng),
            None => backoff.pause(attempt, rng),
        })
    }

    /// Whether the host itself is in trouble, as the breaker counts it. Whoever answers below 500 is alive.
    pub(crate) const fn is_trouble_of_the_host(&self) -> bool {
        match self {
            Self::Transient { cause: Cause::NoConnection | Cause::NoAnswer, .. } | Self::OutcomeUnknown { .. } => true,
            Self::Transient { cause: Cause::Status(status), .. } => *status >= 500,
            Self::NotAsked { .. } | Self::Unreadable { .. } | Self::TooLarge { .. } | Self::Rejected { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn of(status: u16, code: Option<(&'static str, Meaning)>) -> CallError {
        CallError::of_status("h".to_owned(), status, code, None)
    }

    #[track_caller]
    fn check(error: &CallError, repeat: Repeat, trouble: bool) {
        assert_eq!((error.repeat(), error.is_trouble_of_the_host()), (repeat, trouble), "{error:?}");
        let pause = error.retry_in(Backoff::STEP, 1, &mut StdRng::seed_from_u64(7));
        assert_eq!(pause.is_none(), repeat == Repeat::Useless, "{error:?}");
    }

    #[test]
    fn a_status_says_whether_to_come_back() {
        for status in [500, 501, 503, 599] {
            check(&of(status, None), Repeat::SameKey, true);
            check(&of(status, Some(("no", Meaning::Final))), Repeat::SameKey, true);
        }
        check(&of(408, None), Repeat::SameKey, false);
        check(&of(425, None), Repeat::SameKey, false);
        check(&of(429, Some(("quota", Meaning::Final))), Repeat::Free, false);
        check(&of(409, Some(("busy", Meaning::Passes))), Repeat::SameKey, false);
        for status in [301, 307, 400, 401, 404, 409, 422] {
            check(&of(status, None), Repeat::Useless, false);
        }
        assert_eq!(
            of(409, Some(("used", Meaning::Final))).to_string(),
            "cannot call h: it refuses with status 409 (used)"
        );
    }

    #[test]
    fn what_was_never_sent_may_be_repeated_freely() {
        let host = || "h".to_owned();
        let second = Duration::from_secs(1);
        check(&CallError::NotAsked { host: host(), retry_after: second }, Repeat::Free, false);
        let cause = Cause::NoConnection;
        check(&CallError::Transient { host: host(), cause, retry_after: None }, Repeat::Free, true);
        check(&CallError::OutcomeUnknown { host: host() }, Repeat::SameKey, true);
        check(&CallError::Unreadable { host: host(), status: 200 }, Repeat::SameKey, false);
        check(&CallError::TooLarge { host: host(), status: 200, limit_bytes: 1 }, Repeat::Useless, false);
    }

    #[test]
    fn a_repeat_comes_never_before_the_time_that_was_told() {
        let told = Duration::from_secs(40);
        let error = CallError::of_status("h".to_owned(), 503, None, Some(told));
        let mut rng = StdRng::seed_from_u64(1);
        let pauses: Vec<_> = (0..50).filter_map(|_| error.retry_in(Backoff::CALLBACK, 1, &mut rng)).collect();
        assert!(pauses.iter().all(|pause| (told..=told + Backoff::CALLBACK.first).contains(pause)));
        assert_ne!(pauses.iter().min(), pauses.iter().max());
    }
}
