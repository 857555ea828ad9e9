//! What the scripted server was asked.

use serde::de::DeserializeOwned;

/// One request, whole. `Debug` shows neither body nor header values, so that a failing test prints no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Recorded {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path, still percent-encoded, without the query.
    pub path: String,
    /// Query, still percent-encoded; empty if there is none.
    pub query: String,
    /// Header names in lower case, with values, in the order of the request.
    pub headers: Vec<(String, String)>,
    /// The exact bytes of the body.
    pub body: Vec<u8>,
}

impl Recorded {
    /// The value of a header that came exactly once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, value) = values.next()?;
        if values.next().is_some() { None } else { Some(value) }
    }

    /// The body as JSON; `None` if it is not.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as the fields of a form, decoded.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The query as parameters, decoded.
    pub fn parameters(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }
}

impl std::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let mut shown = f.debug_struct("Recorded");
        shown.field("method", &self.method).field("path", &self.path).field("headers", &names);
        shown.field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}
