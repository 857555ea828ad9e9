//! What the probe says of a live host.

use crate::edge::{
    Authority, HERE, HOST, Identity, NONCE, Reply, SHORT, Server, answer, marked, redirect, settings, table, trusting,
};
use model::portal::network::NetworkPolicy;
use probe::{Limits, Probe, Settings};
use proto::v1::{ProbeLook, ProbeRequest};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn request(fingerprint: &str) -> ProbeRequest {
    ProbeRequest {
        host: HOST.to_owned(),
        nonce: NONCE.to_owned(),
        fingerprint_sha256: fingerprint.to_owned(),
        now_ms: 1000,
        patience_ms: 0,
        ..ProbeRequest::default()
    }
}

/// The portal as it should answer over TLS.
fn portal(path: &str) -> Reply {
    match path {
        "/.well-known/portal-probe" => marked(NONCE),
        "/" => redirect("/client-portal/dashboard"),
        _ => answer(200),
    }
}

async fn plain_edge(https_port: u16) -> Server {
    Server::plain(move |_| redirect(format!("https://{HOST}:{https_port}/"))).await
}

#[track_caller]
fn check(look: &ProbeLook, state: &str, reason: &str) {
    let finding = look.finding.as_ref().unwrap();
    assert_eq!((finding.state.as_str(), finding.reason.as_str()), (state, reason), "{:?}", finding.evidence);
}

/// One look at an edge that serves `identity` with `script`, trusting `authority`.
async fn look(
    authority: &Authority,
    identity: Identity,
    script: impl Fn(&str) -> Reply + Send + Sync + 'static,
    request: &ProbeRequest,
) -> ProbeLook {
    let secure = Server::tls(identity, script).await;
    let plain = plain_edge(secure.port).await;
    let (probe, _folder) = trusting(authority, settings(plain.port, secure.port, table(&[HERE])));
    probe.look(request).await
}

#[tokio::test]
async fn a_good_host_is_serving() {
    let authority = Authority::new();
    let identity = authority.issue(HOST);
    let fingerprint = identity.fingerprint();
    let look = look(&authority, identity, portal, &request(&fingerprint)).await;
    check(&look, "serving", "");
    assert_eq!((look.fingerprint_sha256.as_str(), look.https_status, look.tries), (fingerprint.as_str(), 200, 1));
    assert!(look.not_after_ms > 0);
    let finding = look.finding.unwrap();
    assert_eq!((finding.axis.as_str(), finding.agree, finding.asked), ("edge", 1, 1));
    assert_eq!(finding.evidence[0].server, "127.0.0.1");
}

#[tokio::test]
async fn an_older_certificate_is_stale_and_its_fingerprint_is_told() {
    let authority = Authority::new();
    let identity = authority.issue(HOST);
    let served = identity.fingerprint();
    let look = look(&authority, identity, portal, &request(&"0".repeat(64))).await;
    check(&look, "serving_stale", "EDGE_WRONG_CERT");
    assert_eq!(look.fingerprint_sha256, served);
}

#[tokio::test]
async fn certificates_that_browsers_refuse_are_refused_and_told() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (identity, says) in [
        (authority.issue("other.customer.test"), "issued for another name"),
        (stranger.issue(HOST), "unknown issuer"),
        (authority.issue_expired(HOST), "expired"),
    ] {
        let served = identity.fingerprint();
        let look = look(&authority, identity, portal, &request(&served)).await;
        check(&look, "unreachable", "EDGE_WRONG_CERT");
        assert_eq!(look.fingerprint_sha256, served);
        assert!(look.not_after_ms > 0);
        assert_eq!(look.finding.unwrap().evidence[0].answer, format!("wrong certificate: {says}"));
    }
}

#[tokio::test]
async fn the_mark_of_another_tenant_is_no_good_and_is_not_repeated() {
    let authority = Authority::new();
    let script = |path: &str| match path {
        "/.well-known/portal-probe" => marked("nonce-of-a-neighbour"),
        path => portal(path),
    };
    let look = look(&authority, authority.issue(HOST), script, &request("")).await;
    check(&look, "unreachable", "EDGE_APP_ERROR");
    assert!(!format!("{look:?}").contains("neighbour"));
}

