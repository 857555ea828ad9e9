use super::*;
use proptest::prelude::*;

fn rules() -> HostRules {
    HostRules {
        canonical_host: "abcdef1.portal.app.vendor.com".to_owned(),
        reserved_zones: vec!["Reserved-Zone.net.".to_owned()],
        network: NetworkPolicy::production(),
    }
}

#[track_caller]
fn check(input: &str, expected: Option<ReasonCode>) -> Finding<PolicyState> {
    let finding = judge(input, &rules());
    assert_eq!(finding.reason, expected, "{input:?}: {finding:?}");
    let state = if expected.is_none() { PolicyState::Allowed } else { PolicyState::Blocked };
    assert_eq!(finding.state, Some(state), "{input:?}");
    if let Some(code) = expected {
        let text = format!("{} {}", code.message(&finding.vars), code.remedy(&finding.vars));
        assert!(!text.contains('…'), "{input:?}: a placeholder of {code} has no value: {text}");
    }
    finding
}

#[track_caller]
fn check_rule(input: &str, rule: HostRule) {
    let finding = check(input, Some(ReasonCode::HostInvalid));
    assert_eq!(finding.vars.get("rule").map(String::as_str), Some(rule.as_str()), "{input:?}");
}

#[test]
fn ordinary_names_are_allowed() {
    for host in ["portal.acme.com", "acme.co.uk", "A.B.Acme.COM.", " acme.com ", "r3---sn-x.acme.com", "1a.acme.com"] {
        check(host, None);
    }
    check(&format!("{}.com", "a".repeat(63)), None);
}

#[test]
fn each_rule_of_syntax_is_named() {
    check_rule("   ", HostRule::Blank);
    check_rule(".", HostRule::Blank);
    check_rule("a..b.com", HostRule::EmptyLabel);
    check_rule(".b.com", HostRule::EmptyLabel);
    check_rule("b.com..", HostRule::EmptyLabel);
    check_rule("-foo.com", HostRule::Hyphen);
    check_rule("foo-.com", HostRule::Hyphen);
    check_rule("localhost", HostRule::OneLabel);
    check_rule("foo_bar.com", HostRule::Character);
    check_rule("foo bar.com", HostRule::Character);
    check_rule("https://foo.com", HostRule::Character);
    check_rule("foo.com:443", HostRule::Character);
    check_rule(&format!("{}.com", "a".repeat(64)), HostRule::LabelTooLong);
    check_rule(&format!("{}com", "abcdefg.".repeat(32)), HostRule::TooLong);
}

#[test]
fn addresses_and_wildcards_are_invalid() {
    for host in ["1.2.3.4", "127.0.0.1.", "::1", "[::1]", "10.0x7f", "foo.123", "1.2.3.4.5"] {
        check_rule(host, HostRule::Address);
    }
    for host in ["*.acme.com", "*", "a.*.com"] {
        check_rule(host, HostRule::Wildcard);
    }
}

#[test]
fn international_names_are_carried_in_a_labels() {
    let host = Hostname::parse("Bücher.Example").unwrap();
    assert_eq!((host.as_str(), host.display_form().as_str()), ("xn--bcher-kva.example", "bücher.example"));
    assert_eq!(Hostname::parse("XN--BCHER-KVA.example").unwrap(), host);
    assert_eq!(Hostname::parse("faß.de").unwrap().as_str(), "xn--fa-hia.de", "non-transitional");
    check("bücher.de", None);
}

#[test]
fn an_a_label_that_does_not_round_trip_is_not_normal() {
    check("xn--a.acme.com", Some(ReasonCode::HostIdnNotNormal));
    check("xn--.acme.com", Some(ReasonCode::HostInvalid));
    check("xn--acme-.com", Some(ReasonCode::HostInvalid));
    check("a\u{200B}\u{202E}b.com", Some(ReasonCode::HostIdnNotNormal));
    // The A-label of a capital letter: a browser shows and asks for the lower-case one.
    let finding = check("xn--bcher-2pa.de", Some(ReasonCode::HostIdnNotNormal));
    assert_eq!(finding.vars["a_label"], "xn--bcher-kva.de");
}

