use super::*;

const HERE: &str = "http://127.0.0.1:4100";

#[track_caller]
fn check(known: &Known<'_>, loopback: Loopback, expected: Result<&str, ServiceError>) {
    let chosen = choose(known, loopback);
    assert_eq!(chosen.as_ref().map(|service| service.origin().as_str()).map_err(|error| *error), expected, "{known:?}");
}

const fn known<'a>(configured: Option<&'a str>, check_in_url: Option<&'a str>, verified: Option<&'a str>) -> Known<'a> {
    Known { configured, check_in_url, verified }
}

#[test]
fn the_setting_comes_first_and_the_default_last() {
    use Loopback::Refused;
    let stored = Some("https://license.nineminds.com/check-in");
    check(&known(Some("https://own.example/api"), stored, None), Refused, Ok("https://own.example"));
    check(&known(None, stored, None), Refused, Ok(DEFAULT_SERVICE));
    check(&known(None, Some(""), None), Refused, Ok(DEFAULT_SERVICE));
    check(&known(None, None, Some("https://own.example")), Refused, Ok(DEFAULT_SERVICE));
}

#[test]
fn a_stored_address_leads_only_to_a_service_that_was_verified() {
    use Loopback::Refused;
    let own = Some("https://own.example:8443/check-in");
    check(&known(None, own, Some("https://own.example:8443")), Refused, Ok("https://own.example:8443"));
    check(&known(None, own, Some("https://own.example")), Refused, Err(ServiceError::Untrusted));
    check(&known(None, own, None), Refused, Err(ServiceError::Untrusted));
    for evil in [
        "https://license.nineminds.com.evil.example/check-in",
        "https://license.nineminds.com@evil.example/check-in",
        "https://license.nineminds.com:444/check-in",
        "http://license.nineminds.com/check-in",
        "https://evil.example/https://license.nineminds.com",
    ] {
        check(&known(None, Some(evil), None), Refused, Err(ServiceError::Untrusted));
    }
    check(&known(None, Some("data:text/plain,x"), None), Refused, Err(ServiceError::Address(AddressError::Syntax)));
}

#[test]
fn plain_http_needs_both_this_machine_and_a_permission() {
    check(&known(Some(HERE), None, None), Loopback::Allowed, Ok(HERE));
    check(&known(Some(HERE), None, None), Loopback::Refused, Err(ServiceError::Cleartext));
    check(&known(Some("http://own.example"), None, None), Loopback::Allowed, Err(ServiceError::Cleartext));
    check(&known(None, Some(HERE), Some(HERE)), Loopback::Refused, Err(ServiceError::Cleartext));
    check(&known(None, Some(HERE), Some(HERE)), Loopback::Allowed, Ok(HERE));
}

#[test]
fn an_answer_may_name_its_own_origin_only() {
    let service = ServiceUrl::parse("https://own.example/base", Loopback::Refused).unwrap();
    let may = |text| may_check_in_at(&service, text, Loopback::Refused);
    assert!(may("https://own.example/check-in"));
    assert!(may("https://OWN.example:443/check-in"));
    for text in [
        "",
        "https://other.example/check-in",
        "http://own.example/check-in",
        "https://own.example:8443/check-in",
        "https://me:word@own.example/check-in",
        "https://own.example/check-in?to=elsewhere",
        "//own.example/check-in",
    ] {
        assert!(!may(text), "{text}");
    }
}