#[tokio::test]
async fn an_application_that_fails_is_named_by_its_status() {
    let authority = Authority::new();
    let broken = |path: &str| match path {
        "/client-portal/dashboard" => answer(503),
        path => portal(path),
    };
    let seen = look(&authority, authority.issue(HOST), broken, &request("")).await;
    check(&seen, "unreachable", "EDGE_APP_ERROR");
    assert_eq!(seen.finding.unwrap().vars["code"], "503");
    assert_eq!(seen.https_status, 503);

    let no_redirect = |path: &str| match path {
        "/" => answer(200),
        path => portal(path),
    };
    let seen = look(&authority, authority.issue(HOST), no_redirect, &request("")).await;
    check(&seen, "unreachable", "EDGE_APP_ERROR");
    assert_eq!(seen.finding.unwrap().vars["code"], "200 instead of its start page");
}

#[tokio::test]
async fn plain_http_must_lead_to_https() {
    let authority = Authority::new();
    let secure = Server::tls(authority.issue(HOST), portal).await;
    let plain = Server::plain(|_| answer(200)).await;
    let (probe, _folder) = trusting(&authority, settings(plain.port, secure.port, table(&[HERE])));
    check(&probe.look(&request("")).await, "unreachable", "EDGE_APP_ERROR");
}

#[tokio::test]
async fn closed_connections_and_long_bodies_do_not_matter() {
    let authority = Authority::new();
    let closing = |path: &str| match portal(path) {
        Reply::Answer { status, headers, .. } => Reply::Last { status, headers },
        other @ (Reply::Last { .. } | Reply::Hang) => other,
    };
    check(&look(&authority, authority.issue(HOST), closing, &request("")).await, "serving", "");
    let long = |path: &str| match portal(path) {
        Reply::Answer { status, headers, .. } => Reply::Answer { status, headers, body: vec![b'x'; 1 << 20] },
        other @ (Reply::Last { .. } | Reply::Hang) => other,
    };
    check(&look(&authority, authority.issue(HOST), long, &request("")).await, "serving", "");
}

