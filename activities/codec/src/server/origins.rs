//! Pages of other origins, as the Fetch standard has it (<https://fetch.spec.whatwg.org/#http-cors-protocol>).

use super::Shared;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The headers of the UI (temporalio/ui, `services/data-encoder.ts`).
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, x-namespace");
/// How long a browser may remember a preflight, in seconds: an origin that is taken off the list is refused at the request
/// itself, so a longer time costs nothing.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("600");

/// Answers preflights, lets listed pages read the answers, and refuses the others.
///
/// A request without `Origin` comes from no page: browsers send it with every POST. A page that is not listed is refused and
/// not only kept from reading the answer, because a page may reach a listener on loopback under a host name of its own, and
/// then its browser takes both for one origin.
pub(super) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else { return next.run(request).await };
    if !shared.settings.origins.contains(&origin) {
        tracing::warn!(?origin, "refused a page whose origin is not listed");
        let headers = [(VARY, HeaderValue::from(ORIGIN))];
        return (StatusCode::FORBIDDEN, headers, "the origin of this page is not allowed\n").into_response();
    }
    let mut response = if is_preflight(&request) { preflight() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    // The UI's "Include cross-origin credentials" sends the cookies of a proxy in front; without this header the browser
    // keeps the answer to itself.
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.append(VARY, HeaderValue::from(ORIGIN));
    response
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST")),
        (ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
