//! The end of a claim that nobody proves (domain-health contract, section 6): after 14 days its host is looked at once a day
//! and no longer, and 30 days later the row goes, so that the name is free for others. A request of the tenant resumes it.

use crate::portal::axis::OwnershipState;
use crate::portal::decide::Situation;
use crate::portal::health::Health;
use crate::portal::plan::{Decision, Look};
use crate::portal::schedule::{CLAIM_LIFE_MS, EXPIRED_ROW_KEPT_MS, LAST_LOOK_LIFE_MS};
use crate::reason::ReasonCode;
use crate::time::iso8601;

/// When the row of a claim goes that began to be unproven then.
pub const fn row_goes_after(unproven_since_ms: i64) -> i64 {
    unproven_since_ms + CLAIM_LIFE_MS + EXPIRED_ROW_KEPT_MS
}

/// Since when nothing proves the claim: since it was opened or resumed, or since the look that found its proof gone. A lapse
/// of an old domain is a fresh matter.
pub fn unproven_since_ms(health: &Health) -> i64 {
    health.opened_ms.max(health.dns_memory.proven_ms).max(health.dns_memory.lost_ms)
}

/// When the claim ends if nothing proves it. Unix milliseconds.
pub fn ends_ms(health: &Health) -> i64 {
    unproven_since_ms(health) + CLAIM_LIFE_MS
}

/// Has it ended?
pub fn is_expired(health: &Health) -> bool {
    health.ownership.reason == Some(ReasonCode::ClaimExpired)
}

/// Ends the claim.
pub fn expire(health: &mut Health) {
    let ended = ends_ms(health);
    health.ownership.set(OwnershipState::Lost, ended);
    health.ownership.reason = Some(ReasonCode::ClaimExpired);
    health.ownership.vars.insert("t".to_owned(), iso8601(ended));
    health.ownership.vars.insert("u".to_owned(), iso8601(row_goes_after(unproven_since_ms(health))));
}

/// Says that the row of an expired claim stays, because the domain owns objects.
pub fn keep_row(health: &mut Health) {
    if is_expired(health) {
        health.ownership.vars.insert("u".to_owned(), "further notice".to_owned());
    }
}

/// Begins the claim's life anew: the tenant registered again or pressed Retry, and the store resumed it at `opened_ms`.
pub fn resume(health: &mut Health, opened_ms: i64) {
    health.opened_ms = opened_ms;
    if is_expired(health) {
        health.ownership.set(OwnershipState::Pending, opened_ms);
        health.dns.attempt = 0;
    }
}

/// What comes next for a claim that has expired: a look now and then, a last one when its time has come, and then the row
/// goes. A domain that still owns objects keeps its row: after a change of domain that nobody proved, the old host serves
/// from them.
pub fn next_of_expired(s: &Situation<'_>) -> Decision {
    let (h, row_goes) = (s.health, row_goes_after(unproven_since_ms(s.health)));
    let until = |until_ms: i64| Decision::Rest { until_ms, why: "the tenant to press Retry".to_owned() };
    if !s.inventory.is_empty() {
        return until(h.dns.next_check_ms);
    }
    if s.now_ms < row_goes {
        return until(h.dns.next_check_ms.min(row_goes));
    }
    // "Could not tell" takes nothing away.
    if h.dns.unknown.is_some() {
        return until(h.dns.next_check_ms);
    }
    if s.now_ms - h.dns.last_checked_ms > LAST_LOOK_LIFE_MS {
        return Decision::Look(vec![Look::Dns]);
    }
    Decision::Release
}

/// The row of a name that may not be used goes as that of an expired claim does: nothing will ever prove it. DNS is not asked.
pub fn refused_row_goes_ms(s: &Situation<'_>) -> Option<i64> {
    let keeps = s.health.edge_memory.serving_now || !s.inventory.is_empty();
    (!keeps).then(|| row_goes_after(unproven_since_ms(s.health)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::decide::objects_of;
    use crate::portal::health::Unknown;
    use crate::portal::testing::{claim, health_at, row, settings};

    const LATE: i64 = row_goes_after(0);

    /// An expired claim that was opened at 0, whose DNS was last looked at then.
    #[track_caller]
    fn check(now_ms: i64, looked_ms: i64, unknown: bool, objects: bool, expected: &str) {
        let mut health = health_at(0);
        expire(&mut health);
        health.dns.last_checked_ms = looked_ms;
        health.dns.next_check_ms = i64::MAX;
        health.dns.unknown = unknown.then_some(Unknown { since_ms: 0, reason: ReasonCode::DnsLookupUnknown });
        let (row, claim, settings) = (row(), claim(), settings());
        let inventory = if objects { objects_of("id", 1, "old.test", &settings) } else { Vec::new() };
        let (inventory, health, settings) = (inventory.as_slice(), &health, &settings);
        let decision = next_of_expired(&Situation { row: &row, claim: &claim, inventory, health, settings, now_ms });
        let word = match decision {
            Decision::Release => "the row goes".to_owned(),
            Decision::Look(_) => "look".to_owned(),
            Decision::Rest { until_ms: i64::MAX, .. } => "rest".to_owned(),
            Decision::Rest { until_ms, .. } => format!("rest until {until_ms}"),
            Decision::Apply(_) => "apply".to_owned(),
        };
        assert_eq!(word, expected);
    }

    #[test]
    fn the_row_of_an_expired_claim_goes_after_thirty_days_and_a_last_look() {
        check(CLAIM_LIFE_MS, CLAIM_LIFE_MS, false, false, &format!("rest until {LATE}"));
        check(LATE, LATE - LAST_LOOK_LIFE_MS - 1, false, false, "look");
        check(LATE, LATE, false, false, "the row goes");
    }

    #[test]
    fn what_serves_and_what_could_not_be_told_keep_the_row() {
        check(LATE, LATE, false, true, "rest");
        check(LATE, LATE, true, false, "rest");
    }

    #[test]
    fn a_lapse_counts_from_the_look_that_found_it() {
        let mut health = health_at(0);
        health.dns_memory.proven_ms = 1;
        assert_eq!(ends_ms(&health), 1 + CLAIM_LIFE_MS);
        health.dns_memory.lost_ms = 29 * 86_400_000;
        assert_eq!(ends_ms(&health), 29 * 86_400_000 + CLAIM_LIFE_MS);
    }

    #[test]
    fn a_resumed_claim_is_no_longer_expired() {
        let mut health = health_at(0);
        expire(&mut health);
        assert_eq!(health.ownership.since_ms, CLAIM_LIFE_MS);
        resume(&mut health, 2 * CLAIM_LIFE_MS);
        assert!(!is_expired(&health) && ends_ms(&health) == 3 * CLAIM_LIFE_MS);
    }
}
