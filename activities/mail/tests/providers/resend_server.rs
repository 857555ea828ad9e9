//! A server with Resend's rules: bearer key, error names, and keys that are remembered for 24 h of its own clock.

use crate::mails::noon;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// The key of the account.
pub(crate) const API_KEY: &str = "re_canary_api_key";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What happens to the next request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// It is answered with this status and error name; nothing is taken.
    Answer(u16, &'static str),
    /// It is never answered; nothing is taken.
    Silence,
    /// It is taken and never answered.
    TakeAndSilence,
    /// It is taken, and the answer is no JSON.
    TakeAndGarble,
}

/// What the server knows.
pub(crate) struct Known {
    now: Mutex<SystemTime>,
    next: Mutex<VecDeque<Next>>,
    keys: Mutex<BTreeMap<String, (SystemTime, Bytes, String)>>,
    taken: Mutex<Vec<Value>>,
}

/// A running server.
pub(crate) struct ResendServer {
    pub(crate) address: SocketAddr,
    pub(crate) known: Arc<Known>,
}

impl ResendServer {
    pub(crate) async fn start() -> Self {
        let known = Arc::new(Known {
            now: Mutex::new(noon()),
            next: Mutex::default(),
            keys: Mutex::default(),
            taken: Mutex::default(),
        });
        let routes = Router::new().route("/emails", post(emails)).with_state(Arc::clone(&known));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, known }
    }
}

impl Known {
    pub(crate) fn now(&self) -> SystemTime {
        *self.now.lock().unwrap()
    }

    pub(crate) fn set(&self, now: SystemTime) {
        *self.now.lock().unwrap() = now;
    }

    pub(crate) fn next(&self, next: Next) {
        self.next.lock().unwrap().push_back(next);
    }

    pub(crate) fn taken(&self) -> Vec<Value> {
        self.taken.lock().unwrap().clone()
    }

    /// Takes a mail unless the key is known; answers its id, or the name of the conflict.
    fn take(&self, key: &str, body: &Bytes) -> Result<String, &'static str> {
        let (mut keys, mut taken) = (self.keys.lock().unwrap(), self.taken.lock().unwrap());
        let now = self.now();
        keys.retain(|_, (since, _, _)| now < *since + DAY);
        if let Some((_, first, id)) = keys.get(key) {
            return if first == body { Ok(id.clone()) } else { Err("invalid_idempotent_request") };
        }
        taken.push(serde_json::from_slice(body).map_err(|_| "validation_error")?);
        let id = format!("mail-{}", taken.len());
        keys.insert(key.to_owned(), (now, body.clone(), id.clone()));
        Ok(id)
    }
}

async fn emails(State(known): State<Arc<Known>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if header("authorization") != format!("Bearer {API_KEY}") {
        return refuse(401, "missing_api_key");
    }
    let key = header("idempotency-key");
    if !(1..=256).contains(&key.len()) {
        return refuse(400, "invalid_idempotency_key");
    }
    let next = known.next.lock().unwrap().pop_front();
    match next {
        Some(Next::Answer(status, name)) => return refuse(status, name),
        Some(Next::Silence) => return future::pending().await,
        Some(Next::TakeAndSilence | Next::TakeAndGarble) | None => {}
    }
    match (known.take(&key, &body), next) {
        (_, Some(Next::TakeAndSilence)) => future::pending().await,
        (_, Some(Next::TakeAndGarble)) => (StatusCode::OK, "not json").into_response(),
        (Ok(id), _) => axum::Json(json!({ "id": id })).into_response(),
        (Err(name), _) => refuse(409, name),
    }
}

/// An error as Resend writes it, with a text that no error of ours may show.
fn refuse(status: u16, name: &str) -> Response {
    let body = json!({ "statusCode": status, "name": name, "message": "canary-server-text" });
    let retry = if status == 429 { "7" } else { "" };
    (StatusCode::from_u16(status).unwrap(), [("retry-after", retry)], axum::Json(body)).into_response()
}
