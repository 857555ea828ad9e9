use super::*;
use crate::reason::ReasonCode;
use proptest::prelude::*;

const HOST: &str = "portal.customer.test";
const TARGET: &str = "abcdef1.portal.platform.test";
const OWN: &str = "t-aaaa.portal.platform.test";
const US: &str = "127.0.0.10";
const NOW: i64 = 1_800_000_000_000;

fn set(data: &[&str]) -> BTreeSet<String> {
    data.iter().map(|text| (*text).to_owned()).collect()
}

fn answer(data: &[&str]) -> Answer {
    if data.is_empty() { Answer::NoData } else { Answer::Records(set(data)) }
}

fn wanted() -> Wanted {
    Wanted {
        accepted_targets: vec![TARGET.to_owned(), OWN.to_owned()],
        own_target: OWN.to_owned(),
        proof_name: format!("_portal-ownership.{HOST}"),
        proof_value: "portal-ownership=token".to_owned(),
        contended: false,
        network: "customer.test,platform.test;127.0.0.0/8".parse().unwrap(),
    }
}

/// One server of the zone, from records such as `CNAME x`, `A 127.0.0.10`; `!` and a failure for one that fails.
fn server(n: usize, records: &[&str]) -> ServerView {
    let of = |kind: &str| {
        let data: Vec<&str> = records.iter().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' ')).collect();
        answer(&data)
    };
    let mut view =
        ServerView { server: format!("ns{n}"), serial: Some(1), cname: of("CNAME"), a: of("A"), aaaa: of("AAAA") };
    let failure = match records {
        ["!timeout"] => Some(Failure::Timeout),
        ["!local"] => Some(Failure::Local),
        [..] => None,
    };
    if let Some(failure) = failure {
        view.cname = Answer::Failed(failure);
        view.a = Answer::Failed(failure);
        view.aaaa = Answer::Failed(failure);
    }
    view
}

fn hop(name: &str, zone: &str, servers: &[&[&str]]) -> NameView {
    let servers = servers.iter().enumerate().map(|(n, records)| server(n + 1, records)).collect();
    NameView { name: name.to_owned(), zone: zone.to_owned(), servers }
}

/// An observation of the host whose servers show these records, without TXT.
fn seen(servers: &[&[&str]]) -> HostObservation {
    let views = servers.iter().enumerate().map(|(n, records)| TextView {
        server: format!("ns{}", n + 1),
        answer: match server(n, records).cname {
            Answer::Failed(failure) => Answer::Failed(failure),
            Answer::Records(_) | Answer::NoData | Answer::NoName => Answer::NoName,
        },
    });
    HostObservation {
        host: HOST.to_owned(),
        cut: Cut::Found,
        hops: vec![hop(HOST, "customer.test", servers)],
        targets: vec![Target { name: TARGET.to_owned(), addresses: Some([US.parse().unwrap()].into()) }],
        proof: views.collect(),
        doubled: BTreeSet::new(),
        sibling: Sibling::Shows(BTreeSet::new()),
        recursive: Vec::new(),
        at_ms: NOW,
    }
}

fn with_text(mut seen: HostObservation, text: &str) -> HostObservation {
    for view in &mut seen.proof {
        view.answer = answer(&[text]);
    }
    seen
}

type Expected = (Option<DnsState>, Option<ReasonCode>);

/// Checks state and code of the dns axis, and that its sentences have every value.
#[track_caller]
fn check(seen: &HostObservation, expected: Expected) -> HostVerdict {
    let verdict = verdict(seen, &wanted());
    assert_eq!((verdict.dns.state, verdict.dns.reason), expected, "{:?}", verdict.dns);
    for (reason, vars) in [(verdict.dns.reason, &verdict.dns.vars), (verdict.ownership.reason, &verdict.ownership.vars)]
    {
        if let Some(code) = reason {
            let text = format!("{} {}", code.message(vars), code.remedy(vars));
            assert!(!text.contains('…') && !text.contains("  "), "{text}");
        }
    }
    verdict
}

#[track_caller]
fn check_owner(seen: &HostObservation, wanted: &Wanted, expected: (Option<OwnershipState>, Option<ReasonCode>, &str)) {
    let verdict = verdict(seen, wanted);
    let got = (verdict.ownership.state, verdict.ownership.reason, verdict.proof_method);
    assert_eq!(got, expected, "{:?}", verdict.ownership);
}

