//! Budgets: verdicts, waits, and texts that set them.

use super::*;

fn counted(attempts: u32) -> Reservation {
    Reservation {
        source: Level::Counted { attempts },
        network: Level::Counted { attempts },
        region: Level::Counted { attempts },
        total: 0,
    }
}

#[track_caller]
fn check(reservation: Reservation, expected: Verdict) {
    assert_eq!(BudgetRules::default().judge(&reservation), expected);
}

#[test]
fn three_failures_are_explained_and_the_fourth_is_not() {
    check(counted(1), Verdict::Admitted(Disclosure::Detailed));
    check(counted(3), Verdict::Admitted(Disclosure::Detailed));
    check(counted(4), Verdict::Admitted(Disclosure::Uniform));
    check(counted(10), Verdict::Admitted(Disclosure::Uniform));
}

#[test]
fn the_level_that_refuses_sets_the_wait() {
    let refused = |refusals| Level::Refused { refusals };
    let source = Reservation { source: refused(1), network: Level::NotAsked, region: Level::NotAsked, total: 0 };
    check(source, Verdict::TooMany { retry_after_seconds: 60 });
    let network = Reservation { network: refused(2), region: Level::NotAsked, ..counted(1) };
    check(network, Verdict::TooMany { retry_after_seconds: 120 });
    check(Reservation { region: refused(3), ..counted(1) }, Verdict::TooMany { retry_after_seconds: 240 });
}

#[test]
fn nothing_counted_means_the_cap() {
    let capped =
        Reservation { source: Level::NotAsked, network: Level::NotAsked, region: Level::NotAsked, total: 10_000 };
    check(capped, Verdict::Capped { retry_after_seconds: 900 });
}

#[test]
fn waits_double_from_a_minute_to_a_quarter_of_an_hour() {
    let rules = BudgetRules::default();
    let waits: Vec<_> = (1..=6).map(|refusals| rules.retry_after_seconds(refusals)).collect();
    assert_eq!(waits, [60, 120, 240, 480, 900, 900]);
    assert_eq!(rules.retry_after_seconds(u32::MAX), 900);
    assert_eq!(rules.retry_after_seconds(0), 60);
}

#[test]
fn a_thousand_failures_are_no_attack_and_one_more_is() {
    let rules = BudgetRules::default();
    assert!(!rules.is_under_attack(1_000));
    assert!(rules.is_under_attack(1_001));
}

#[test]
fn only_what_is_named_differs_from_the_default() {
    let rules = BudgetRules::parse(" source=20/60, cap=5 ,disclosed=0,").unwrap();
    let expected = BudgetRules {
        source: Budget::of(20, 60),
        cap: NonZeroU32::new(5).unwrap(),
        disclosed_failures: 0,
        ..BudgetRules::default()
    };
    assert_eq!(rules, expected);
    assert_eq!(BudgetRules::parse(""), Ok(BudgetRules::default()));
}

#[test]
fn a_budget_that_cannot_be_used_is_named() {
    for word in ["source", "source=10", "source=0/900", "source=10/2", "source=-1/900", "cap=0", "sauce=1/900"] {
        assert_eq!(BudgetRules::parse(&format!("network=1/60,{word}")).unwrap_err().word, word);
    }
}
