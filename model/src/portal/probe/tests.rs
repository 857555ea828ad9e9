//! Tables for the judgement of a probe.

use super::*;
use proptest::prelude::*;
use std::net::IpAddr;

const NEWEST: &str = "aa11";
const EXPECTED: Expected<'static> =
    Expected { host: "portal.customer.test", nonce: "n-1", fingerprint_sha256: NEWEST, https_port: 443, now_ms: 7 };

fn head(status: u16) -> Head {
    Head { status, ..Head::default() }
}

fn to(status: u16, location: &str) -> Answer {
    Answer::Head(Head { location: Some(location.to_owned()), ..head(status) })
}

fn marked(status: u16, nonce: &str) -> Answer {
    Answer::Head(Head { nonce: Some(nonce.to_owned()), ..head(status) })
}

fn leaf_with(fingerprint: &str) -> Leaf {
    Leaf { fingerprint_sha256: fingerprint.to_owned(), not_after_ms: 9 }
}

fn good_site() -> Site {
    Site { probe: marked(404, "n-1"), root: to(302, "/client-portal/dashboard"), dashboard: Answer::Head(head(307)) }
}

fn good_plain() -> Answer {
    to(301, "https://portal.customer.test/")
}

fn served(leaf: &str, site: Site, plain: Answer) -> Contact {
    Contact::Dialled { secure: Secure::Trusted(leaf_with(leaf), Box::new(site)), plain }
}

fn down() -> Contact {
    Contact::Dialled { secure: Secure::NoConnection("refused".to_owned()), plain: Answer::Failed("refused".to_owned()) }
}

fn good() -> Contact {
    served(NEWEST, good_site(), good_plain())
}

fn host(contacts: Vec<Contact>) -> ProbeObservation {
    let address = |n: usize| IpAddr::from([192, 0, 2, u8::try_from(n).unwrap()]);
    ProbeObservation::Addresses(
        contacts.into_iter().enumerate().map(|(n, contact)| AddressLook { address: address(n), contact }).collect(),
    )
}

#[track_caller]
fn check(contacts: Vec<Contact>, state: Option<EdgeState>, reason: Option<ReasonCode>) -> Verdict {
    let verdict = classify(&host(contacts), &EXPECTED);
    assert_eq!((verdict.finding.state, verdict.finding.reason), (state, reason), "{:?}", verdict.finding.evidence);
    verdict
}

#[track_caller]
fn check_app_error(contact: Contact, code: &str) {
    let verdict = check(vec![contact], Some(EdgeState::Unreachable), Some(ReasonCode::EdgeAppError));
    assert_eq!(verdict.finding.vars["code"], code);
}

#[test]
fn a_host_that_is_good_at_every_address_is_serving() {
    let verdict = check(vec![good(), good()], Some(EdgeState::Serving), None);
    assert_eq!((verdict.finding.agree, verdict.finding.asked), (2, 2));
    assert_eq!(verdict.leaf, Some(leaf_with(NEWEST)));
    assert_eq!(verdict.https_status, Some(307));
    assert_eq!(verdict.finding.evidence.len(), 2);
}

#[test]
fn an_absolute_redirect_to_the_same_host_is_as_good_as_a_path() {
    for location in
        ["https://portal.customer.test/client-portal/dashboard", "//Portal.Customer.Test/client-portal/dashboard"]
    {
        let site = Site { root: to(308, location), ..good_site() };
        check(vec![served(NEWEST, site, good_plain())], Some(EdgeState::Serving), None);
    }
}

#[test]
fn another_leaf_is_stale_and_an_unknown_newest_leaf_compares_nothing() {
    let old = || served("bb22", good_site(), good_plain());
    let verdict = check(vec![good(), old()], Some(EdgeState::ServingStale), Some(ReasonCode::EdgeWrongCert));
    assert_eq!(verdict.leaf, Some(leaf_with("bb22")));
    let any = Expected { fingerprint_sha256: "", ..EXPECTED };
    assert_eq!(classify(&host(vec![old()]), &any).finding.state, Some(EdgeState::Serving));
}

