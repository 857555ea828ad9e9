//! The endpoint that the Temporal UI and CLI ask to decrypt what they show, and to encrypt what is typed into them.
//!
//! The protocol is Temporal's (samples-go `codec-server/protocol.md`): `POST …/encode` and `POST …/decode`, of which only the
//! last part of the path counts; the body and the answer are a `Payloads` message in proto JSON; 400 tells of a body that is
//! none, and of one that cannot be decoded. The header `X-Namespace` is accepted and logged; all namespaces share the keys.
//!
//! Whoever may ask may read every password that stands in a history. So it listens on loopback unless it asks for a token
//! ([`Settings::may_listen_on`]), a browser is served only on behalf of the pages whose origins are listed, and every answer
//! that may hold something decrypted is logged and must not be stored.

mod access;
mod origins;
mod proto_json;
mod settings;

pub use settings::{BODY_BYTES_MAX, LISTEN, Settings, SettingsError, TOKEN_MIN};

use crate::envelope;
use crate::sensitive::SensitiveCodec;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::{Router, handler::Handler};
use std::sync::Arc;

/// Header with the namespace of a request.
const NAMESPACE: &str = "x-namespace";

struct Shared {
    codec: SensitiveCodec,
    settings: Settings,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Encode,
    Decode,
}

impl Operation {
    /// Reads the last part of a path: whoever runs the endpoint may mount it below any other path.
    fn of(path: &str) -> Option<Self> {
        match path.rsplit('/').next() {
            Some("encode") => Some(Self::Encode),
            Some("decode") => Some(Self::Decode),
            _ => None,
        }
    }
}

/// Makes the endpoint.
///
/// | answer | when |
/// |---|---|
/// | 200 | the payloads, as many as were sent and in their order |
/// | 204 | a preflight of a listed origin |
/// | 400 | the body is no `Payloads`, or a key is missing; the text names the key |
/// | 401 | the token is missing or another one |
/// | 403 | a browser asks on behalf of a page that is not listed |
/// | 404, 405 | the path ends in neither word; the method is not POST |
/// | 413 | the body has more than [`BODY_BYTES_MAX`] bytes |
pub fn router(codec: SensitiveCodec, settings: Settings) -> Router {
    let shared = Arc::new(Shared { codec, settings });
    Router::new()
        .fallback_service(answer.with_state(Arc::clone(&shared)))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(shared, origins::guard))
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(operation) = Operation::of(request.uri().path()) else {
        return (StatusCode::NOT_FOUND, "there are /encode and /decode\n").into_response();
    };
    if request.method() != Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST")], "POST a Payloads message\n").into_response();
    }
    if !access::is_allowed(request.headers(), shared.settings.token.as_ref()) {
        let asks = [(WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, asks, "a bearer token is needed\n").into_response();
    }
    let namespace = request.headers().get(NAMESPACE).cloned();
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(rejection) => return rejection.into_response(),
    };
    let Some(payloads) = proto_json::read(&body) else {
        return (StatusCode::BAD_REQUEST, "the body is no Payloads message in proto JSON\n").into_response();
    };
    let done = match operation {
        Operation::Encode => Ok(shared.codec.encode_all(payloads)),
        Operation::Decode => {
            let sealed = payloads.iter().filter(|payload| envelope::is_ours(payload)).count();
            if sealed > 0 {
                tracing::info!(sealed, ?namespace, "asked to decrypt {sealed} payloads for a person");
            }
            shared.codec.decode_all(payloads)
        }
    };
    match done {
        Ok(payloads) => {
            let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
            (headers, proto_json::write(payloads)).into_response()
        }
        Err(unknown) => {
            tracing::warn!(key.id = %unknown.key_id, "a person asked for what the key {} encrypts", unknown.key_id);
            (StatusCode::BAD_REQUEST, format!("{unknown}\n")).into_response()
        }
    }
}
