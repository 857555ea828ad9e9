//! Looks at sample zones, with every fault that the sample DNS can show.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use dns::{DnsActivities, Settings};
use dns_server::faults::{self, Fault, FaultKind};
use dns_server::{Config, Server, edit};
use proto::v1::{HostLook, LookUpHostRequest};
use std::net::IpAddr;
use std::time::Duration;

const HOST: &str = "portal.customer.test";
const TARGET: &str = "abcdef1.portal.platform.test";
const OWN: &str = "t-abcdefghijklmnop.portal.platform.test";
const US: &str = "127.0.0.10";
const FIRST: &str = "127.0.0.45";
const SECOND: &str = "127.0.0.46";

struct Sample {
    server: Server,
    settings: Settings,
    _folder: tempfile::TempDir,
}

/// A customer's zone without records and a platform's zone whose targets lead to us.
async fn sample() -> Sample {
    sample_of(|_| {}).await
}

async fn sample_of(change: impl FnOnce(&mut Config)) -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config { port: 0, ..Config::new(folder.path(), &["customer.test", "platform.test", "host.test"]) };
    change(&mut config);
    edit::set(&config, "*.portal.platform.test", "A", US).unwrap();
    let server = Server::start(config).await.unwrap();
    let network = "customer.test,platform.test,host.test;127.0.0.0/8".parse().unwrap();
    let settings = Settings {
        root_hints: server.config().root.clone(),
        authoritative_port: server.port(),
        resolvers: server.resolvers(),
        query_timeout: Duration::from_millis(300),
        ..Settings::new(network)
    };
    Sample { server, settings, _folder: folder }
}

impl Sample {
    fn set(&self, host: &str, kind: &str, value: &str) {
        edit::set(self.server.config(), host, kind, value).unwrap();
    }

    fn add(&self, host: &str, kind: &str, value: &str) {
        edit::add(self.server.config(), host, kind, value).unwrap();
    }

    fn fault(&self, fault: Fault) {
        faults::set(self.server.config(), fault).unwrap();
    }

    fn repair(&self) {
        faults::clear(self.server.config(), None).unwrap();
    }

    async fn look_at(&self, host: &str) -> HostLook {
        let request = LookUpHostRequest {
            host: host.to_owned(),
            accepted_targets: vec![TARGET.to_owned(), OWN.to_owned()],
            own_target: OWN.to_owned(),
            proof_name: format!("_portal-ownership.{host}"),
            proof_value: "portal-ownership=token".to_owned(),
            now_ms: 1_800_000_000_000,
            ..LookUpHostRequest::default()
        };
        DnsActivities::new(self.settings.clone()).look_up(&request).await
    }

    /// Looks at the host and checks state and code of the dns axis.
    #[track_caller]
    fn check(&self, expected: (&str, &str)) -> impl Future<Output = HostLook> {
        let place = std::panic::Location::caller();
        async move {
            let look = self.look_at(HOST).await;
            let dns = look.dns.as_ref().unwrap();
            assert_eq!((dns.state.as_str(), dns.reason.as_str()), expected, "at {place}: {look:#?}");
            look
        }
    }
}

fn server(address: &str) -> IpAddr {
    address.parse().unwrap()
}

const CORRECT: (&str, &str) = ("correct", "");

#[tokio::test]
async fn an_alias_to_the_target_is_correct_and_proves() {
    let sample = sample().await;
    sample.set(HOST, "CNAME", TARGET);
    let look = sample.check(CORRECT).await;
    let dns = look.dns.unwrap();
    assert_eq!((dns.agree, dns.asked, dns.evidence.len()), (2, 2, 3));
    assert_eq!((look.proof_method.as_str(), look.observed_cname.as_str()), ("canonical_host", TARGET));
    assert_eq!((look.chain, look.addresses), (vec![TARGET.to_owned()], vec![US.to_owned()]));
    assert_eq!(look.ownership.unwrap().state, "proven");
    sample.set(HOST, "CNAME", OWN);
    assert_eq!(sample.check(CORRECT).await.proof_method, "own_target");
}

