//! The routes of the role over real sockets, with sources in this process.

use challenge_responder::answer::Responder;
use challenge_responder::challenges::Challenges;
use challenge_responder::question::{AskedHost, Token};
use challenge_responder::server::{router, run_until};
use challenge_responder::tokens::{PreflightTokens, TokensError};
use challenge_responder::{DatabaseUrl, ResponderError, Settings};
use futures::future::BoxFuture;
use futures::{FutureExt, stream};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::watcher::Event;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// One preflight token, or a table that does not answer.
enum Tokens {
    One { host: &'static str, token: &'static str, body: &'static str },
    Broken,
}

impl PreflightTokens for Tokens {
    fn body<'a>(&'a self, host: &'a AskedHost, token: &'a Token) -> BoxFuture<'a, Result<Option<String>, TokensError>> {
        let answer = match self {
            Self::One { host: known, token: one, body } => {
                Ok((host.as_str() == *known && token.as_str() == *one).then(|| (*body).to_owned()))
            }
            Self::Broken => Err(TokensError::timed_out()),
        };
        async { answer }.boxed()
    }

    fn ready(&self) -> BoxFuture<'_, bool> {
        let ready = matches!(self, Self::One { .. });
        async move { ready }.boxed()
    }
}

fn challenge(host: &str, token: &str, key: &str) -> DynamicObject {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("acme.cert-manager.io", "v1", "Challenge"));
    let mut object = DynamicObject::new(token, &resource).within("msp");
    object.data = json!({"spec": {"type": "HTTP-01", "dnsName": host, "token": token, "key": key}});
    object
}

async fn feed(challenges: &Challenges, events: Vec<Event<DynamicObject>>) {
    challenges.feed(stream::iter(events.into_iter().map(Ok))).await;
}

