//! How long to wait before a repeat when the other side did not say.

use rand::Rng;
use std::time::Duration;

/// Growing pauses with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Longest pause before the second attempt; it doubles with every attempt.
    pub first: Duration,
    /// Longest pause of all.
    pub longest: Duration,
}

impl Backoff {
    /// Calls to the shop: 2 s, doubled, at most 60 s (contract, section 8.2).
    pub const CALLBACK: Self = Self { first: Duration::from_secs(2), longest: Duration::from_secs(60) };
    /// Steps of tenant creation: 1 s, doubled, at most 30 s (contract, section 3.3).
    pub const STEP: Self = Self { first: Duration::from_secs(1), longest: Duration::from_secs(30) };

    /// A random pause after the given attempt, counted from 1: between half and all of `first * 2^(attempt - 1)`, which
    /// `longest` bounds. Half of it stays, so that a busy host has rest; the other half keeps many callers apart.
    pub fn pause(self, attempt: u32, rng: &mut impl Rng) -> Duration {
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let ceiling = self.first.saturating_mul(factor).min(self.longest);
        ceiling.mul_f64(rng.random_range(0.5..=1.0))
    }

    /// A random part of `first`, added to a time that the other side gave to all callers alike.
    pub fn spread(self, rng: &mut impl Rng) -> Duration {
        self.first.mul_f64(rng.random_range(0.0..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[track_caller]
    fn check(attempt: u32, ceiling_ms: u64) {
        let mut rng = StdRng::seed_from_u64(u64::from(attempt));
        let pauses: Vec<Duration> = (0..200).map(|_| Backoff::CALLBACK.pause(attempt, &mut rng)).collect();
        let ceiling = Duration::from_millis(ceiling_ms);
        assert!(pauses.iter().all(|pause| (ceiling / 2..=ceiling).contains(pause)), "{attempt}");
        let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
        assert!(*most - *least > ceiling / 4, "the pauses of many callers differ");
    }

    #[test]
    fn pauses_grow_to_their_bound_and_differ() {
        check(0, 2_000);
        check(1, 2_000);
        check(2, 4_000);
        check(5, 32_000);
        check(6, 60_000);
        check(u32::MAX, 60_000);
    }
}