#[tokio::test]
async fn absent_then_wrong_then_right_is_seen_each_time() {
    let sample = sample().await;
    let absent = sample.check(("absent", "DNS_NO_RECORDS")).await;
    assert_eq!(absent.ownership.unwrap().state, "pending");
    sample.set(HOST, "A", "127.0.0.99");
    let wrong = sample.check(("elsewhere", "DNS_POINTS_ELSEWHERE")).await;
    assert_eq!(wrong.observed_cname, "127.0.0.99");
    sample.set(HOST, "CNAME", TARGET);
    let right = sample.check(CORRECT).await;
    assert_ne!(wrong.evidence_digest, right.evidence_digest);
    assert_eq!(right.evidence_digest, sample.check(CORRECT).await.evidence_digest);
}

#[tokio::test]
async fn a_zone_that_is_not_delegated_does_not_exist() {
    let look = sample().await.look_at("portal.unregistered.test").await;
    let dns = look.dns.unwrap();
    assert_eq!((dns.state.as_str(), dns.reason.as_str()), ("absent", "DNS_NXDOMAIN_ZONE"));
    assert_eq!(dns.vars["zone"], "unregistered.test");
}

#[tokio::test]
async fn one_old_server_of_two_is_partial_until_it_follows() {
    let sample = sample().await;
    sample.set(HOST, "A", "127.0.0.99");
    sample.fault(Fault::new(FaultKind::Old).at(server(SECOND)).in_zone("customer.test"));
    sample.set(HOST, "CNAME", TARGET);
    let look = sample.check(("partial", "DNS_PARTIAL")).await;
    let dns = look.dns.unwrap();
    assert_eq!((dns.vars["k"].as_str(), dns.vars["n"].as_str()), ("1", "2"));
    let answers: Vec<&str> = dns.evidence.iter().map(|evidence| evidence.answer.as_str()).collect();
    assert!(answers[0].ends_with("serial 2") && answers[1].ends_with("serial 1"), "{answers:?}");
    sample.repair();
    sample.check(CORRECT).await;
}

#[tokio::test]
async fn one_failing_server_of_two_leaves_the_verdict() {
    let sample = sample().await;
    sample.set(HOST, "CNAME", TARGET);
    for kind in [FaultKind::Servfail, FaultKind::Timeout, FaultKind::Lame, FaultKind::Refuse] {
        for at in [FIRST, SECOND] {
            sample.repair();
            sample.fault(Fault::new(kind).at(server(at)));
            let dns = sample.check(CORRECT).await.dns.unwrap();
            assert_eq!((dns.agree, dns.asked), (1, 2), "{kind:?} at {at}: {dns:#?}");
        }
    }
}

