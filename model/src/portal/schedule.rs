//! When we look again: the one table of waits (domain-health contract, section 8).

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// An unproven claim expires this long after it was opened or resumed.
pub const CLAIM_LIFE_MS: i64 = 14 * DAY;
/// The row of an expired claim is kept for this long, so that Retry goes on with the tenant's settings.
pub const EXPIRED_ROW_KEPT_MS: i64 = 30 * DAY;
/// A look at DNS this long ago is recent enough to let an expired row go.
pub const LAST_LOOK_LIFE_MS: i64 = 10 * MINUTE;
/// A tenant's mistake of class T other than "no record yet" becomes a failure status after this long.
pub const TENANT_GRACE_MS: i64 = DAY;
/// Requests that arrive faster than this are served together.
pub const REQUEST_SPACING_MS: i64 = 2 * SECOND;
/// A passed preflight may be used for an order for this long.
pub const PREFLIGHT_LIFE_MS: i64 = 10 * MINUTE;
/// A row that vanished is read again after this long before anything is removed.
pub const VANISHED_CONFIRM_MS: i64 = 10 * MINUTE;
/// A delete that is pending for longer than this is called blocked.
pub const REMOVAL_BLOCKED_MS: i64 = 5 * MINUTE;
/// A write that the cluster refused is tried again after this long.
pub const REFUSED_RETRY_MS: i64 = MINUTE;
/// A blocked removal is looked at again after this long; a request looks at once.
pub const REMOVAL_BLOCKED_POLL_MS: i64 = 5 * MINUTE;
/// While all removals are held for an operator, each is looked at again after this long.
pub const REMOVALS_HELD_MS: i64 = 5 * MINUTE;
/// Objects without an outside probe for this long stop being "almost there".
pub const EDGE_DEADLINE_MS: i64 = 5 * MINUTE;
/// A quiet run of a live domain sleeps this long; sweeps wake it on change. Also the longest life of one run.
pub const QUIET_MS: i64 = 30 * DAY;

/// After the instant that an authority named, a retry waits up to this much longer.
pub const RATE_LIMIT_SPREAD_MS: i64 = 5 * MINUTE;

/// Waits after failed authorizations: the Certificate is deleted, preflight runs, and it is created again.
const AFTER_FAILURE_MS: [i64; 5] = [2 * MINUTE, 10 * MINUTE, HOUR, 4 * HOUR, DAY];

/// A random fraction in 0..1 for jitter, drawn by the caller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// No jitter: every interval has its nominal length.
    pub const NONE: Self = Self(0.5);

    /// Takes 32 random bits.
    pub fn from_bits(bits: u32) -> Self {
        Self(f64::from(bits) / f64::from(u32::MAX))
    }

    /// A part of `most_ms`, from nothing to all of it.
    pub fn up_to(self, most_ms: i64) -> i64 {
        (most_ms as f64 * self.0) as i64
    }

    /// Spreads an interval by up to ±20 %.
    fn spread(self, interval_ms: i64) -> i64 {
        (interval_ms as f64 * (0.8 + 0.4 * self.0)) as i64
    }
}

/// Wait before the next look at DNS and ownership while nobody watches: 15 s, each × 1.15, capped by the claim's age.
/// `None` once the claim's life has ended.
pub fn dns_recheck_ms(age_ms: i64, attempt: u32, jitter: Jitter) -> Option<i64> {
    if age_ms >= CLAIM_LIFE_MS {
        return None;
    }
    let cap = match age_ms {
        age if age < DAY => 15 * MINUTE,
        age if age < 3 * DAY => HOUR,
        _ => 4 * HOUR,
    };
    Some(jitter.spread(grow(15 * SECOND, 1.15, attempt, cap)))
}

/// Wait before the next preflight after one that found something: 15 s, each × 1.5, at most 15 min.
pub fn preflight_retry_ms(attempt: u32, jitter: Jitter) -> i64 {
    jitter.spread(grow(15 * SECOND, 1.5, attempt, 15 * MINUTE))
}

/// Wait after the `failures`-th failed order (1 is the first): 2, 10, 60 min, 4 h, then daily.
pub fn order_retry_ms(failures: u32) -> i64 {
    let index = (failures.max(1) - 1) as usize;
    AFTER_FAILURE_MS.get(index).copied().unwrap_or(DAY)
}

/// Wait between looks at objects in the cluster: 2 s growing to 30 s.
pub fn cluster_poll_ms(attempt: u32) -> i64 {
    grow(2 * SECOND, 1.6, attempt, 30 * SECOND)
}

/// Wait before the next probe after an apply that the first probes did not see: 5, 8, 13 … s, at most a minute.
pub fn probe_retry_ms(attempt: u32) -> i64 {
    grow(5 * SECOND, 1.6, attempt.saturating_sub(1), MINUTE)
}

/// Wait before the next probe of a live host that is degraded: 30 s growing to 5 min.
pub fn degraded_ms(attempt: u32, jitter: Jitter) -> i64 {
    jitter.spread(grow(30 * SECOND, 1.4, attempt.saturating_sub(1), 5 * MINUTE))
}

/// Wait before the next look at the DNS of a live host whose records are not right: 30 s growing to 15 min.
pub fn degraded_dns_ms(attempt: u32, jitter: Jitter) -> i64 {
    jitter.spread(grow(30 * SECOND, 1.4, attempt.saturating_sub(1), 15 * MINUTE))
}

/// Wait after a look that we could not make.
pub fn unknown_ms(attempt: u32, jitter: Jitter) -> i64 {
    jitter.spread(grow(5 * SECOND, 1.6, attempt.saturating_sub(1), MINUTE))
}

fn grow(first_ms: i64, factor: f64, attempt: u32, cap_ms: i64) -> i64 {
    let grown = first_ms as f64 * factor.powi(attempt.min(200) as i32);
    if grown >= cap_ms as f64 { cap_ms } else { grown as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_checked_about_230_times_before_it_expires() {
        let (mut age, mut looks) = (0, 0_u32);
        while let Some(wait) = dns_recheck_ms(age, looks, Jitter::NONE) {
            age += wait;
            looks += 1;
        }
        assert!((200..=270).contains(&looks), "{looks}");
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        for bits in [0, u32::MAX / 3, u32::MAX] {
            let wait = dns_recheck_ms(0, 0, Jitter::from_bits(bits)).expect("young claim");
            assert!((12_000..=18_000).contains(&wait), "{wait}");
        }
    }

    #[test]
    fn never_more_than_four_orders_fail_in_an_hour() {
        let mut at = 0;
        let failures = (1..)
            .take_while(|failure| {
                at += order_retry_ms(*failure);
                at < HOUR
            })
            .count();
        assert!(failures <= 3, "{failures} retries in the first hour");
    }
}