const fn bad(state: DnsState, reason: ReasonCode) -> Expected {
    (Some(state), Some(reason))
}

const CORRECT: Expected = (Some(DnsState::Correct), None);
const ALIAS: &str = "CNAME abcdef1.portal.platform.test";

#[test]
fn an_alias_to_the_target_is_correct_and_proves() {
    let verdict = check(&seen(&[&[ALIAS], &[ALIAS]]), CORRECT);
    assert_eq!((verdict.dns.agree, verdict.dns.asked, verdict.proof_method), (2, 2, "canonical_host"));
    assert_eq!((verdict.chain, verdict.addresses), (vec![TARGET.to_owned()], vec![US.to_owned()]));
    assert_eq!(verdict.observed, TARGET);
    assert_eq!(verdict.dns.evidence.len(), 2);
    check_owner(&seen(&[&[ALIAS]]), &wanted(), (Some(OwnershipState::Proven), None, "canonical_host"));
    let own = format!("CNAME {OWN}");
    check_owner(&seen(&[&[&own]]), &wanted(), (Some(OwnershipState::Proven), None, "own_target"));
}

#[test]
fn a_sub_name_of_the_target_is_elsewhere() {
    let alias = format!("CNAME x.{TARGET}");
    let mut seen = seen(&[&[&alias]]);
    seen.hops.push(hop(&format!("x.{TARGET}"), "platform.test", &[&["A 127.0.0.99"]]));
    check(&seen, bad(DnsState::Elsewhere, ReasonCode::DnsPointsElsewhere));
}

#[test]
fn no_records_is_absent() {
    let verdict = check(&seen(&[&[], &[]]), bad(DnsState::Absent, ReasonCode::DnsNoRecords));
    assert_eq!(
        ReasonCode::DnsNoRecords.remedy(&verdict.dns.vars),
        format!("Add a CNAME record for {HOST} with the value {TARGET}.")
    );
    assert_eq!((verdict.ownership.state, verdict.ownership.reason), (Some(OwnershipState::Pending), None));
}

#[test]
fn a_registrable_domain_that_does_not_exist_is_named() {
    let mut seen = seen(&[]);
    seen.hops.clear();
    seen.cut = Cut::Absent { zone: "customer.test".to_owned() };
    let verdict = check(&seen, bad(DnsState::Absent, ReasonCode::DnsNxdomainZone));
    assert_eq!(verdict.dns.vars["zone"], "customer.test");
}

#[test]
fn one_old_server_of_two_is_partial() {
    let verdict = check(&seen(&[&[ALIAS], &["A 127.0.0.99"]]), bad(DnsState::Partial, ReasonCode::DnsPartial));
    assert_eq!(ReasonCode::DnsPartial.message(&verdict.dns.vars), "1 of 2 name servers show the new record.");
    assert_eq!(verdict.proof_method, "");
    check(&seen(&[&[ALIAS], &[]]), bad(DnsState::Partial, ReasonCode::DnsPartial));
}

#[test]
fn half_of_the_servers_must_be_reachable() {
    check(&seen(&[&[ALIAS], &["!timeout"]]), CORRECT);
    let verdict =
        check(&seen(&[&[ALIAS], &["!timeout"], &["!timeout"]]), bad(DnsState::Partial, ReasonCode::DnsPartial));
    assert_eq!((verdict.dns.agree, verdict.dns.asked), (1, 3));
}

#[test]
fn servers_that_we_could_not_ask_do_not_count() {
    let verdict = check(&seen(&[&[ALIAS], &["!local"], &["!local"]]), CORRECT);
    assert_eq!((verdict.dns.agree, verdict.dns.asked), (1, 1));
}

#[test]
fn other_addresses_are_elsewhere() {
    let verdict = check(&seen(&[&["A 127.0.0.99"]]), bad(DnsState::Elsewhere, ReasonCode::DnsPointsElsewhere));
    assert_eq!(verdict.dns.vars["observed"], "127.0.0.99");
    let mut other = seen(&[&["CNAME shop.other.test"]]);
    other.hops.push(hop("shop.other.test", "other.test", &[&["A 127.0.0.99"]]));
    let verdict = check(&other, bad(DnsState::Elsewhere, ReasonCode::DnsPointsElsewhere));
    assert_eq!((verdict.observed.as_str(), verdict.addresses), ("shop.other.test", vec!["127.0.0.99".to_owned()]));
}