#[tokio::test]
async fn a_zone_whose_servers_all_fail_is_unknown_and_the_dns_hosts_matter() {
    let sample = sample().await;
    sample.set(HOST, "CNAME", TARGET);
    for kind in [FaultKind::Servfail, FaultKind::Timeout, FaultKind::Lame, FaultKind::Refuse] {
        for fault in [Fault::new(kind).in_zone("customer.test"), Fault::new(kind).for_host(HOST)] {
            sample.repair();
            sample.fault(fault.clone());
            let look = sample.check(("unknown", "DNS_SERVFAIL")).await;
            assert_eq!(look.proof_method, "", "{fault:?}");
            assert_eq!(look.dns.unwrap().asked, 2, "{fault:?}");
        }
    }
    sample.repair();
    sample.check(CORRECT).await;
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_over_tcp() {
    let sample = sample().await;
    sample.set(HOST, "CNAME", TARGET);
    sample.fault(Fault::new(FaultKind::Truncate));
    sample.check(CORRECT).await;
    sample.repair();
    for n in 0..12 {
        sample.add(&format!("_portal-ownership.{HOST}"), "TXT", &format!("{n}{}", "x".repeat(200)));
    }
    sample.add(&format!("_portal-ownership.{HOST}"), "TXT", "portal-ownership=token");
    assert_eq!(sample.check(CORRECT).await.proof_method, "txt");
}

#[tokio::test]
async fn alias_chains_are_followed_through_zones_and_their_faults_named() {
    let sample = sample().await;
    sample.set(HOST, "CNAME", "edge.host.test");
    sample.check(("elsewhere", "DNS_CHAIN_BAD")).await;
    sample.set("edge.host.test", "CNAME", TARGET);
    let look = sample.check(CORRECT).await;
    assert_eq!(look.chain, ["edge.host.test", TARGET]);
    assert_eq!(look.proof_method, "", "an alias through a foreign zone proves nothing");
    sample.set("edge.host.test", "A", "127.0.0.99");
    sample.check(("elsewhere", "DNS_POINTS_ELSEWHERE")).await;
    sample.set("edge.host.test", "CNAME", HOST);
    let look = sample.check(("elsewhere", "DNS_CHAIN_BAD")).await;
    assert_eq!(look.dns.unwrap().vars["hop"], HOST);
    sample.fault(Fault::new(FaultKind::Servfail).in_zone("host.test"));
    sample.check(("unknown", "DNS_SERVFAIL")).await;
}

#[tokio::test]
async fn a_chain_of_more_than_eight_aliases_is_bad_within_the_bounds() {
    let sample = sample().await;
    sample.set(HOST, "CNAME", "h1.host.test");
    for n in 1..10 {
        sample.set(&format!("h{n}.host.test"), "CNAME", &format!("h{}.host.test", n + 1));
    }
    sample.set("h10.host.test", "A", US);
    sample.check(("elsewhere", "DNS_CHAIN_BAD")).await;
}

#[tokio::test]
async fn conflicting_data_is_told_apart() {
    let sample = sample().await;
    sample.set(HOST, "A", US);
    sample.set(&format!("_portal-ownership.{HOST}"), "TXT", "portal-ownership=token");
    sample.check(("correct", "DNS_FLATTENED")).await;
    sample.add(HOST, "AAAA", "2606:4700::1");
    sample.check(("partial", "DNS_AAAA_STALE")).await;
    sample.set(HOST, "AAAA", "::1");
    sample.check(("elsewhere", "DNS_RESERVED_ADDRESS")).await;
    edit::unset(sample.server.config(), HOST, Some("AAAA"), None).unwrap();
    sample.add(HOST, "A", "127.0.0.99");
    sample.check(("partial", "DNS_CONFLICTING_RECORDS")).await;
    sample.add(HOST, "CNAME", TARGET);
    sample.check(("partial", "DNS_CNAME_CONFLICT")).await;
}

#[tokio::test]
async fn a_wildcard_routes_and_does_not_prove() {
    let sample = sample().await;
    sample.set("*.customer.test", "CNAME", TARGET);
    assert_eq!(sample.check(("partial", "DNS_WILDCARD_ONLY")).await.proof_method, "");
    sample.set(&format!("_portal-ownership.{HOST}"), "TXT", "portal-ownership=token");
    sample.set(HOST, "CNAME", TARGET);
    assert_eq!(sample.check(CORRECT).await.proof_method, "txt");
}

#[tokio::test]
async fn texts_are_told_apart() {
    let sample = sample().await;
    let proof = format!("_portal-ownership.{HOST}");
    for (name, value, reason) in [
        (format!("{proof}.customer.test"), "portal-ownership=token", "OWNERSHIP_TXT_DOUBLED"),
        (proof.clone(), "portal-ownership=other", "OWNERSHIP_TXT_MISMATCH"),
    ] {
        sample.set(&name, "TXT", value);
        let ownership = sample.look_at(HOST).await.ownership.unwrap();
        assert_eq!((ownership.state.as_str(), ownership.reason.as_str()), ("pending", reason));
    }
    edit::unset(sample.server.config(), &proof, None, None).unwrap();
    edit::unset(sample.server.config(), &format!("{proof}.customer.test"), None, None).unwrap();
    sample.set(HOST, "A", US);
    assert_eq!(sample.look_at(HOST).await.ownership.unwrap().reason, "OWNERSHIP_TXT_MISSING");
}

#[tokio::test]
async fn a_resolver_that_remembers_the_absence_only_informs() {
    let sample = sample().await;
    sample.fault(Fault::new(FaultKind::Old).at(server("127.0.0.53")).in_zone("customer.test"));
    sample.set(HOST, "CNAME", TARGET);
    let look = sample.check(("correct", "DNS_NEGATIVE_CACHE")).await;
    assert_eq!(look.dns.unwrap().vars["t"], "2027-01-15 08:00 UTC");
    sample.repair();
    sample.fault(Fault::new(FaultKind::Timeout).at(server("127.0.0.53")));
    sample.check(CORRECT).await;
}

#[tokio::test]
async fn a_root_or_top_level_that_does_not_answer_is_our_own_failure() {
    let sample = sample().await;
    sample.set(HOST, "CNAME", TARGET);
    for servers in [["127.0.0.41", "127.0.0.42"], ["127.0.0.43", "127.0.0.44"]] {
        sample.repair();
        for at in servers {
            sample.fault(Fault::new(FaultKind::Timeout).at(server(at)));
        }
        let look = sample.check(("unknown", "DNS_LOOKUP_UNKNOWN")).await;
        let ownership = look.ownership.unwrap();
        assert_eq!((ownership.state.as_str(), ownership.reason.as_str()), ("unknown", "DNS_LOOKUP_UNKNOWN"));
    }
}

#[tokio::test]
async fn a_look_keeps_its_bounds() {
    let mut sample = sample().await;
    sample.set(HOST, "CNAME", TARGET);
    sample.settings.max_queries = 2;
    sample.check(("unknown", "DNS_LOOKUP_UNKNOWN")).await;
    sample.settings.max_queries = 60;
    sample.settings.overall = Duration::ZERO;
    sample.check(("unknown", "DNS_LOOKUP_UNKNOWN")).await;
}

#[tokio::test]
async fn an_address_that_is_not_public_is_never_dialled() {
    let mut sample = sample().await;
    sample.set(HOST, "CNAME", TARGET);
    sample.settings.network = "customer.test;127.0.0.32/28".parse().unwrap();
    let look = sample.check(CORRECT).await;
    assert_eq!(look.dns.unwrap().agree, 2);
    // Only 127.0.0.40 to 45 are admitted now: the second server counts as unreachable.
    sample.settings.network = "customer.test;127.0.0.40/30,127.0.0.44/31".parse().unwrap();
    let dns = sample.check(CORRECT).await.dns.unwrap();
    assert_eq!((dns.agree, dns.asked), (1, 2));
    assert!(dns.evidence.iter().any(|evidence| evidence.answer.contains("not a public address")));
}

#[tokio::test]
async fn name_servers_in_another_zone_are_resolved_through_it() {
    let sample = sample_of(|config| {
        config.zones[0].server_names = vec!["dns-a.host.test".to_owned(), "dns-b.host.test".to_owned()];
    })
    .await;
    sample.set(HOST, "CNAME", TARGET);
    let dns = sample.check(CORRECT).await.dns.unwrap();
    assert_eq!((dns.agree, dns.asked), (2, 2));
    assert_eq!(dns.evidence[0].server, "dns-a.host.test (127.0.0.45)");
}

#[tokio::test]
async fn a_host_is_resolved_to_every_address() {
    let sample = sample().await;
    sample.set(HOST, "CNAME", "edge.host.test");
    sample.set("edge.host.test", "A", US);
    sample.add("edge.host.test", "AAAA", "::1");
    let client = DnsActivities::new(sample.settings.clone());
    assert_eq!(client.addresses(HOST).await.unwrap(), [server(US), server("::1")]);
    assert_eq!(client.addresses("none.customer.test").await.unwrap(), Vec::<IpAddr>::new());
    sample.fault(Fault::new(FaultKind::Servfail).in_zone("customer.test"));
    let error = client.addresses(HOST).await.unwrap_err().to_string();
    assert_eq!(error, "could not get an answer from the name servers of customer.test");
}
