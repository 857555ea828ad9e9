//! When an appliance checks in: a time of day of its own, so that a fleet does not call at once (licensing contract, L-14).

use sha2::{Digest as _, Sha256};

use super::DAY_SECONDS;

/// Between two check-ins, in seconds.
pub const EVERY_SECONDS: u64 = 86_400;
/// Most that chance adds to the time of a check-in, in seconds.
pub const JITTER_SECONDS: u64 = 30 * 60;
/// Longest delay of the check-in that follows the start of a worker, in seconds.
pub const START_DELAY_SECONDS: u64 = 10 * 60;
/// A worker's start is followed by a check-in when the last one is older than this, in seconds.
const RECENT_SECONDS: i64 = 12 * 3600;

/// The appliance's own time of the day (UTC), in seconds after midnight: the hash of its id over 24 hours. It stays the same
/// for as long as the id does.
pub fn phase_seconds(appliance_id: &str) -> u64 {
    let digest = Sha256::digest(appliance_id.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first) % EVERY_SECONDS
}

/// Whether the start of a worker is followed by a check-in: the last success is older than twelve hours, or there was none. A
/// time ahead of the clock counts as old, because the clock that wrote it was wrong.
pub const fn is_overdue(last_success: Option<i64>, now: i64) -> bool {
    match last_success {
        None => true,
        Some(last) => last > now + DAY_SECONDS || now - last > RECENT_SECONDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_thousand_appliances_never_meet_ten_at_a_minute() {
        let mut minutes: BTreeMap<u64, usize> = BTreeMap::new();
        for number in 0..1_000 {
            let phase = phase_seconds(&format!("appliance-{number:032x}"));
            assert!(phase < EVERY_SECONDS);
            *minutes.entry(phase / 60).or_default() += 1;
        }
        assert!(minutes.values().all(|count| *count <= 10), "{minutes:?}");
        assert!(minutes.len() > 600, "they are spread over the day: {} minutes", minutes.len());
    }

    #[test]
    fn the_time_belongs_to_the_id() {
        assert_eq!(phase_seconds("appliance-1"), phase_seconds("appliance-1"));
        assert_ne!(phase_seconds("appliance-1"), phase_seconds("appliance-2"));
    }

    #[test]
    fn a_start_is_followed_by_a_check_in_only_when_one_is_due() {
        let now = 1_767_225_600;
        assert!(is_overdue(None, now));
        assert!(is_overdue(Some(now - 12 * 3600 - 1), now));
        assert!(!is_overdue(Some(now - 12 * 3600), now));
        assert!(!is_overdue(Some(now + 60), now));
        assert!(is_overdue(Some(now + 2 * 86_400), now));
    }
}
