//! A clock that is set back, and one that once ran ahead.

use super::*;
use crate::license::token::VerifyFailure;
use crate::license::token_fixture::{HEADER, NOW, payload, signed, verify, verify_at};

const DAY: i64 = 86_400;

#[test]
fn an_hour_behind_is_trusted_and_a_second_more_is_not() {
    let highest = HighestTime::stored(NOW);
    let trusted = DecidingTime { now: NOW - 3_600, state: ClockState::Trusted };
    assert_eq!(highest.decide(NOW - 3_600), trusted);
    let behind = DecidingTime { now: NOW, state: ClockState::Behind { seconds: 3_601 } };
    assert_eq!(highest.decide(NOW - 3_601), behind);
    assert_eq!(highest.decide(NOW + DAY), DecidingTime { now: NOW + DAY, state: ClockState::Trusted });
    assert_eq!(HighestTime::stored(i64::MAX).decide(i64::MIN).now, i64::MAX);
}

#[test]
fn the_highest_time_only_grows_until_a_check_in() {
    let highest = HighestTime::stored(NOW).seen(NOW - DAY).seen(NOW + 5).seen(NOW);
    assert_eq!(highest.seconds(), NOW + 5);
    let ahead = highest.seen(NOW + 400 * DAY);
    assert_eq!(ahead.decide(NOW).state, ClockState::Behind { seconds: 400 * DAY });
    assert_eq!(HighestTime::checked_in(NOW).decide(NOW), DecidingTime { now: NOW, state: ClockState::Trusted });
}

#[test]
fn a_licence_tells_the_least_time_there_can_be() {
    let license = verify(&signed(HEADER, &payload("", ""), 1)).unwrap();
    assert_eq!(HighestTime::stored(NOW - 5).licensed(&license).seconds(), NOW);
    assert_eq!(HighestTime::stored(NOW + 5).licensed(&license).seconds(), NOW + 5);
}

/// L-18: "set the clock back 40 days: an expired licence stays expired".
#[test]
fn an_expired_licence_stays_expired_when_the_clock_is_set_back() {
    let text = signed(HEADER, &payload("exp", &(NOW + DAY).to_string()), 1);
    let highest = HighestTime::stored(NOW).seen(NOW + 31 * DAY);
    let back = NOW + 31 * DAY - 40 * DAY;
    assert_eq!(verify_at(&text, highest.decide(NOW + 31 * DAY).now), Err(VerifyFailure::Expired));
    assert_eq!(verify_at(&text, highest.decide(back).now), Err(VerifyFailure::Expired));
}
