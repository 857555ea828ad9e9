//! HTTP/1.1 requests with bounds.

use crate::connect::bounded;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST, HeaderMap, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use model::portal::probe::{Head, NONCE_HEADER};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Bytes of a response head that are read; enough for any answer of an ordinary site.
const HEAD_MAX_BYTES: usize = 64 * 1024;
/// How we introduce ourselves.
const AGENT: &str = "tenantry-probe";

/// One HTTP connection. Dropping it closes the socket.
pub(crate) struct Session {
    sender: http1::SendRequest<Empty<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A body as far as it was read.
pub(crate) enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// It is longer than the bound; the connection cannot be used again.
    TooLong,
}

impl Session {
    /// Starts HTTP on an open stream.
    pub(crate) async fn open<S>(stream: S, deadline: Instant) -> Result<Self, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = http1::Builder::new().max_buf_size(HEAD_MAX_BYTES).handshake(TokioIo::new(stream));
        let (sender, connection) = bounded(deadline, handshake).await?;
        let driver = tokio::spawn(async move {
            // What goes wrong here is seen by the request that waits for it.
            let _ = connection.await;
        });
        Ok(Self { sender, driver })
    }

    /// Whether another request can be sent.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends one GET and waits for the head of the answer.
    pub(crate) async fn get(
        &mut self,
        authority: &str,
        path: &str,
        deadline: Instant,
    ) -> Result<Response<Incoming>, String> {
        let request = Request::get(path)
            .header(HOST, authority)
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "*/*")
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        bounded(deadline, self.sender.ready()).await?;
        bounded(deadline, self.sender.send_request(request)).await
    }
}

/// Reads a body up to `max` bytes.
pub(crate) async fn read(mut body: Incoming, max: usize, deadline: Instant) -> Result<Body, String> {
    let mut bytes = Vec::new();
    while let Some(frame) = bounded(deadline, async { body.frame().await.transpose() }).await? {
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > max {
            return Ok(Body::TooLong);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Body::Whole(bytes))
}

/// Keeps what is judged of a response head.
pub(crate) fn head(status: u16, headers: &HeaderMap) -> Head {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Head { status, location: text(LOCATION.as_str()), nonce: text(NONCE_HEADER) }
}
