//! The routes. A handler reads the request, calls the registry, and shapes the answer.

pub mod health;

use crate::state::AppState;
use utoipa_axum::router::OpenApiRouter;

/// Every route but the health checks.
pub(crate) fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
}