/// A server; it ends with the runtime of its test.
async fn serve(challenges: Option<Arc<Challenges>>, tokens: Option<Tokens>, patience: Duration) -> SocketAddr {
    let tokens = tokens.map(|tokens| Arc::new(tokens) as Arc<dyn PreflightTokens>);
    let router = router(Arc::new(Responder::new(challenges, tokens, patience)), "/health", "/ready");
    let listener = TcpListener::bind(HERE).await.expect("a port of loopback");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Sends one request and returns status and the rest of the answer.
async fn ask(address: SocketAddr, method: &str, target: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = format!("{method} {target} HTTP/1.1\r\n{host}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the answer is text");
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
    (status, answer)
}

#[track_caller]
fn check_body((status, answer): (u16, String), body: &str) {
    assert_eq!(status, 200, "{answer}");
    assert!(answer.ends_with(&format!("\r\n\r\n{body}")) && answer.contains("text/plain"), "{answer}");
}

const SHORT: Duration = Duration::from_millis(5);
const PATH: &str = "/.well-known/acme-challenge/";

#[tokio::test]
async fn challenges_and_preflight_tokens_are_answered_for_their_host_only() {
    let challenges = Arc::new(Challenges::default());
    let known = vec![Event::Init, Event::InitApply(challenge("a.test", "t1", "t1.print")), Event::InitDone];
    feed(&challenges, known).await;
    let tokens = Tokens::One { host: "a.test", token: "t2", body: "t2.preflight" };
    let address = serve(Some(challenges), Some(tokens), SHORT).await;

    let get = async |token: &str, host: &str| ask(address, "GET", &format!("{PATH}{token}"), host).await;
    check_body(get("t1", "host: a.test\r\n").await, "t1.print");
    check_body(get("t1", "host: A.Test.:80\r\n").await, "t1.print");
    check_body(get("t2", "host: a.test\r\n").await, "t2.preflight");
    assert_eq!(get("t1", "host: b.test\r\n").await.0, 404);
    assert_eq!(get("t2", "host: b.test\r\n").await.0, 404);
    assert_eq!(get("t3", "host: a.test\r\n").await.0, 404);
    check_body(ask(address, "GET", &format!("http://a.test{PATH}t1"), "host: b.test\r\n").await, "t1.print");
}

#[tokio::test]
async fn everything_else_is_not_found() {
    let tokens = Tokens::One { host: "a.test", token: "t", body: "b" };
    let address = serve(None, Some(tokens), SHORT).await;
    let long = format!("{PATH}{}", "x".repeat(257));
    let dots = format!("{PATH}..%2Ft");
    let padded = format!("{PATH}t=");
    for target in ["/", "/.well-known/acme-challenge", PATH, &long, &dots, &padded, "/.well-known/acme-challenge/t/t"] {
        assert_eq!(ask(address, "GET", target, "host: a.test\r\n").await.0, 404, "{target}");
    }
    let target = format!("{PATH}t");
    for host in ["host: \r\n", "host: [::1]\r\n", "host: a..test\r\n", "host: a.test\r\nhost: a.test\r\n"] {
        let (status, _) = ask(address, "GET", &target, host).await;
        assert!(matches!(status, 400 | 404), "{host}: {status}");
    }
}

#[tokio::test]
async fn only_get_is_allowed() {
    let tokens = Tokens::One { host: "a.test", token: "t", body: "b" };
    let address = serve(None, Some(tokens), SHORT).await;
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
        let (status, answer) = ask(address, method, &format!("{PATH}t"), "host: a.test\r\n").await;
        assert_eq!(status, 405, "{method}");
        assert!(answer.to_lowercase().contains("allow: get\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_challenge_that_arrives_while_the_authority_waits_is_answered() {
    let challenges = Arc::new(Challenges::default());
    feed(&challenges, vec![Event::Init, Event::InitDone]).await;
    let address = serve(Some(Arc::clone(&challenges)), None, Duration::from_secs(60)).await;
    let target = format!("{PATH}t9");
    let question = ask(address, "GET", &target, "host: a.test\r\n");
    let arrival = feed(&challenges, vec![Event::Apply(challenge("a.test", "t9", "t9.print"))]);
    check_body(futures::join!(question, arrival).0, "t9.print");
}

#[tokio::test]
async fn a_source_that_cannot_be_asked_is_no_absence() {
    let address = serve(None, Some(Tokens::Broken), SHORT).await;
    let target = format!("{PATH}t");
    assert_eq!(ask(address, "GET", &target, "host: a.test\r\n").await.0, 503);
    let address = serve(Some(Arc::new(Challenges::default())), None, SHORT).await;
    assert_eq!(ask(address, "GET", &target, "host: a.test\r\n").await.0, 503, "the first list has not arrived");
}

#[tokio::test]
async fn health_tells_that_it_lives_and_ready_that_its_sources_answer() {
    let challenges = Arc::new(Challenges::default());
    let address = serve(Some(Arc::clone(&challenges)), None, SHORT).await;
    let ready = async |address| ask(address, "GET", "/ready", "host: x\r\n").await.0;
    assert_eq!(ask(address, "GET", "/health", "host: x\r\n").await.0, 200);
    assert_eq!(ready(address).await, 503);
    feed(&challenges, vec![Event::Init, Event::InitDone]).await;
    assert_eq!(ready(address).await, 200);
    assert_eq!(ready(serve(Some(challenges), Some(Tokens::Broken), SHORT).await).await, 503);
}

#[tokio::test]
async fn unusable_settings_are_refused_without_their_secrets() {
    let run = |settings: Settings| run_until(settings, std::future::ready(()));
    assert!(matches!(run(Settings::new(HERE)).await, Err(ResponderError::NoSource)));
    let url = DatabaseUrl::new("postgres://user:hunter2@nowhere:port/none");
    let with = Settings { database_url: Some(url), ..Settings::new(HERE) };
    let same = Settings { ready_path: "/health".to_owned(), ..with.clone() };
    assert!(matches!(run(same).await, Err(ResponderError::HealthPaths { .. })));
    assert!(!format!("{:?}", with.database_url).contains("hunter2"));
    let error = run(with).await.expect_err("no such port");
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

#[tokio::test]
async fn the_role_stops_when_it_is_told_to() {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    // Nothing listens there: the role lives all the same, and is not ready.
    let url = DatabaseUrl::new("postgres://nobody@127.0.0.1:1/none");
    let settings = Settings { database_url: Some(url), ..Settings::new(HERE) };
    let role = tokio::spawn(run_until(settings, async move {
        let _ = stopped.await;
    }));
    stop.send(()).expect("the role waits");
    let ended = tokio::time::timeout(Duration::from_secs(20), role).await.expect("it ends in time");
    ended.expect("no panic").expect("an orderly end");
}