#[test]
fn a_public_suffix_is_not_a_domain_one_can_own() {
    for host in ["co.uk", "github.io", "com.au", "foo.ck"] {
        check(host, Some(ReasonCode::HostPublicSuffix));
    }
    check("acme.github.io", None);
    check("www.ck", None);
}

#[test]
fn platform_zones_are_reserved() {
    for host in [
        "abcdef1.portal.app.vendor.com",
        "portal.app.vendor.com",
        "app.vendor.com",
        "x.app.vendor.com",
        "reserved-zone.net",
        "a.RESERVED-zone.net.",
    ] {
        check(host, Some(ReasonCode::HostReserved));
    }
    for host in ["vendor.com", "myapp.vendor.com", "xreserved-zone.net"] {
        check(host, None);
    }
}

#[test]
fn special_use_names_are_reserved_unless_the_development_network_admits_them() {
    for host in ["a.test", "x.localhost", "example.com", "www.example.org", "a.example", "printer.local", "x.onion"] {
        check(host, Some(ReasonCode::HostReserved));
    }
    for host in ["1.0.0.127.in-addr.arpa", "nas.home.arpa", "db.internal", "x.invalid", "x.alt"] {
        check(host, Some(ReasonCode::HostReserved));
    }
    let dev = HostRules {
        canonical_host: "abcdef1.portal.platform.test".to_owned(),
        reserved_zones: Vec::new(),
        network: "customer.test,platform.test;127.0.0.0/8".parse().unwrap(),
    };
    assert_eq!(judge("portal.customer.test", &dev).reason, None);
    assert_eq!(judge("other.test", &dev).reason, Some(ReasonCode::HostReserved));
    assert_eq!(
        judge("x.platform.test", &dev).reason,
        Some(ReasonCode::HostReserved),
        "admitted, and the platform's own"
    );
}

#[test]
fn the_base_is_what_follows_the_portal_label() {
    for (canonical, base) in [
        ("abcdef1.portal.app.example.com", Some("app.example.com")),
        ("abcdef1.portal.algapsa.com.", Some("algapsa.com")),
        ("abcdef1.portal.localhost", Some("portal.localhost")),
        ("abcdef1.example.com", Some("example.com")),
        ("a.com", None),
        ("", None),
    ] {
        assert_eq!(platform_base(canonical).as_deref(), base, "{canonical}");
    }
}

#[test]
fn derived_names_are_those_of_the_contract() {
    assert_eq!(proof_name("Portal.Acme.com."), "_portal-ownership.portal.acme.com");
    assert_eq!(proof_value("abc"), "portal-ownership=abc");
    assert_eq!(
        accepted_targets("X.portal.a.com.", "x.portal.a.com", "t-1.portal.a.com"),
        ["x.portal.a.com", "t-1.portal.a.com"]
    );
    assert_eq!(accepted_targets("", "c.a.com", ""), ["c.a.com"]);
}

proptest! {
    #[test]
    fn judging_is_total_and_an_allowed_host_parses(input in "\\PC{0,80}") {
        let finding = judge(&input, &rules());
        prop_assert!(finding.state.is_some());
        prop_assert_eq!(finding.state == Some(PolicyState::Allowed), finding.reason.is_none());
        if finding.reason.is_none() {
            prop_assert!(Hostname::parse(&input).is_ok());
        }
    }

    #[test]
    fn a_host_reads_what_it_prints(input in "[a-zA-Z0-9äöüßéñ日本-]{1,12}(\\.[a-zA-Z0-9äöü-]{1,10}){1,4}\\.?") {
        if let Ok(host) = Hostname::parse(&input) {
            prop_assert_eq!(Hostname::parse(host.as_str()), Ok(host.clone()));
            prop_assert_eq!(Hostname::parse(&host.display_form()), Ok(host.clone()));
            prop_assert!(host.as_str().len() <= HOST_MAX && host.labels().all(|l| l.len() <= LABEL_MAX));
        }
    }
}