#[test]
fn the_worst_address_decides() {
    check(vec![good(), down(), good()], Some(EdgeState::Unreachable), Some(ReasonCode::EdgeUnreachable));
    let wrong =
        Contact::Dialled { secure: Secure::Untrusted(leaf_with("cc33"), TrustFault::WrongName), plain: good_plain() };
    let verdict = check(vec![good(), wrong], Some(EdgeState::Unreachable), Some(ReasonCode::EdgeWrongCert));
    assert_eq!(verdict.leaf, Some(leaf_with("cc33")));
    assert_eq!(verdict.finding.evidence[1].answer, "wrong certificate: issued for another name");
}

#[test]
fn a_certificate_that_browsers_refuse_is_wrong_for_every_cause() {
    for fault in [
        TrustFault::WrongName,
        TrustFault::UnknownIssuer,
        TrustFault::Expired,
        TrustFault::NotYetValid,
        TrustFault::Other("BadSignature".to_owned()),
    ] {
        let contact = Contact::Dialled { secure: Secure::Untrusted(leaf_with("cc33"), fault), plain: Answer::NotAsked };
        check(vec![contact], Some(EdgeState::Unreachable), Some(ReasonCode::EdgeWrongCert));
    }
}

#[test]
fn an_application_that_answers_wrongly_is_named() {
    let with = |site: Site| served(NEWEST, site, good_plain());
    check_app_error(with(Site { probe: marked(503, "n-1"), ..good_site() }), "503");
    check_app_error(with(Site { probe: marked(200, "n-2"), ..good_site() }), "with the mark of another portal");
    check_app_error(with(Site { probe: Answer::Head(head(404)), ..good_site() }), "404 without our mark");
    check_app_error(with(Site { root: Answer::Head(head(200)), ..good_site() }), "200 instead of its start page");
    check_app_error(with(Site { root: to(302, "/login"), ..good_site() }), "302 instead of its start page");
    check_app_error(
        with(Site { root: to(302, "https://other.test/client-portal/dashboard"), ..good_site() }),
        "302 instead of its start page",
    );
    check_app_error(with(Site { dashboard: Answer::Head(head(500)), ..good_site() }), "500");
    let plain = |answer| served(NEWEST, good_site(), answer);
    check_app_error(plain(Answer::Head(head(200))), "200 over plain HTTP instead of leading to HTTPS");
    check_app_error(plain(to(301, "http://portal.customer.test/x")), "301 over plain HTTP instead of leading to HTTPS");
    check_app_error(
        plain(to(301, "https://portal.customer.test:8443/")),
        "301 over plain HTTP instead of leading to HTTPS",
    );
}

#[test]
fn an_empty_nonce_never_matches() {
    let site = Site { probe: marked(200, ""), ..good_site() };
    let expected = Expected { nonce: "", ..EXPECTED };
    let verdict = classify(&host(vec![served(NEWEST, site, good_plain())]), &expected);
    assert_eq!(verdict.finding.reason, Some(ReasonCode::EdgeAppError));
}

#[test]
fn a_request_without_an_answer_is_unreachable() {
    let lost = || Answer::Failed("timed out".to_owned());
    for contact in [
        served(NEWEST, Site { probe: lost(), root: Answer::NotAsked, dashboard: Answer::NotAsked }, good_plain()),
        served(NEWEST, Site { dashboard: lost(), ..good_site() }, good_plain()),
        served(NEWEST, good_site(), lost()),
        Contact::Dialled { secure: Secure::NoHandshake("reset".to_owned()), plain: good_plain() },
    ] {
        check(vec![contact], Some(EdgeState::Unreachable), Some(ReasonCode::EdgeUnreachable));
    }
}

#[test]
fn what_we_could_not_dial_says_nothing() {
    let own = || Contact::OwnSide("network is unreachable".to_owned());
    check(vec![own(), good()], Some(EdgeState::Serving), None);
    check(vec![own(), down()], Some(EdgeState::Unreachable), Some(ReasonCode::EdgeUnreachable));
    check(vec![own()], None, Some(ReasonCode::ProbeUnknown));
    let verdict = classify(&ProbeObservation::OwnSide("resolver timed out".to_owned()), &EXPECTED);
    assert_eq!((verdict.finding.state, verdict.finding.reason), (None, Some(ReasonCode::ProbeUnknown)));
}

