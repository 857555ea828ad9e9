//! What the preflight says of the HTTP-01 path.

use crate::edge::{Authority, HERE, HOST, Reply, SHORT, Server, answer, content, redirect, settings, table};
use model::portal::network::NetworkPolicy;
use probe::{Probe, Settings};
use proto::v1::{Finding, PreflightRequest};
use std::net::{IpAddr, SocketAddr};

const TOKEN: &str = "t0ken-of-the-check";
const BODY: &str = "t0ken-of-the-check.thumbprint";

fn request(body: &str) -> PreflightRequest {
    PreflightRequest {
        host: HOST.to_owned(),
        addresses: vec![HERE.to_string()],
        token: TOKEN.to_owned(),
        body: body.to_owned(),
        now_ms: 1000,
        ..PreflightRequest::default()
    }
}

#[track_caller]
fn check(finding: &Finding, state: &str, reason: &str) {
    assert_eq!((finding.state.as_str(), finding.reason.as_str()), (state, reason), "{:?}", finding.evidence);
    assert_eq!(finding.axis, "certificate");
    assert!(!format!("{finding:?}").contains(TOKEN), "{finding:?}");
}

async fn look(settings: Settings, request: &PreflightRequest) -> Finding {
    Probe::new(settings).preflight(request).await.finding.unwrap()
}

/// One look at a plain server with a script.
async fn seen(script: impl Fn(&str) -> Reply + Send + Sync + 'static, body: &str) -> Finding {
    let server = Server::plain(script).await;
    look(settings(server.port, 1, table(&[HERE])), &request(body)).await
}

#[tokio::test]
async fn the_expected_content_passes_at_every_address() {
    let script = |path: &str| match path {
        "/.well-known/acme-challenge/t0ken-of-the-check" => content("t0ken-of-the-check.thumbprint\n"),
        _ => answer(404),
    };
    let server = Server::plain(script).await;
    let second = Server::start(SocketAddr::new("127.0.0.2".parse().unwrap(), server.port), None, script).await;
    let request = PreflightRequest { addresses: vec![HERE.to_string(), "127.0.0.2".to_owned()], ..request(BODY) };
    let finding = look(settings(server.port, 1, table(&[HERE])), &request).await;
    check(&finding, "none", "");
    assert_eq!((finding.agree, finding.asked, second.requests()), (2, 2, 1));
}

#[tokio::test]
async fn without_addresses_the_published_ones_are_asked() {
    let server = Server::plain(|_| content(BODY)).await;
    let request = PreflightRequest { addresses: Vec::new(), ..request(BODY) };
    check(&look(settings(server.port, 1, table(&[HERE])), &request).await, "none", "");
    let unresolved = look(settings(server.port, 1, crate::edge::Table::default()), &request).await;
    check(&unresolved, "unknown", "PROBE_UNKNOWN");
}

#[tokio::test]
async fn another_body_status_or_length_is_wrong_content() {
    check(&seen(|_| content("hello"), BODY).await, "preflight", "HTTP01_WRONG_CONTENT");
    check(&seen(|_| answer(404), BODY).await, "preflight", "HTTP01_WRONG_CONTENT");
    check(&seen(|_| content(&format!("{BODY}{}", " ".repeat(5000))), BODY).await, "preflight", "HTTP01_WRONG_CONTENT");
    let refused = |_: &str| Reply::Answer { status: 403, headers: Vec::new(), body: BODY.as_bytes().to_vec() };
    check(&seen(refused, BODY).await, "preflight", "HTTP01_WRONG_CONTENT");
}

#[tokio::test]
async fn a_closed_port_and_a_hanging_server_are_unreachable() {
    let listener = tokio::net::TcpListener::bind(SocketAddr::new(HERE, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let finding = look(settings(port, 1, table(&[HERE])), &request(BODY)).await;
    check(&finding, "preflight", "HTTP01_UNREACHABLE");
    assert_eq!(finding.vars["a"], "127.0.0.1");

    let server = Server::plain(|_| Reply::Hang).await;
    let bounded = Settings { limits: SHORT, ..settings(server.port, 1, table(&[HERE])) };
    check(&look(bounded, &request(BODY)).await, "preflight", "HTTP01_UNREACHABLE");
}

#[tokio::test]
async fn a_redirect_to_https_is_followed_without_verifying_the_certificate() {
    let secure = Server::tls(Authority::new().issue("anything.test"), |_| content(BODY)).await;
    let to = format!("https://{HOST}/elsewhere");
    let server = Server::plain(move |_| redirect(to.clone())).await;
    let finding = look(settings(server.port, secure.port, table(&[HERE])), &request(BODY)).await;
    check(&finding, "none", "");
    assert_eq!(secure.requests(), 1);
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let server = Server::plain(|path| redirect(path.to_owned())).await;
    let finding = look(settings(server.port, 1, table(&[HERE])), &request(BODY)).await;
    check(&finding, "preflight", "HTTP01_REDIRECT_BAD");
    assert_eq!(server.requests(), 11, "the first request and ten redirects");
    assert!(finding.vars["url"].ends_with("/.well-known/acme-challenge/…"));
}

#[tokio::test]
async fn a_redirect_to_another_port_scheme_or_address_is_bad() {
    for url in ["https://portal.customer.test:8443/x", "ftp://portal.customer.test/x", "http://127.0.0.1/x"] {
        let finding = seen(move |_| redirect(url), BODY).await;
        check(&finding, "preflight", "HTTP01_REDIRECT_BAD");
        assert_eq!(finding.vars["url"], url);
    }
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_not_dialled() {
    let server = Server::plain(|_| redirect("http://inside.customer.test/x")).await;
    let mut hosts = table(&[HERE]);
    let inside: [IpAddr; 2] = [HERE, "10.0.0.1".parse().unwrap()];
    hosts.hosts.insert("inside.customer.test".to_owned(), inside.to_vec());
    let finding = look(settings(server.port, 1, hosts), &request(BODY)).await;
    check(&finding, "preflight", "HTTP01_UNREACHABLE");
    assert_eq!(finding.vars["a"], "10.0.0.1");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_redirect_whose_host_we_cannot_resolve_is_unknown_and_one_without_address_is_bad() {
    let server = Server::plain(|_| redirect("http://other.customer.test/x")).await;
    let finding = look(settings(server.port, 1, table(&[HERE])), &request(BODY)).await;
    check(&finding, "unknown", "PROBE_UNKNOWN");
    let mut hosts = table(&[HERE]);
    hosts.hosts.insert("other.customer.test".to_owned(), Vec::new());
    check(&look(settings(server.port, 1, hosts), &request(BODY)).await, "preflight", "HTTP01_REDIRECT_BAD");
}

#[tokio::test]
async fn a_published_private_address_is_not_dialled() {
    let server = Server::plain(|_| content(BODY)).await;
    let production = Settings { network: NetworkPolicy::production(), ..settings(server.port, 1, table(&[HERE])) };
    let finding = look(production, &request(BODY)).await;
    check(&finding, "preflight", "HTTP01_UNREACHABLE");
    assert_eq!((finding.vars["a"].as_str(), server.requests()), ("127.0.0.1", 0));
    assert!(finding.evidence[0].answer.contains("not dialled"));
}

#[tokio::test]
async fn without_a_body_only_reachability_without_a_redirect_counts() {
    check(&seen(|_| answer(404), "").await, "none", "");
    let finding = seen(|_| redirect(format!("https://{HOST}/")), "").await;
    check(&finding, "preflight", "HTTP01_REDIRECT_BAD");
}
