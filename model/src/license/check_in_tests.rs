//! The table of check-in.

use super::*;

const NOW: i64 = 1_800_000_000;
const EXP: i64 = NOW + 31 * super::super::DAY_SECONDS;

fn stored() -> StoredLicense<'static> {
    StoredLicense { issued_at: NOW, expires_at: EXP, kid: "v1", digest: b"says" }
}

fn observed() -> Observed<'static> {
    Observed {
        status: TenantStatus::Active,
        active: true,
        subject: Some("lic_1"),
        stored: Some(stored()),
        digest: b"says",
        signing_kid: "v1",
    }
}

fn held(subject: Option<&'static str>, expires_at: Option<i64>) -> Held<'static> {
    Held { subject, expires_at }
}

#[track_caller]
fn check(observed: &Observed<'_>, held: Held<'_>, now: i64, expected: Answer) {
    assert_eq!(decide(observed, held, now), expected);
}

#[test]
fn an_appliance_that_has_the_licence_gets_nothing() {
    check(&observed(), held(Some("lic_1"), Some(EXP)), NOW, Answer::NoChange { expires_at: EXP });
    check(&observed(), held(Some("lic_1"), None), NOW, Answer::NoChange { expires_at: EXP });
}

#[test]
fn one_that_has_another_or_none_gets_it_again() {
    let again = Answer::Repeat { issued_at: NOW, expires_at: EXP };
    check(&observed(), Held::default(), NOW, again);
    check(&observed(), held(None, Some(EXP)), NOW, again);
    check(&observed(), held(Some("lic_2"), Some(EXP)), NOW, again);
    check(&observed(), held(Some("lic_1"), Some(EXP - 1)), NOW, again);
}

#[test]
fn less_than_thirty_days_left_is_renewed() {
    let day = super::super::DAY_SECONDS;
    let has_it = held(Some("lic_1"), Some(EXP));
    check(&observed(), has_it, NOW + day, Answer::NoChange { expires_at: EXP });
    check(&observed(), has_it, NOW + day + 1, Answer::Renew);
    check(&observed(), has_it, EXP + day, Answer::Renew);
}

#[test]
fn another_content_or_key_is_renewed() {
    let has_it = held(Some("lic_1"), Some(EXP));
    check(&Observed { digest: b"says more", ..observed() }, has_it, NOW, Answer::Renew);
    check(&Observed { signing_kid: "v2", ..observed() }, has_it, NOW, Answer::Renew);
    check(&Observed { stored: None, ..observed() }, has_it, NOW, Answer::Renew);
    check(&Observed { subject: None, ..observed() }, has_it, NOW, Answer::Renew);
}

#[test]
fn what_is_over_is_said_and_nothing_is_signed() {
    check(&Observed { active: false, ..observed() }, Held::default(), NOW, Answer::Revoked);
    check(&Observed { active: false, stored: None, ..observed() }, Held::default(), NOW, Answer::Revoked);
    for status in [TenantStatus::Suspended, TenantStatus::Cancelled] {
        check(&Observed { status, ..observed() }, held(Some("lic_1"), Some(EXP)), NOW, Answer::Revoked);
    }
    for status in [TenantStatus::Registered, TenantStatus::Installed] {
        let expected = Answer::NoChange { expires_at: EXP };
        check(&Observed { status, ..observed() }, held(Some("lic_1"), Some(EXP)), NOW, expected);
    }
}
