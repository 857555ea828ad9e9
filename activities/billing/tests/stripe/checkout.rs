//! What a checkout bought.

use crate::{SESSION, completed, is_dressed, item, session, stripe};
use billing::{BillingAddress, BillingError, BoughtItem, CheckoutDetails, Stripe};
use outbound::testkit::{Answer, ScriptedServer};
use outbound::{CallError, Repeat};
use serde_json::{Value, json};

async fn read(answer: &Value) -> Result<CheckoutDetails, BillingError> {
    let server = ScriptedServer::start().await;
    server.then(SESSION, Answer::json(200, answer));
    let details = stripe(&server).checkout(&session()).await;
    assert_eq!(server.requests().len(), 1, "one call is one request");
    details
}

fn bought(item: &str, price: &str) -> BoughtItem {
    BoughtItem { item_id: item.try_into().unwrap(), price_id: price.try_into().unwrap() }
}

#[tokio::test]
async fn a_checkout_is_read_in_one_call() {
    let server = ScriptedServer::start().await;
    let items = json!([item("si_b", "price_base", &json!(1)), item("si_u", "price_user", &json!(7))]);
    server.then(SESSION, Answer::json(200, &completed(&items)));
    let details = stripe(&server).checkout(&session()).await.unwrap();
    let [request] = server.requests().try_into().unwrap();
    assert_eq!(
        (request.method.as_str(), request.query.as_str()),
        ("GET", "expand%5B%5D=customer&expand%5B%5D=subscription")
    );
    is_dressed(&request);

    let subscription = details.subscription.as_ref().unwrap();
    assert_eq!((details.customer_id.as_str(), subscription.subscription_id.as_str()), ("cus_1", "sub_1"));
    assert_eq!(subscription.per_user, bought("si_u", "price_user"));
    assert_eq!(subscription.base, Some(bought("si_b", "price_base")));
    assert_eq!((subscription.others.as_slice(), subscription.license_count), ([].as_slice(), 7));
    let text = |text: &str| Some(text.to_owned());
    let expected = BillingAddress {
        line1: text("canary session"),
        line2: None,
        city: text("canary"),
        state: None,
        postal_code: text("N1"),
        country_code: text("GB"),
        phone: text("canary-2"),
    };
    assert!(details.billing_address == expected);
    let shown = format!("{details:?} {request:?} {:?}", stripe(&server));
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn a_quantity_that_is_missing_or_zero_is_one_licence() {
    for quantity in [json!(null), json!(0), json!(1)] {
        let details = read(&completed(&json!([item("si_1", "price_other", &quantity)]))).await.unwrap();
        assert_eq!(details.subscription.unwrap().license_count, 1, "{quantity}");
    }
    let mut metered = item("si_1", "price_other", &json!(1));
    metered.as_object_mut().unwrap().remove("quantity");
    assert_eq!(read(&completed(&json!([metered]))).await.unwrap().subscription.unwrap().license_count, 1);
}

#[tokio::test]
async fn a_session_without_a_country_has_the_address_of_the_customer() {
    let mut answer = completed(&json!([item("si_1", "price_user", &json!(1))]));
    answer["customer_details"]["address"]["country"] = json!(null);
    let address = read(&answer).await.unwrap().billing_address;
    assert_eq!((address.country_code.as_deref(), address.line1.as_deref()), (Some("DE"), Some("canary customer")));
    answer["customer_details"] = json!(null);
    assert_eq!(read(&answer).await.unwrap().billing_address.country_code.as_deref(), Some("DE"));
    answer["customer"] = json!({"id": "cus_1", "object": "customer", "deleted": true});
    assert!(read(&answer).await.unwrap().billing_address == BillingAddress::default());
}

#[tokio::test]
async fn a_checkout_without_a_customer_is_final() {
    let mut answer = completed(&json!([]));
    answer["customer"] = json!(null);
    let error = read(&answer).await.unwrap_err();
    assert_eq!(error, BillingError::NoCustomer { session: session() });
    assert_eq!(error.repeat(), Repeat::Useless);
    assert_eq!(error.to_string(), "cannot use checkout cs_test_a1: it has no customer");
}

#[tokio::test]
async fn a_checkout_of_a_payment_has_no_subscription() {
    let mut answer = completed(&json!([]));
    answer["subscription"] = json!(null);
    assert_eq!(read(&answer).await.unwrap().subscription, None);
}

#[tokio::test]
async fn a_subscription_without_items_is_final() {
    let error = read(&completed(&json!([]))).await.unwrap_err();
    assert_eq!(error, BillingError::NoItem { subscription: "sub_1".try_into().unwrap() });
}

#[tokio::test]
async fn items_beyond_the_first_page_are_read_too() {
    let server = ScriptedServer::start().await;
    let mut answer = completed(&json!([item("si_1", "price_a", &json!(9))]));
    answer["subscription"]["items"]["has_more"] = json!(true);
    let all = json!([
        item("si_1", "price_a", &json!(9)),
        item("si_2", "price_b", &json!(1)),
        item("si_3", "price_user", &json!(3)),
    ]);
    server.always(SESSION, Answer::json(200, &answer));
    server
        .then("/v1/subscription_items", Answer::json(200, &json!({"object": "list", "data": all, "has_more": false})));
    server.then("/v1/subscription_items", Answer::json(200, &json!({"object": "list", "data": all, "has_more": true})));
    let subscription = stripe(&server).checkout(&session()).await.unwrap().subscription.unwrap();
    assert_eq!((subscription.per_user, subscription.license_count), (bought("si_3", "price_user"), 3));
    assert_eq!((subscription.base, subscription.others.len()), (None, 2));
    let page = server.requests_to("/v1/subscription_items").pop().unwrap();
    assert_eq!(page.query, "subscription=sub_1&limit=100");
    is_dressed(&page);

    let error = stripe(&server).checkout(&session()).await.unwrap_err();
    assert_eq!(error, BillingError::TooManyItems { subscription: "sub_1".try_into().unwrap() });
}

#[tokio::test]
async fn an_answer_of_another_form_is_unreadable() {
    for (pointer, value) in [
        ("/customer", json!("cus_1")),
        ("/customer/id", json!("")),
        ("/subscription", json!("sub_1")),
        ("/subscription/id", json!("sub_1/../x")),
        ("/subscription/items/data/0/price", json!(null)),
        ("/subscription/items/data/0/quantity", json!(-1)),
    ] {
        let mut answer = completed(&json!([item("si_1", "price_user", &json!(1))]));
        *answer.pointer_mut(pointer).unwrap() = value;
        let error = read(&answer).await.unwrap_err();
        assert!(matches!(error, BillingError::Call(CallError::Unreadable { status: 200, .. })), "{pointer} {error:?}");
    }
}
