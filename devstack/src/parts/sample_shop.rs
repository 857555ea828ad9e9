//! The sample shop: what the vendor's billing answers about a checkout, and the two routes that hear how a creation goes.
//!
//! Every checkout session that begins with `cs_sample_` has been paid for: five users at the sample price. Its customer and
//! subscription have ids made from the session's, so two sessions are two purchases.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// Price of one user in the sample price list.
pub const SAMPLE_PRICE: &str = "price_sample_user";

/// Beginning of the sessions that were paid for.
const PAID: &str = "cs_sample_";

pub(super) fn routes() -> Router {
    Router::new()
        .route("/v1/checkout/sessions/{id}", get(session))
        .route("/v1/subscriptions/{id}", post(subscription))
        .route("/api/internal/checkout-session-status", post(heard))
        .route("/api/webhooks/temporal", post(heard))
}

/// A checkout session with customer and subscription, in Stripe's form.
async fn session(Path(id): Path<String>) -> Response {
    let Some(name) = id.strip_prefix(PAID).filter(|name| is_word(name)) else {
        let error = json!({ "error": { "code": "resource_missing", "type": "invalid_request_error" } });
        return (StatusCode::NOT_FOUND, Json(error)).into_response();
    };
    Json(paid(&id, name)).into_response()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric())
}

fn paid(id: &str, name: &str) -> Value {
    let address = json!({ "line1": "1 Sample Street", "city": "Sampleton", "postal_code": "SA1 1AA", "country": "GB" });
    let item = json!({ "id": format!("si_sample{name}"), "quantity": 5, "price": { "id": SAMPLE_PRICE } });
    json!({
        "id": id,
        "object": "checkout.session",
        "customer_details": { "address": address, "phone": "+44 20 7946 0000" },
        "customer": { "id": format!("cus_sample{name}"), "object": "customer", "address": address },
        "subscription": {
            "id": format!("sub_sample{name}"),
            "object": "subscription",
            "items": { "object": "list", "has_more": false, "data": [item] },
        },
    })
}

/// Metadata are taken and forgotten.
async fn subscription(Path(id): Path<String>) -> Json<Value> {
    Json(json!({ "id": id, "object": "subscription" }))
}

/// The shop hears how a creation goes.
async fn heard(body: String) -> StatusCode {
    tracing::info!(bytes = body.len(), "the sample shop heard of a creation");
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_is_a_purchase_of_its_own() {
        let of = |id: &str| paid(id, id.strip_prefix(PAID).unwrap())["subscription"]["id"].clone();
        assert_eq!(of("cs_sample_a"), "sub_samplea");
        assert_ne!(of("cs_sample_a"), of("cs_sample_b"));
        assert!(!is_word("") && !is_word("a/b"));
    }
}
