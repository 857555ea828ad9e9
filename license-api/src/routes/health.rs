//! `GET /healthz` and `GET /readyz`.

use crate::db::{Readiness, readiness};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Longest wait for the database in a readiness check; probes of Kubernetes wait a second or little more.
const PATIENCE: Duration = Duration::from_secs(2);

/// The body of a health check.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or what is missing: `draining`, `database`, `schema`.
    status: &'static str,
}

/// Says that the process serves. Asks nobody.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = Health)))]
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Says whether requests would succeed: not draining, the database answers, its schema is that of this build.
#[utoipa::path(get, path = "/readyz", responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(crate) async fn readyz(State(state): State<AppState>) -> Response {
    let status = if state.drain.is_cancelled() {
        "draining"
    } else {
        match tokio::time::timeout(PATIENCE, readiness(&state.pool)).await {
            Ok(Ok(Readiness::Ready)) => "ok",
            Ok(Ok(Readiness::Behind)) => "schema",
            Ok(Err(_)) | Err(_) => "database",
        }
    };
    let code = if status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Health { status })).into_response()
}
