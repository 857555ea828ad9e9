//! The OpenAPI document, made from the handlers themselves.

use crate::routes;
use crate::state::AppState;
use axum::Router;
use axum::response::{IntoResponse, Response};
use http::header;
use std::sync::Arc;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Common parts of the document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Licence API",
        description = "Registration, install codes, licences and check-in. Errors are {\"error\", \"code\"}; overload and a \
                       lost database are 503 with Retry-After."
    ),
    modifiers(&ServiceSecret),
    components(schemas(crate::problem::ProblemBody))
)]
struct Base;

/// The bearer secret of service routes.
struct ServiceSecret;

impl Modify for ServiceSecret {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("service", SecurityScheme::Http(scheme));
    }
}

fn collect() -> (Router<AppState>, Document) {
    OpenApiRouter::with_openapi(Base::openapi()).merge(routes::all()).split_for_parts()
}

/// The routes behind the limits, and the document as JSON.
pub(crate) fn routes() -> (Router<AppState>, Arc<str>) {
    let (router, document) = collect();
    (router, document_text(&document).into())
}

/// `/healthz` and `/readyz`, which answer also when the service is overloaded.
pub(crate) fn health_routes() -> Router<AppState> {
    OpenApiRouter::<AppState>::new()
        .routes(routes!(routes::health::healthz))
        .routes(routes!(routes::health::readyz))
        .into()
}

fn document_text(document: &Document) -> String {
    document.to_pretty_json().expect("the document serialises")
}

/// The OpenAPI 3.1 document of every route, as JSON text.
pub fn document() -> String {
    let (_, mut document) = collect();
    let health = OpenApiRouter::<AppState>::new()
        .routes(routes!(routes::health::healthz))
        .routes(routes!(routes::health::readyz))
        .into_openapi();
    document.merge(health);
    document_text(&document)
}

/// `GET /openapi.json`.
pub(crate) async fn answer(document: Arc<str>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response()
}