#[test]
fn extra_addresses_conflict() {
    let verdict = check(
        &with_text(seen(&[&["A 127.0.0.10", "A 127.0.0.99"]]), "portal-ownership=token"),
        bad(DnsState::Partial, ReasonCode::DnsConflictingRecords),
    );
    assert_eq!(verdict.dns.vars["records"], "A 127.0.0.99");
}

#[test]
fn a_foreign_ipv6_address_beside_ours_is_stale() {
    let verdict =
        check(&seen(&[&["A 127.0.0.10", "AAAA 2606:4700::1"]]), bad(DnsState::Partial, ReasonCode::DnsAaaaStale));
    assert_eq!(verdict.dns.vars["a"], "2606:4700::1");
}

#[test]
fn our_addresses_with_proof_are_correct_and_flattened() {
    let proven = with_text(seen(&[&["A 127.0.0.10"]]), "portal-ownership=token");
    assert_eq!(check(&proven, bad(DnsState::Correct, ReasonCode::DnsFlattened)).proof_method, "txt");
    let without = seen(&[&["A 127.0.0.10"]]);
    check(&without, bad(DnsState::Partial, ReasonCode::DnsFlattened));
    check_owner(&without, &wanted(), (Some(OwnershipState::Pending), Some(ReasonCode::OwnershipTxtMissing), ""));
}

#[test]
fn a_private_address_is_reserved() {
    for records in [["A 10.0.0.1"].as_slice(), &["A 127.0.0.10", "A 192.168.1.1"], &["AAAA fe80::1"]] {
        check(&seen(&[records]), bad(DnsState::Elsewhere, ReasonCode::DnsReservedAddress));
    }
}

#[test]
fn a_chain_that_loops_or_ends_in_nothing_or_is_too_long_is_bad() {
    let mut looped = seen(&[&["CNAME b.customer.test"]]);
    looped.hops.push(hop("b.customer.test", "customer.test", &[&["CNAME portal.customer.test"]]));
    let verdict = check(&looped, bad(DnsState::Elsewhere, ReasonCode::DnsChainBad));
    assert_eq!(verdict.dns.vars["hop"], HOST);

    let mut dead = seen(&[&["CNAME b.customer.test"]]);
    dead.hops.push(hop("b.customer.test", "customer.test", &[&[]]));
    assert_eq!(check(&dead, bad(DnsState::Elsewhere, ReasonCode::DnsChainBad)).dns.vars["hop"], "b.customer.test");

    let mut long = seen(&[&["CNAME h1.customer.test"]]);
    for n in 1..=ALIASES_MAX {
        let next = format!("CNAME h{}.customer.test", n + 1);
        long.hops.push(hop(&format!("h{n}.customer.test"), "customer.test", &[&[&next]]));
    }
    check(&long, bad(DnsState::Elsewhere, ReasonCode::DnsChainBad));
}

#[test]
fn the_target_at_a_later_hop_is_correct_and_proves_only_through_the_own_zone() {
    for (name, zone, method) in [("b.customer.test", "customer.test", "canonical_host"), ("b.cdn.test", "cdn.test", "")]
    {
        let alias = format!("CNAME {name}");
        let mut seen = seen(&[&[&alias]]);
        seen.hops.push(hop(name, zone, &[&[ALIAS]]));
        assert_eq!(check(&seen, CORRECT).proof_method, method);
    }
}

#[test]
fn an_alias_beside_other_data_conflicts() {
    let verdict = check(&seen(&[&[ALIAS, "A 127.0.0.99"]]), bad(DnsState::Partial, ReasonCode::DnsCnameConflict));
    assert_eq!(verdict.dns.vars["types"], "A");
    let mut apex = seen(&[&[ALIAS]]);
    apex.hops[0].zone = HOST.to_owned();
    assert_eq!(check(&apex, bad(DnsState::Partial, ReasonCode::DnsCnameConflict)).dns.vars["types"], "SOA, NS");
}

