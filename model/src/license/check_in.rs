//! What an appliance gets at check-in: a new licence, the present one again, nothing, or the word that it is over (licensing
//! contract, section 5.3).

use super::edition::TenantStatus;

/// Least time in seconds that the stored licence must have left; with less it is replaced: 31 − 1 days, so that a licence is
/// renewed on each daily check-in.
pub const RENEW_BELOW_SECONDS: i64 = 30 * super::DAY_SECONDS;

/// Check-ins of one credential that are answered in an hour (contract, section 15, "Limits").
pub const PER_HOUR: u32 = 20;

/// What is stored of the licence that was signed last for an entitlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLicense<'a> {
    /// `iat` in unix seconds.
    pub issued_at: i64,
    /// `exp` in unix seconds.
    pub expires_at: i64,
    /// The key that signed it.
    pub kid: &'a str,
    /// Digest of what it said, without its times.
    pub digest: &'a [u8],
}

/// The present state of an entitlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed<'a> {
    /// Status of the appliance's tenant.
    pub status: TenantStatus,
    /// Whether the entitlement is active.
    pub active: bool,
    /// The subject; none before the first signature.
    pub subject: Option<&'a str>,
    /// What was signed last.
    pub stored: Option<StoredLicense<'a>>,
    /// Digest of what a licence would say now.
    pub digest: &'a [u8],
    /// The key that signs now.
    pub signing_kid: &'a str,
}

/// What the appliance says it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held<'a> {
    /// `current_license_sub`.
    pub subject: Option<&'a str>,
    /// `current_exp` in unix seconds.
    pub expires_at: Option<i64>,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing is signed any more. The appliance keeps its licence until it ends.
    Revoked,
    /// A licence from now on.
    Renew,
    /// The licence that was signed last, signed again with its own times.
    Repeat {
        /// `iat` in unix seconds.
        issued_at: i64,
        /// `exp` in unix seconds.
        expires_at: i64,
    },
    /// The appliance has the licence that was signed last.
    NoChange {
        /// `exp` in unix seconds.
        expires_at: i64,
    },
}

/// Decides the answer at `now`, in unix seconds. Total.
///
/// A tenant that is suspended or cancelled is answered like a revoked entitlement: nothing is signed for it.
pub fn decide(observed: &Observed<'_>, held: Held<'_>, now: i64) -> Answer {
    if !observed.active || !observed.status.is_in_good_standing() {
        return Answer::Revoked;
    }
    let (Some(subject), Some(stored)) = (observed.subject, &observed.stored) else {
        return Answer::Renew;
    };
    let short = stored.expires_at.saturating_sub(now) < RENEW_BELOW_SECONDS;
    if short || stored.digest != observed.digest || stored.kid != observed.signing_kid {
        return Answer::Renew;
    }
    let same_end = held.expires_at.is_none_or(|end| end == stored.expires_at);
    if held.subject == Some(subject) && same_end {
        Answer::NoChange { expires_at: stored.expires_at }
    } else {
        Answer::Repeat { issued_at: stored.issued_at, expires_at: stored.expires_at }
    }
}

#[cfg(test)]
#[path = "check_in_tests.rs"]
mod tests;
