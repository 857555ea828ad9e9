//! Stripe's interface, played by a server in this process over a real socket on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod checkout;
mod faults;
mod link;

use billing::{CheckoutSessionId, PriceId, StripeHttp, StripeSettings};
use outbound::testkit::{Recorded, ScriptedServer, install_tls_provider};
use outbound::{BaseUrl, Caller, Cleartext, Limits};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const SESSION: &str = "/v1/checkout/sessions/cs_test_a1";
/// Long enough for any busy machine.
const LIMITS: Limits = Limits { connect: Duration::from_secs(30), total: Duration::from_secs(60), body_max: 100_000 };
/// For what never answers.
const SHORT: Limits = Limits { total: Duration::from_millis(1500), ..LIMITS };

fn stripe(server: &ScriptedServer) -> StripeHttp {
    stripe_within(server, LIMITS)
}

fn stripe_within(server: &ScriptedServer, limits: Limits) -> StripeHttp {
    install_tls_provider();
    let base = BaseUrl::parse(&server.base_url(), Cleartext::LoopbackOnly).unwrap();
    let per_user_prices = [PriceId::try_from("price_user").unwrap()].into();
    let settings = StripeSettings { base, secret_key: "sk-canary".into(), per_user_prices };
    StripeHttp::new(Arc::new(Caller::new(limits).unwrap()), settings).unwrap()
}

fn session() -> CheckoutSessionId {
    CheckoutSessionId::try_from("cs_test_a1").unwrap()
}

/// A completed session as Stripe answers it, shortened, with these items.
fn completed(items: &Value) -> Value {
    json!({
        "id": "cs_test_a1", "object": "checkout.session", "mode": "subscription", "status": "complete",
        "customer": {
            "id": "cus_1", "object": "customer", "name": "canary", "email": "canary@example.test", "phone": "canary-2",
            "address": {"city": "canary", "country": "DE", "line1": "canary customer", "line2": null,
                        "postal_code": "10115", "state": null},
        },
        "customer_details": {
            "address": {"city": "canary", "country": "GB", "line1": "canary session", "line2": "",
                        "postal_code": "N1", "state": null},
            "email": "canary@example.test", "name": "canary", "phone": null, "tax_exempt": "none", "tax_ids": [],
        },
        "subscription": {
            "id": "sub_1", "object": "subscription", "status": "active", "customer": "cus_1", "quantity": null,
            "items": {"object": "list", "data": items, "has_more": false, "total_count": 2,
                      "url": "/v1/subscription_items?subscription=sub_1"},
        },
    })
}

fn item(id: &str, price: &str, quantity: &Value) -> Value {
    let price = json!({"id": price, "object": "price", "currency": "usd", "unit_amount": 1000});
    json!({"id": id, "object": "subscription_item", "price": price, "quantity": quantity, "subscription": "sub_1"})
}

#[track_caller]
fn is_dressed(request: &Recorded) {
    assert_eq!(request.header("authorization"), Some("Bearer sk-canary"));
    assert_eq!(request.header("stripe-version"), Some("2024-12-18.acacia"));
}
