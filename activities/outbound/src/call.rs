//! One request, and what is wanted of its answer.

use crate::address::Endpoint;
use crate::error::CallError;
use crate::key::IdempotencyKey;
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A body with its media type. The bytes are final: what is signed is what is sent. `Debug` shows its length only.
#[derive(Clone)]
pub struct Body {
    media_type: &'static str,
    bytes: Bytes,
}

impl Body {
    /// JSON (RFC 8259).
    pub fn json(value: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(value).expect("a wire type has text keys and cannot fail to serialise");
        Self { media_type: "application/json", bytes: bytes.into() }
    }

    /// A form (WHATWG URL, `application/x-www-form-urlencoded`).
    pub fn form(pairs: &[(&str, &str)]) -> Self {
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self { media_type: "application/x-www-form-urlencoded", bytes: text.into() }
    }

    /// The exact bytes that are sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("length_bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// What is wanted of an answer 2xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// That it came. Its body is not read, so no fault of it turns an accepted call into a failed one.
    Status,
    /// Its body too.
    Body,
}

/// What a machine code says of a refusal with a status 4xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It passes by itself: repeat with the same key.
    Passes,
    /// It stays.
    Final,
}

/// How the machine code of a refusal is found. Only codes of the list come out: an error never holds a text of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codes {
    /// Where it may be in the JSON body, as JSON pointers (RFC 6901). The first place with a known code counts.
    pub at: &'static [&'static str],
    /// The codes that somebody acts upon.
    pub known: &'static [(&'static str, Meaning)],
}

impl Codes {
    /// Nobody acts upon a code.
    pub const NONE: Self = Self { at: &[], known: &[] };

    pub(crate) fn find(&self, body: &[u8]) -> Option<(&'static str, Meaning)> {
        let body: Value = serde_json::from_slice(body).ok()?;
        self.at.iter().find_map(|pointer| {
            let text = body.pointer(pointer)?.as_str()?;
            self.known.iter().find(|(code, _)| *code == text).copied()
        })
    }
}

/// One request. `Debug` shows method and host only.
#[derive(Clone)]
pub struct Call {
    pub(crate) method: Method,
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Body>,
    pub(crate) want: Want,
    pub(crate) codes: Codes,
}

impl Call {
    /// A request that only reads, and wants the body of the answer.
    pub fn get(endpoint: Endpoint) -> Self {
        let (method, headers) = (Method::GET, HeaderMap::new());
        Self { method, endpoint, headers, body: None, want: Want::Body, codes: Codes::NONE }
    }

    /// A request that changes something.
    pub fn post(endpoint: Endpoint, body: Body, want: Want) -> Self {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(body.media_type))]);
        Self { method: Method::POST, endpoint, headers, body: Some(body), want, codes: Codes::NONE }
    }

    /// Adds a header; `name` is in lower case.
    ///
    /// # Panics
    /// If `name` is no header name in lower case, which is a defect of the calling code.
    pub fn header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// Adds the header `Idempotency-Key`.
    pub fn key(self, key: &IdempotencyKey) -> Self {
        self.header("idempotency-key", key.header())
    }

    /// Tells how to find the machine code of a refusal.
    pub fn codes(mut self, codes: Codes) -> Self {
        self.codes = codes;
        self
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Call");
        shown.field("method", &self.method).field("host", &self.endpoint.host()).finish_non_exhaustive()
    }
}

/// An answer 2xx. `Debug` shows host and status only.
#[derive(Clone)]
pub struct Reply {
    pub(crate) host: String,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// 200 to 299.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`CallError::Unreadable`]: it is not JSON, or not of this form.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|_| self.unreadable())
    }

    /// The error for a body that can be read, but does not hold what the interface promises.
    pub fn unreadable(&self) -> CallError {
        CallError::Unreadable { host: self.host.clone(), status: self.status }
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("host", &self.host).field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{BaseUrl, Cleartext};

    #[test]
    fn only_listed_codes_come_out_of_a_body() {
        const CODES: Codes = Codes {
            at: &["/error/code", "/error/type"],
            known: &[("busy", Meaning::Passes), ("bad_request", Meaning::Final)],
        };
        let found = |body: &str| CODES.find(body.as_bytes());
        assert_eq!(found(r#"{"error":{"code":"busy","type":"bad_request"}}"#), Some(("busy", Meaning::Passes)));
        assert_eq!(found(r#"{"error":{"code":"new","type":"bad_request"}}"#), Some(("bad_request", Meaning::Final)));
        assert_eq!(found(r#"{"error":{"code":7}}"#), None);
        assert_eq!(found(r#"{"error":"busy"}"#), None);
        assert_eq!(found("<html>busy</html>"), None);
        assert_eq!(Codes::NONE.find(b"{}"), None);
    }

    #[test]
    fn nothing_of_bodies_headers_or_paths_is_shown() {
        let base = BaseUrl::parse("https://a.example", Cleartext::LoopbackOnly).unwrap();
        let body = Body::form(&[("name", "canary & co")]);
        assert_eq!(body.bytes(), b"name=canary+%26+co");
        let call = Call::post(base.endpoint(&["canary"]), body.clone(), Want::Body)
            .header("x-internal-secret", HeaderValue::from_static("canary"));
        let reply = Reply { host: "a.example".to_owned(), status: 200, body: b"canary".to_vec() };
        let error = reply.json::<Value>().unwrap_err();
        let shown = format!("{body:?} {call:?} {reply:?} {error} {error:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}
