//! What the scripted server can answer.

use super::Recorded;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::watch;

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Status code.
    pub status: u16,
    /// Headers beside `Content-Length` and `Connection`, which the server sets.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Page {
    /// An answer without a body.
    pub const fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// An answer with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string()).with_header("content-type", "application/json")
    }

    /// An answer with any text.
    pub fn text(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What a test opens when a late answer may come.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Lets through whoever waits, now and later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub(super) async fn passed(&self) {
        // The sender lives as long as this gate, so the wait ends only by an open gate.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::closed()
    }
}

/// How the server answers one request, after it has read and recorded it whole.
#[derive(Clone)]
pub enum Answer {
    /// Well.
    Page(Page),
    /// By what the request says.
    With(Arc<dyn Fn(&Recorded) -> Page + Send + Sync>),
    /// Well, but without a length: the end of the connection ends the body (RFC 9112 §6.3).
    UntilClose(Page),
    /// Late: when the gate opens.
    Held(Gate, Page),
    /// Never: the connection stays open.
    Silent,
    /// Twice in one connection.
    Twice(Page),
    /// With something that is not HTTP.
    Nonsense,
    /// Not at all: it accepts the request and cuts the connection.
    Cut,
    /// With the head and half of the body, and then it cuts the connection.
    CutInBody(Page),
    /// With the head and half of the body, and then nothing more.
    StallInBody(Page),
    /// With status 200 and a body that never ends and announces no length.
    Endless,
}

impl Answer {
    /// A JSON body, well answered.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Page(Page::json(status, body))
    }

    /// No body, well answered.
    pub const fn status(status: u16) -> Self {
        Self::Page(Page::status(status))
    }

    /// By what the request says.
    pub fn with(answer: impl Fn(&Recorded) -> Page + Send + Sync + 'static) -> Self {
        Self::With(Arc::new(answer))
    }
}
