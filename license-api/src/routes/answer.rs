//! Shapes that answers share.

use crate::idempotency_key::REPLAYED;
use crate::state::AppState;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use time::OffsetDateTime;

/// Whether an answer was given before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// Now for the first time.
    Now,
    /// Before, under the same key.
    Before,
}

/// A JSON answer that no cache keeps.
pub(super) fn answer(state: &AppState, status: StatusCode, body: &impl Serialize, given: Given) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if given == Given::Before {
        headers.insert(HeaderName::from_static(REPLAYED), HeaderValue::from_static("true"));
        state.metrics.replayed.inc();
    }
    response
}

/// A link to the image for as long as a code lives; empty without an object store, and for a code that is over. The life is
/// the database's word, as everything about a code; the link begins at the service's time.
pub(super) fn download_url(state: &AppState, life_seconds: Option<i64>) -> String {
    let life = life_seconds.unwrap_or(i64::from(license::presign::LIFE_MAX_SECONDS));
    match (&state.downloads, OffsetDateTime::from_unix_timestamp(state.clock.unix_seconds())) {
        (Some(store), Ok(at)) if life > 0 => store.link(life, at),
        (_, _) => String::new(),
    }
}