/// A port on which nothing listens.
async fn closed_port() -> u16 {
    let listener = tokio::net::TcpListener::bind(SocketAddr::new(HERE, 0)).await.unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_closed_port_or_something_else_than_tls_is_unreachable() {
    let authority = Authority::new();
    let (probe, _folder) = trusting(&authority, settings(closed_port().await, closed_port().await, table(&[HERE])));
    let look = probe.look(&request("")).await;
    check(&look, "unreachable", "EDGE_UNREACHABLE");
    assert!(look.finding.unwrap().evidence[0].answer.starts_with("no connection"));

    let plain = Server::plain(|_| answer(200)).await;
    let bounded = Settings { limits: SHORT, ..settings(plain.port, plain.port, table(&[HERE])) };
    let (probe, _folder) = trusting(&authority, bounded);
    let look = probe.look(&request("")).await;
    check(&look, "unreachable", "EDGE_UNREACHABLE");
    assert!(look.finding.unwrap().evidence[0].answer.starts_with("no TLS handshake"));
}

#[tokio::test]
async fn a_server_that_hangs_costs_one_bound() {
    let authority = Authority::new();
    let secure = Server::tls(authority.issue(HOST), |_| Reply::Hang).await;
    let plain = plain_edge(secure.port).await;
    let bounded = Settings { limits: SHORT, ..settings(plain.port, secure.port, table(&[HERE])) };
    let (probe, _folder) = trusting(&authority, bounded);
    let began = Instant::now();
    let look = probe.look(&request("")).await;
    check(&look, "unreachable", "EDGE_UNREACHABLE");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(look.finding.unwrap().evidence[0].answer.ends_with("timed out"));
}

#[tokio::test]
async fn an_address_that_is_not_public_is_never_dialled() {
    let authority = Authority::new();
    let secure = Server::tls(authority.issue(HOST), portal).await;
    let plain = plain_edge(secure.port).await;
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    let production = Settings {
        network: NetworkPolicy::production(),
        ..settings(plain.port, secure.port, table(&[HERE, mapped, "10.0.0.1".parse().unwrap()]))
    };
    let (probe, _folder) = trusting(&authority, production);
    let look = probe.look(&request("")).await;
    check(&look, "unreachable", "EDGE_UNREACHABLE");
    assert_eq!((secure.requests(), plain.requests()), (0, 0));
    let finding = look.finding.unwrap();
    assert!(finding.evidence.iter().all(|fact| fact.answer.starts_with("not dialled")), "{:?}", finding.evidence);
    assert_eq!(finding.evidence.len(), 2, "the mapped address is the same as its IPv4 address");
}

#[tokio::test]
async fn every_address_counts() {
    let authority = Authority::new();
    let secure = Server::tls(authority.issue(HOST), portal).await;
    let plain = plain_edge(secure.port).await;
    let second: IpAddr = "127.0.0.2".parse().unwrap();
    let (probe, _folder) = trusting(&authority, settings(plain.port, secure.port, table(&[HERE, second])));
    let look = probe.look(&request("")).await;
    check(&look, "unreachable", "EDGE_UNREACHABLE");
    let finding = look.finding.unwrap();
    assert_eq!((finding.agree, finding.asked), (1, 2));
    assert_eq!(finding.evidence[0].answer, "serving");
}

#[tokio::test]
async fn our_own_failures_are_unknown() {
    let authority = Authority::new();
    let (probe, _folder) = trusting(&authority, settings(1, 1, crate::edge::Table::default()));
    check(&probe.look(&request("")).await, "unknown", "PROBE_UNKNOWN");
    check(&probe.look(&ProbeRequest { host: "127.0.0.1".to_owned(), ..request("") }).await, "unknown", "PROBE_UNKNOWN");

    let missing = Settings { extra_ca_file: Some("/nonexistent/ca.pem".into()), ..settings(1, 1, table(&[HERE])) };
    check(&Probe::new(missing).look(&request("")).await, "unknown", "PROBE_UNKNOWN");
}

#[tokio::test]
async fn a_patient_look_returns_as_soon_as_the_host_is_good() {
    let authority = Authority::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let script = move |path: &str| {
        let early = path == "/.well-known/portal-probe" && counted.fetch_add(1, Ordering::SeqCst) < 3;
        if early { answer(404) } else { portal(path) }
    };
    let secure = Server::tls(authority.issue(HOST), script).await;
    let plain = plain_edge(secure.port).await;
    let (probe, _folder) = trusting(&authority, settings(plain.port, secure.port, table(&[HERE])));
    let look = probe.look_patiently(&ProbeRequest { patience_ms: 60_000, ..request("") }).await;
    check(&look, "serving", "");
    assert_eq!(look.tries, 4);
    assert!(look.finding.unwrap().evidence[0].at_ms > 1000, "evidence carries the time of its own try");
}

#[tokio::test]
async fn patience_that_ends_within_a_minute_is_progress() {
    let authority = Authority::new();
    let (probe, _folder) = trusting(&authority, settings(closed_port().await, closed_port().await, table(&[HERE])));
    let look = probe.look_patiently(&ProbeRequest { patience_ms: 50, ..request("") }).await;
    check(&look, "applying", "EDGE_PROPAGATING");
    assert!(look.tries > 2, "{}", look.tries);
}

#[tokio::test]
async fn a_dropped_look_closes_its_connections() {
    let authority = Authority::new();
    let secure = Server::tls(authority.issue(HOST), |_| Reply::Hang).await;
    let plain = plain_edge(secure.port).await;
    let (probe, _folder) = trusting(&authority, settings(plain.port, secure.port, table(&[HERE])));
    let probe = Arc::new(probe);
    let running = tokio::spawn({
        let probe = Arc::clone(&probe);
        async move { probe.look(&request("")).await }
    });
    wait_until(|| secure.requests() == 1).await;
    running.abort();
    wait_until(|| secure.open() == 0).await;
}

#[tokio::test]
async fn a_batch_answers_in_order_and_is_bounded() {
    let authority = Authority::new();
    let secure = Server::tls(authority.issue(HOST), portal).await;
    let plain = plain_edge(secure.port).await;
    let mut hosts = table(&[HERE]);
    hosts.hosts.insert("gone.customer.test".to_owned(), Vec::new());
    let hosts = Arc::new(hosts);
    let limits = Limits { batch: 4, ..crate::edge::ample() };
    let settings = Settings {
        resolver: Arc::clone(&hosts) as Arc<_>,
        limits,
        ..settings(plain.port, secure.port, crate::edge::Table::default())
    };
    let (probe, _folder) = trusting(&authority, settings);
    let gone = || ProbeRequest { host: "gone.customer.test".to_owned(), ..request("") };
    let requests: Vec<_> = (0..12).map(|n| if n % 3 == 0 { gone() } else { request("") }).collect();
    let looks = probe.look_many(&requests).await;
    for (n, look) in looks.iter().enumerate() {
        if n % 3 == 0 { check(look, "unreachable", "DNS_NO_RECORDS") } else { check(look, "serving", "") }
    }
    assert!(looks.len() == 12 && hosts.most.load(Ordering::SeqCst) <= 4);
}

async fn wait_until(condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.expect("the condition holds in time");
}
