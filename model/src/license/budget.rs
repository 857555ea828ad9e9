//! How many failed attempts a source has, and what it is told (licensing contract, L-05, L-06 and section 15, "Limits").
//!
//! An attempt is reserved before the code is looked up and given back when it succeeds, so that guesses in parallel count
//! like guesses in a row.

use std::num::NonZeroU32;

/// So many attempts in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Failed attempts that are let through, at least 1.
    pub attempts: NonZeroU32,
    /// Length of the window in seconds, at least [`BUCKETS`].
    pub window_seconds: NonZeroU32,
}

/// In how many buckets a window is counted.
///
/// The bucket of now is counted together with this many before it. So in no stretch of the length of the window more
/// attempts are let through than the budget has, wherever the stretch begins; and an attempt is forgotten after one window
/// to one and a third.
pub const BUCKETS: u32 = 3;

impl Budget {
    const fn of(attempts: u32, window_seconds: u32) -> Self {
        let attempts = NonZeroU32::new(attempts).expect("a budget has attempts");
        let window_seconds = NonZeroU32::new(window_seconds).expect("a window has a length");
        Self { attempts, window_seconds }
    }
}

/// The budgets of `POST /register`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetRules {
    /// Of one IPv4 address or IPv6 /64.
    pub source: Budget,
    /// Of one source while all sources together fail too often. Counted in the buckets of [`source`](Self::source).
    pub source_under_attack: Budget,
    /// Of one /24 (IPv4) or /48 (IPv6).
    pub network: Budget,
    /// Of one /16 (IPv4) or /32 (IPv6).
    pub region: Budget,
    /// Failures of all sources together above which an alert fires and [`source_under_attack`](Self::source_under_attack)
    /// holds.
    pub alert: Budget,
    /// Failures of all sources together from which on only sources with an earlier success are served.
    pub cap: NonZeroU32,
    /// Failures of a source after which every rejection looks the same.
    pub disclosed_failures: u32,
    /// The first `Retry-After` in seconds. Each further refusal doubles it.
    pub retry_min_seconds: u32,
    /// The longest `Retry-After` in seconds.
    pub retry_max_seconds: u32,
}

impl Default for BudgetRules {
    /// The numbers of L-05 and L-06. The contract gives none for the wider network and for the cap: five networks' worth,
    /// and ten times the alert.
    fn default() -> Self {
        Self {
            source: Budget::of(10, 900),
            source_under_attack: Budget::of(3, 3_600),
            network: Budget::of(50, 3_600),
            region: Budget::of(250, 3_600),
            alert: Budget::of(1_000, 3_600),
            cap: NonZeroU32::new(10_000).expect("the cap is not zero"),
            disclosed_failures: 3,
            retry_min_seconds: 60,
            retry_max_seconds: 900,
        }
    }
}

/// Why a text sets no budgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetError {
    /// The word that cannot be used.
    pub word: String,
}

impl std::fmt::Display for BudgetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cannot use {:?}: budgets are written like source=10/900 (attempts/seconds, at least 1/{BUCKETS}) for source, \
             under_attack, network, region and alert, like cap=10000 and like disclosed=3, with commas between them",
            self.word
        )
    }
}

impl std::error::Error for BudgetError {}

impl BudgetRules {
    /// Reads the budgets that differ from the default, such as `source=20/900,cap=5000`.
    ///
    /// # Errors
    /// [`BudgetError`] with the first word that cannot be used.
    pub fn parse(text: &str) -> Result<Self, BudgetError> {
        let mut rules = Self::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            rules.set(word).ok_or_else(|| BudgetError { word: word.to_owned() })?;
        }
        Ok(rules)
    }

    fn set(&mut self, word: &str) -> Option<()> {
        let (name, value) = word.split_once('=')?;
        match name {
            "source" => self.source = budget(value)?,
            "under_attack" => self.source_under_attack = budget(value)?,
            "network" => self.network = budget(value)?,
            "region" => self.region = budget(value)?,
            "alert" => self.alert = budget(value)?,
            "cap" => self.cap = value.parse().ok()?,
            "disclosed" => self.disclosed_failures = value.parse().ok()?,
            _ => return None,
        }
        Some(())
    }

    /// `Retry-After` in seconds after so many refusals in a row, the present one included: 60, 120, 240 … 900.
    pub fn retry_after_seconds(&self, refusals: u32) -> u32 {
        let doublings = refusals.saturating_sub(1).min(31);
        self.retry_min_seconds.saturating_mul(1 << doublings).min(self.retry_max_seconds)
    }
}

fn budget(text: &str) -> Option<Budget> {
    let (attempts, seconds) = text.split_once('/')?;
    let window_seconds = seconds.parse::<NonZeroU32>().ok().filter(|seconds| seconds.get() >= BUCKETS)?;
    Some(Budget { attempts: attempts.parse().ok()?, window_seconds })
}

/// What a source is told of a rejection (L-06).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure {
    /// The reason.
    Detailed,
    /// That the code is invalid, whatever the reason.
    Uniform,
}

/// One level of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The attempt was counted; so many are in the window, this one included.
    Counted {
        /// Failed and open attempts.
        attempts: u32,
    },
    /// The budget is used up; so many attempts were refused in the window, this one included.
    Refused {
        /// Refused attempts.
        refusals: u32,
    },
    /// A level before refused, so this one was not asked.
    NotAsked,
}

/// What a reservation found, from the narrowest level to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// The source.
    pub source: Level,
    /// Its network.
    pub network: Level,
    /// Its wider network.
    pub region: Level,
    /// Failed and open attempts of all sources in the window, before this one.
    pub total: u64,
}

/// What follows from a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The request is looked at. Its attempt is given back when it succeeds.
    Admitted(Disclosure),
    /// 429. What narrower levels counted is given back.
    TooMany {
        /// `Retry-After`.
        retry_after_seconds: u32,
    },
    /// All sources together fail so often that only known ones are served: 503. Nothing was counted.
    Capped {
        /// `Retry-After`.
        retry_after_seconds: u32,
    },
}

impl BudgetRules {
    /// Judges a reservation.
    pub fn judge(&self, reservation: &Reservation) -> Verdict {
        let attempts = match reservation.source {
            Level::Counted { attempts } => attempts,
            Level::Refused { refusals } => return self.too_many(refusals),
            Level::NotAsked => return Verdict::Capped { retry_after_seconds: self.retry_max_seconds },
        };
        for level in [reservation.network, reservation.region] {
            match level {
                Level::Refused { refusals } => return self.too_many(refusals),
                Level::Counted { .. } | Level::NotAsked => {}
            }
        }
        // The present attempt is counted already.
        let uniform = attempts > self.disclosed_failures;
        Verdict::Admitted(if uniform { Disclosure::Uniform } else { Disclosure::Detailed })
    }

    fn too_many(&self, refusals: u32) -> Verdict {
        Verdict::TooMany { retry_after_seconds: self.retry_after_seconds(refusals) }
    }

    /// Whether all sources together fail so often that somebody must be told.
    pub fn is_under_attack(&self, total: u64) -> bool {
        total > u64::from(self.alert.attempts.get())
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
