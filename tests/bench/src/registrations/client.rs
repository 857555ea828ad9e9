//! One HTTP/1.1 connection to the service, as light as it can be: it shares the cores with what it measures.

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpStream;

/// A connection that stays open.
pub(crate) struct Client {
    send: SendRequest<Full<Bytes>>,
}

/// An answer.
pub(crate) struct Reply {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its body.
    pub(crate) body: Bytes,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// The address is not on loopback, or nobody listens.
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        ensure!(address.ip().is_loopback(), "only a service on loopback is loaded");
        let stream = TcpStream::connect(address).await.context("could not connect to the service")?;
        stream.set_nodelay(true)?;
        let (send, connection) = handshake(TokioIo::new(stream)).await?;
        // Ends with the sender; what breaks it is told to the request that is under way.
        tokio::spawn(connection);
        Ok(Self { send })
    }

    /// Redeems a text. `source` is where the request comes from, `key` its idempotency key.
    ///
    /// # Errors
    /// The connection broke.
    pub(crate) async fn register(&mut self, source: Ipv4Addr, key: &str, code: &str) -> anyhow::Result<Reply> {
        let body = format!(r#"{{"claim_code":"{code}","appliance_id":"appliance-{key}"}}"#);
        let request = Request::post("/register")
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .header("x-forwarded-for", source.to_string())
            .header("idempotency-key", key);
        self.ask(request.body(Full::from(body))?).await
    }

    async fn ask(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Reply> {
        self.send.ready().await?;
        let (parts, body) = self.send.send_request(request).await?.into_parts();
        Ok(Reply { status: parts.status, body: body.collect().await?.to_bytes() })
    }
}

/// Whether `/readyz` answers 200.
pub(crate) async fn is_ready(address: SocketAddr) -> bool {
    let asked = async {
        let mut client = Client::connect(address).await?;
        client.ask(Request::get("/readyz").header("host", "127.0.0.1").body(Full::default())?).await
    };
    asked.await.is_ok_and(|reply| reply.status == StatusCode::OK)
}

/// The address of a source: every one in a network (/24) of its own, 250 of them in a region (/16).
pub(crate) fn source(index: usize) -> Ipv4Addr {
    let (region, network) = (index / 250, index % 250);
    let byte = |number: usize| u8::try_from(number % 250).expect("below 250");
    Ipv4Addr::new(10 + byte(region / 250), byte(region), byte(network), 1)
}
