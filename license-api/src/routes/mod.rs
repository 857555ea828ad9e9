//! The routes. A handler reads the request, calls the registry, and shapes the answer.

mod answer;
mod check_in;
mod claim_codes;
pub mod health;
mod keys;
mod register;
mod register_tenant;
mod reissue;
mod revoke;
mod sign;
mod tenants;
mod turn;
mod verify_appliance;

use crate::state::AppState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Every route but the health checks.
pub(crate) fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(register_tenant::register_tenant))
        .routes(routes!(reissue::reissue))
        .routes(routes!(sign::sign))
        .routes(routes!(claim_codes::claim_code))
        .routes(routes!(revoke::revoke))
        .routes(routes!(tenants::list))
        .routes(routes!(tenants::read))
        .routes(routes!(tenants::status))
        .routes(routes!(keys::keys))
        .routes(routes!(register::register))
        .routes(routes!(check_in::check_in))
        .routes(routes!(verify_appliance::verify_appliance))
}
