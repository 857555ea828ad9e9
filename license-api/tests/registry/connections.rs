//! Clients that send slowly, or only connect.

use crate::world::{SECRET, World, essentials, with_settings};
use license_api::server;
use license_api::settings::Settings;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Long enough for a request on a busy machine.
const ARRIVAL: Duration = Duration::from_secs(2);

fn settings() -> Settings {
    Settings { arrival_max: ARRIVAL, concurrency_max: 2, connections_max: 6, ..Settings::default() }
}

async fn serve(world: &World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server::run(listener, world.state.clone(), world.state.drain.clone().cancelled_owned()));
    address
}

async fn sent(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

async fn rest(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    // A connection that the service resets has ended, too.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

/// Registers a tenant over a connection of its own.
async fn register(address: SocketAddr, submission: &str) -> String {
    let body = essentials(submission).to_string();
    let head = format!(
        "POST /register-tenant HTTP/1.1\r\nhost: license\r\nauthorization: Bearer {SECRET}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    rest(sent(address, &head).await).await
}

const NO_BODY: &str = "POST /check-in HTTP/1.1\r\nhost: license\r\ncontent-length: 100\r\n\r\n{";

#[tokio::test]
async fn a_body_that_does_not_come_takes_no_place_and_is_told_so() {
    with_settings(settings(), async |world: &World| {
        world.connect().await;
        let address = serve(world).await;
        let began = Instant::now();
        let mut slow = Vec::new();
        for _ in 0..4 {
            slow.push(sent(address, NO_BODY).await);
        }
        // The service has read the head of each.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let answer = register(address, "s-1").await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert!(began.elapsed() < ARRIVAL, "{:?}", began.elapsed());
        for stream in slow {
            let answer = rest(stream).await;
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
            assert!(answer.ends_with(r#"{"error":"The request did not arrive in time.","code":"request_timeout"}"#));
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_without_a_request_ends() {
    with_settings(settings(), async |world: &World| {
        let address = serve(world).await;
        let began = Instant::now();
        for text in ["", "POST /check-in HTTP/1.1\r\nhost: lic"] {
            let stream = sent(address, text).await;
            let ended = tokio::time::timeout(ARRIVAL * 3, rest(stream)).await;
            assert!(ended.is_ok(), "{text:?} {:?}", began.elapsed());
        }
    })
    .await;
}

#[tokio::test]
async fn one_connection_too_many_waits_until_another_ends() {
    let few = Settings { arrival_max: Duration::from_secs(60), connections_max: 3, ..settings() };
    with_settings(few, async |world: &World| {
        world.connect().await;
        let address = serve(world).await;
        let mut open = Vec::new();
        for _ in 0..3 {
            open.push(sent(address, "").await);
        }
        let mut waiting = tokio::spawn(register(address, "s-1"));
        assert!(tokio::time::timeout(Duration::from_millis(500), &mut waiting).await.is_err());
        drop(open.pop());
        let answer = waiting.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    })
    .await;
}