#[test]
fn a_wildcard_routes_and_does_not_prove() {
    let mut wildcard = seen(&[&[ALIAS]]);
    wildcard.sibling = Sibling::Shows(set(&[TARGET]));
    let verdict = check(&wildcard, bad(DnsState::Partial, ReasonCode::DnsWildcardOnly));
    assert_eq!((verdict.ownership.state, verdict.ownership.reason), (Some(OwnershipState::Pending), None));
    check(&with_text(wildcard, "portal-ownership=token"), CORRECT);
    let mut other = seen(&[&[ALIAS]]);
    other.sibling = Sibling::Shows(set(&["www.customer.test"]));
    assert_eq!(check(&other, CORRECT).proof_method, "canonical_host");
}

#[test]
fn an_alias_does_not_prove_while_a_wildcard_cannot_be_ruled_out() {
    let mut unknown = seen(&[&[ALIAS]]);
    unknown.sibling = Sibling::Unknown;
    check_owner(&unknown, &wanted(), (None, Some(ReasonCode::DnsLookupUnknown), ""));
}

#[test]
fn failing_servers_are_told_apart_from_our_own_failure() {
    check(&seen(&[&["!timeout"], &["!timeout"]]), (None, Some(ReasonCode::DnsServfail)));
    check(&seen(&[&["!local"], &["!local"]]), (None, Some(ReasonCode::DnsLookupUnknown)));
    let mut failed = seen(&[]);
    (failed.cut, failed.hops) = (Cut::Failed, Vec::new());
    check(&failed, (None, Some(ReasonCode::DnsLookupUnknown)));
    check_owner(&failed, &wanted(), (None, Some(ReasonCode::DnsLookupUnknown), ""));
    failed.cut = Cut::Unserved { zone: "customer.test".to_owned() };
    check(&failed, (None, Some(ReasonCode::DnsServfail)));
    check_owner(&failed, &wanted(), (None, Some(ReasonCode::DnsServfail), ""));
}

#[test]
fn targets_that_could_not_be_resolved_leave_addresses_unjudged() {
    let mut unresolved = seen(&[&["A 127.0.0.10"]]);
    unresolved.targets[0].addresses = None;
    check(&unresolved, (None, Some(ReasonCode::DnsLookupUnknown)));
    let mut alias = seen(&[&[ALIAS]]);
    alias.targets.clear();
    check(&alias, CORRECT);
}

#[test]
fn a_remembered_absence_is_correct_with_a_time() {
    let mut seen = seen(&[&[ALIAS]]);
    seen.recursive.push(RecursiveView {
        server: "127.0.0.53".to_owned(),
        answer: Answer::NoName,
        negative_ttl: Some(600),
    });
    let verdict = check(&seen, bad(DnsState::Correct, ReasonCode::DnsNegativeCache));
    assert_eq!(verdict.dns.vars["t"], "2027-01-15 08:10 UTC");
    seen.recursive[0].answer = Answer::Failed(Failure::Timeout);
    check(&seen, CORRECT);
}

#[test]
fn texts_are_told_apart() {
    let pending = Some(OwnershipState::Pending);
    let mismatch = with_text(seen(&[&[]]), "\"portal-ownership=token\"");
    check_owner(&mismatch, &wanted(), (pending, Some(ReasonCode::OwnershipTxtMismatch), ""));
    let mut doubled = seen(&[&[]]);
    doubled.doubled.insert("portal-ownership=token".to_owned());
    check_owner(&doubled, &wanted(), (pending, Some(ReasonCode::OwnershipTxtDoubled), ""));
    let verdict = check(&doubled, bad(DnsState::Absent, ReasonCode::DnsNoRecords));
    assert_eq!(verdict.ownership.vars["relative_name"], "_portal-ownership.portal");
    let proven = with_text(seen(&[&["A 127.0.0.99"]]), "portal-ownership=token");
    check_owner(&proven, &wanted(), (Some(OwnershipState::Proven), None, "txt"));
}

#[test]
fn a_contended_host_is_proven_by_text_or_own_target_only() {
    let contended = Wanted { contended: true, ..wanted() };
    let expected = (Some(OwnershipState::Contended), Some(ReasonCode::ClaimContended), "");
    check_owner(&seen(&[&[ALIAS]]), &contended, expected);
    let own = format!("CNAME {OWN}");
    check_owner(&seen(&[&[&own]]), &contended, (Some(OwnershipState::Proven), None, "own_target"));
    let text = with_text(seen(&[&[ALIAS]]), "portal-ownership=token");
    check_owner(&text, &contended, (Some(OwnershipState::Proven), None, "txt"));
}

