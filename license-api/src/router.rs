//! Every route of the service, and what surrounds them.

use crate::error_code::ErrorCode;
use crate::problem::Problem;
use crate::state::AppState;
use crate::whole::whole;
use crate::{metrics, openapi};
use axum::error_handling::HandleErrorLayer;
use axum::routing::get;
use axum::{BoxError, Router, middleware};
use std::time::Duration;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;

/// Longest time that a request is worked on: clients wait 15 s (licensing contract, L-12).
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(12);

/// Routes that a service secret opens, as the file of secrets names them.
pub const SCOPES: [&str; 8] = [
    "/register-tenant",
    "/install-codes/reissue",
    "/sign",
    "/claim-codes",
    "/revoke",
    "/tenants",
    "/tenants/{tenant_id}/status",
    "/verify-appliance",
];

/// The routes with their limits, ready to be served.
pub fn router(state: AppState) -> Router {
    let limits = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(overloaded))
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(state.settings.concurrency_max))
        .layer(TimeoutLayer::new(REQUEST_TIMEOUT));
    let (routes, document) = openapi::routes();
    let health = openapi::health_routes();
    Router::new()
        .merge(routes.layer(limits).layer(middleware::from_fn_with_state(state.clone(), whole)))
        .merge(health)
        .route("/openapi.json", get(move || openapi::answer(document)))
        .fallback(|| async { Problem::new(ErrorCode::NotFound) })
        .method_not_allowed_fallback(|| async { Problem::new(ErrorCode::MethodNotAllowed) })
        .layer(middleware::from_fn_with_state(state.clone(), metrics::count))
        .with_state(state)
}

/// A request that found no place, or took too long.
async fn overloaded(_: BoxError) -> Problem {
    Problem::from(ErrorCode::TemporarilyUnavailable)
}
