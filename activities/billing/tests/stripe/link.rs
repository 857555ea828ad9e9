//! The tenant in the metadata of the subscription.

use crate::{is_dressed, stripe};
use billing::{BillingError, Stripe, SubscriptionId};
use outbound::testkit::{Answer, ScriptedServer};
use outbound::{CallError, IdempotencyKey, Repeat};
use serde_json::json;

const SUBSCRIPTION: &str = "/v1/subscriptions/sub_1";

async fn link(server: &ScriptedServer, name: &str) -> Result<(), BillingError> {
    let (subscription, key) = (SubscriptionId::try_from("sub_1").unwrap(), IdempotencyKey::new("wf-1/linkTenant"));
    stripe(server).link_tenant(&subscription, "9e6c", name, &key).await
}

fn fields(name: &str) -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![pair("metadata[tenant_id]", "9e6c"), pair("metadata[tenant_name]", name)]
}

#[tokio::test]
async fn id_and_name_go_into_the_metadata_once_per_key() {
    let server = ScriptedServer::start().await;
    server.then(SUBSCRIPTION, Answer::Cut);
    server.then(SUBSCRIPTION, Answer::json(200, &json!({"id": "sub_1"})));
    let name = "Zoë & Söhne=+%";
    let first = link(&server, name).await.unwrap_err();
    assert!(matches!(first, BillingError::Call(CallError::OutcomeUnknown { .. })), "{first:?}");
    assert_eq!(first.repeat(), Repeat::SameKey);
    link(&server, name).await.unwrap();
    let [first, second] = server.requests_to(SUBSCRIPTION).try_into().unwrap();
    assert_eq!(first.body, second.body, "a repeat is the same request");
    for request in [&first, &second] {
        is_dressed(request);
        assert_eq!((request.method.as_str(), request.form()), ("POST", fields(name)));
        assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(request.header("idempotency-key"), Some("wf-1/linkTenant"));
    }
}

#[tokio::test]
async fn a_name_is_cut_to_what_stripe_keeps() {
    let server = ScriptedServer::start().await;
    server.always(SUBSCRIPTION, Answer::status(200));
    link(&server, &"é".repeat(501)).await.unwrap();
    assert_eq!(server.requests().pop().unwrap().form(), fields(&"é".repeat(500)));
}