#[test]
fn a_failing_server_does_not_change_the_digest_and_a_new_record_does() {
    let digest = |servers: &[&[&str]]| verdict(&seen(servers), &wanted()).evidence_digest;
    assert_eq!(digest(&[&[ALIAS], &[ALIAS]]), digest(&[&[ALIAS], &["!timeout"]]));
    assert_ne!(digest(&[&[ALIAS]]), digest(&[&["A 127.0.0.10"]]));
}

fn any_records() -> impl Strategy<Value = Vec<&'static str>> {
    let record = prop_oneof![
        Just(ALIAS),
        Just("CNAME b.customer.test"),
        Just("CNAME portal.customer.test"),
        Just("A 127.0.0.10"),
        Just("A 127.0.0.99"),
        Just("A 10.0.0.1"),
        Just("AAAA 2606:4700::1"),
        Just("A nonsense"),
    ];
    prop_oneof![prop::collection::vec(record, 0..3), Just(vec!["!timeout"]), Just(vec!["!local"])]
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(Answer::NoData),
        Just(Answer::NoName),
        Just(Answer::Failed(Failure::Timeout)),
        Just(answer(&["portal-ownership=token"])),
        Just(answer(&["other"])),
    ]
}

fn any_observation() -> impl Strategy<Value = HostObservation> {
    let servers = || prop::collection::vec(any_records(), 0..4);
    let cut = prop_oneof![
        4 => Just(Cut::Found),
        1 => Just(Cut::Failed),
        1 => Just(Cut::Absent { zone: "customer.test".to_owned() }),
        1 => Just(Cut::Unserved { zone: "customer.test".to_owned() }),
    ];
    let sibling = prop_oneof![
        Just(Sibling::NotAsked),
        Just(Sibling::Unknown),
        Just(Sibling::Shows(BTreeSet::new())),
        Just(Sibling::Shows(set(&[TARGET]))),
    ];
    let extra = (prop::collection::vec(any_answer(), 0..4), any::<bool>(), any_answer());
    (servers(), servers(), cut, sibling, extra).prop_map(|(host, alias, cut, sibling, (proof, resolved, recursive))| {
        let views = |servers: &[Vec<&'static str>]| -> Vec<ServerView> {
            servers.iter().enumerate().map(|(n, records)| server(n, records)).collect()
        };
        let mut seen = seen(&[]);
        seen.hops[0].servers = views(&host);
        let mut next = hop("b.customer.test", "customer.test", &[]);
        next.servers = views(&alias);
        seen.hops.push(next);
        (seen.cut, seen.sibling) = (cut, sibling);
        seen.proof = (0..).zip(proof).map(|(n, answer)| TextView { server: format!("ns{n}"), answer }).collect();
        if !resolved {
            seen.targets[0].addresses = None;
        }
        seen.recursive = vec![RecursiveView { server: "r".to_owned(), answer: recursive, negative_ttl: None }];
        seen
    })
}

proptest! {
    #[test]
    fn a_verdict_is_total_and_names_a_reason(seen in any_observation(), contended in any::<bool>()) {
        let verdict = verdict(&seen, &Wanted { contended, ..wanted() });
        let good = verdict.dns.state == Some(DnsState::Correct);
        prop_assert!(good || verdict.dns.reason.is_some());
        prop_assert!(verdict.dns.agree <= verdict.dns.asked);
        let proven = verdict.ownership.state == Some(OwnershipState::Proven);
        prop_assert_eq!(proven, !verdict.proof_method.is_empty());
        if contended {
            prop_assert_ne!(verdict.proof_method, "canonical_host");
        }
    }

    #[test]
    fn the_order_of_servers_means_nothing(seen in any_observation(), turn in 0usize..4) {
        let mut turned = seen.clone();
        for hop in &mut turned.hops {
            let by = turn.min(hop.servers.len());
            hop.servers.rotate_left(by);
        }
        let by = turn.min(turned.proof.len());
        turned.proof.rotate_left(by);
        prop_assert_eq!(verdict(&turned, &wanted()), verdict(&seen, &wanted()));
    }
}
