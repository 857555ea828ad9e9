//! The end of a claim that nobody proves (domain-health contract, section 6): after 14 days we stop checking, and 30 days
//! later the row goes, so that the name is free for others. A request of the tenant resumes it until then.

use crate::portal::axis::OwnershipState;
use crate::portal::decide::Situation;
use crate::portal::health::Health;
use crate::portal::plan::{Decision, Look};
use crate::portal::schedule::{CLAIM_LIFE_MS, EXPIRED_ROW_KEPT_MS};
use crate::reason::ReasonCode;
use crate::time::iso8601;

/// When the claim ends if nothing proves it: 14 days after it was opened, resumed or last proven. Unix milliseconds.
pub fn ends_ms(health: &Health) -> i64 {
    // Age counts from the last proof: a lapse of an old domain is a fresh matter.
    health.opened_ms.max(health.dns_memory.proven_ms) + CLAIM_LIFE_MS
}

/// Has it ended?
pub fn is_expired(health: &Health) -> bool {
    health.ownership.reason == Some(ReasonCode::ClaimExpired)
}

/// Ends the claim.
pub fn expire(health: &mut Health, now_ms: i64) {
    let (ended, row_goes) = (ends_ms(health), ends_ms(health) + EXPIRED_ROW_KEPT_MS);
    health.ownership.set(OwnershipState::Lost, now_ms);
    health.ownership.reason = Some(ReasonCode::ClaimExpired);
    health.ownership.vars.insert("t".to_owned(), iso8601(ended));
    health.ownership.vars.insert("u".to_owned(), iso8601(row_goes));
}

/// What comes next for an expired claim: nothing for 30 days, a last look, then the row goes. A domain that still owns
/// objects keeps its row: after a change of domain that nobody proved, the old host serves from them.
pub fn after(s: &Situation<'_>) -> Decision {
    let (h, row_goes) = (s.health, ends_ms(s.health) + EXPIRED_ROW_KEPT_MS);
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
    if h.dns.last_checked_ms < row_goes {
        return Decision::Look(vec![Look::Dns]);
    }
    Decision::Release
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::decide::objects_of;
    use crate::portal::health::Unknown;
    use crate::portal::testing::{claim, health_at, row, settings};

    const LATE: i64 = CLAIM_LIFE_MS + EXPIRED_ROW_KEPT_MS;

    /// An expired claim that was opened at 0, whose DNS was last looked at then.
    #[track_caller]
    fn check(now_ms: i64, looked_ms: i64, unknown: bool, objects: bool, expected: &str) {
        let mut health = health_at(0);
        expire(&mut health, CLAIM_LIFE_MS);
        health.dns.last_checked_ms = looked_ms;
        health.dns.next_check_ms = i64::MAX;
        health.dns.unknown = unknown.then_some(Unknown { since_ms: 0, reason: ReasonCode::DnsLookupUnknown });
        let (row, claim, settings) = (row(), claim(), settings());
        let inventory = if objects { objects_of("id", 1, "old.test", &settings) } else { Vec::new() };
        let (inventory, health, settings) = (inventory.as_slice(), &health, &settings);
        let decision = after(&Situation { row: &row, claim: &claim, inventory, health, settings, now_ms });
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
        check(LATE, LATE - 1, false, false, "look");
        check(LATE, LATE, false, false, "the row goes");
    }

    #[test]
    fn what_serves_and_what_could_not_be_told_keep_the_row() {
        check(LATE, LATE, false, true, "rest");
        check(LATE, LATE, true, false, "rest");
    }
}
