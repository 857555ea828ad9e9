//! Requests are read whole before they take a place, and worked on to their end.

use crate::body::BODY_MAX;
use crate::error_code::ErrorCode;
use crate::problem::Problem;
use crate::state::AppState;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use tracing::Instrument as _;

/// Reads the body, then lets the rest of the service work on the request in a task of its own.
///
/// A client that sends slowly so takes no place of those that are served at once, and one that hangs up ends nothing half-way:
/// what began changes everything or nothing, and has its row of the audit log. The task holds the place until then, so requests that
/// nobody waits for are as many as those that somebody waits for.
pub(crate) async fn whole(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let request = match tokio::time::timeout(state.settings.arrival_max, read(request)).await {
        Ok(Ok(request)) => request,
        Ok(Err(_)) => return Problem::new(ErrorCode::InvalidRequest).into_response(),
        Err(_) => return Problem::new(ErrorCode::RequestTimeout).into_response(),
    };
    match state.open().spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!("a request ended without an answer: {error}");
            Problem::new(ErrorCode::Internal).into_response()
        }
    }
}

/// A body that is too long is read until that is known; the handler refuses it when its turn comes.
async fn read(request: Request) -> Result<Request, axum::Error> {
    let (parts, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while bytes.len() <= BODY_MAX
        && let Some(frame) = body.frame().await
    {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(Request::from_parts(parts, Body::from(Bytes::from(bytes))))
}