#[test]
fn a_private_address_is_skipped_and_alone_is_unreachable() {
    let verdict = check(vec![Contact::NotAdmitted, good()], Some(EdgeState::Serving), None);
    assert_eq!((verdict.finding.agree, verdict.finding.asked), (1, 1));
    check(vec![Contact::NotAdmitted], Some(EdgeState::Unreachable), Some(ReasonCode::EdgeUnreachable));
}

/// Its owner must act, not the operators of the edge.
#[test]
fn a_host_without_an_address_lacks_a_record() {
    let verdict = check(vec![], Some(EdgeState::Unreachable), Some(ReasonCode::DnsNoRecords));
    assert_eq!(ReasonCode::DnsNoRecords.actor(), crate::reason::Actor::Tenant);
    assert_eq!(verdict.finding.evidence[0].answer, "no address published");
}

#[test]
fn the_old_state_is_progress_for_a_minute_only() {
    let soft = |contacts, seconds| {
        let finding = while_propagating(classify(&host(contacts), &EXPECTED).finding, Duration::from_secs(seconds));
        (finding.state, finding.reason)
    };
    let progress = Some(ReasonCode::EdgePropagating);
    assert_eq!(soft(vec![down()], 59), (Some(EdgeState::Applying), progress));
    assert_eq!(soft(vec![down()], 60), (Some(EdgeState::Unreachable), Some(ReasonCode::EdgeUnreachable)));
    let stale = || vec![served("bb22", good_site(), good_plain())];
    assert_eq!(soft(stale(), 5), (Some(EdgeState::ServingStale), progress));
    assert_eq!(soft(stale(), 61), (Some(EdgeState::ServingStale), Some(ReasonCode::EdgeWrongCert)));
    assert_eq!(soft(vec![good()], 5), (Some(EdgeState::Serving), None));
    assert_eq!(soft(vec![Contact::OwnSide(String::new())], 5), (None, Some(ReasonCode::ProbeUnknown)));
}

#[test]
fn waits_follow_the_schedule_and_are_bounded() {
    let waits: Vec<u64> = (1..=9).map(|tries| retry_wait(tries).as_secs()).collect();
    assert_eq!(waits, [1, 1, 2, 3, 5, 8, 13, 21, 34]);
    assert_eq!(retry_wait(u32::MAX), PATIENCE_MAX);
}

#[test]
fn foreign_text_in_evidence_is_cut_and_cleaned() {
    let long = "x\u{1b}[31m".repeat(500);
    let verdict = classify(&ProbeObservation::OwnSide(long), &EXPECTED);
    let answer = &verdict.finding.evidence[0].answer;
    assert!(answer.chars().count() == 200 && !answer.contains('\u{1b}'));
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(Answer::NotAsked),
        any::<String>().prop_map(Answer::Failed),
        (any::<u16>(), any::<Option<String>>(), any::<Option<String>>())
            .prop_map(|(status, location, nonce)| Answer::Head(Head { status, location, nonce })),
        Just(good_plain()),
        Just(marked(200, "n-1")),
    ]
}

proptest! {
    #[test]
    fn serving_needs_our_mark_and_the_newest_leaf(probe in any_answer(), root in any_answer(), dashboard in any_answer(),
                                                  plain in any_answer(), fingerprint in "[ab]{2}11") {
        let contact = served(&fingerprint, Site { probe: probe.clone(), root, dashboard }, plain);
        let verdict = classify(&host(vec![contact]), &EXPECTED);
        if verdict.finding.state == Some(EdgeState::Serving) {
            prop_assert_eq!(fingerprint, NEWEST);
            let ours = matches!(&probe, Answer::Head(head) if head.nonce.as_deref() == Some("n-1"));
            prop_assert!(ours);
        }
    }
}
