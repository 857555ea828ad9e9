//! Words, old and new.

use super::*;

#[test]
fn premium_is_read_as_pro_and_never_written() {
    assert_eq!(Edition::parse("premium"), Some(Edition::Pro));
    assert_eq!(Tier::parse("premium"), Some(Tier::Pro));
    assert_eq!(Edition::Pro.to_string(), "pro");
    assert_eq!(Tier::Pro.to_string(), "pro");
}

#[test]
fn words_are_exact() {
    for text in ["", "Pro", "pro ", "PREMIUM", "enterprise"] {
        assert_eq!((Edition::parse(text), Tier::parse(text)), (None, None), "{text:?}");
    }
    assert_eq!(Edition::parse("solo"), None);
    assert_eq!(Transport::parse("connected-monthly"), None);
}

#[test]
fn tiers_ascend_and_only_pro_is_sold() {
    assert!(Tier::Essentials < Tier::Solo && Tier::Solo < Tier::Pro);
    assert!(Tier::Pro.is_sellable() && !Tier::Solo.is_sellable() && !Tier::Essentials.is_sellable());
}

#[test]
fn lives_are_31_and_365_days() {
    assert_eq!(Transport::Connected.life_seconds(), 2_678_400);
    assert_eq!(Transport::Airgap.life_seconds(), 31_536_000);
}

#[test]
fn a_hold_is_no_good_standing() {
    use TenantStatus::{Active, Cancelled, Installed, Registered, Suspended};
    assert!(![Suspended, Cancelled].iter().any(|status| status.is_in_good_standing()));
    assert!([Registered, Installed, Active].iter().all(|status| status.is_in_good_standing()));
}
