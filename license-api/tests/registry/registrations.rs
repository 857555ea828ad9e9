//! `/register-tenant`: one submission is one tenant and one code.

use crate::world::{World, essentials, paid, with_world};
use serde_json::json;
use uuid::Uuid;

const ROUTE: &str = "/register-tenant";
const KEY: &str = "order:0123456789abcdef";

#[tokio::test]
async fn an_essentials_tenant_gets_its_code_at_once() {
    with_world(async |world: &World| {
        let reply = world.post(ROUTE, essentials("s-1")).await;
        let body = reply.is(201);
        let code = body["install_code"].as_str().unwrap();
        assert_eq!((code.len(), reply.headers["cache-control"].to_str().unwrap()), (8, "no-store"));
        assert!(body["download_url"].as_str().unwrap().starts_with("https://store.example/images/appliance/current/"));
        assert!(body["expires_at"].is_i64() && body.get("code_state").is_none());
        let row = "SELECT concat_ws('|', edition, product_code, deployment_type, status, company_name, tenant_id) \
                   FROM tenant_registry";
        let tenant = body["tenant_id"].as_str().unwrap();
        assert_eq!(world.value(row).await, format!("essentials|psa|appliance|registered|Müller & Söhne|{tenant}"));
        let log = "SELECT string_agg(actor || ' ' || action, ',' ORDER BY id) FROM audit_log";
        assert_eq!(world.value(log).await, "service:service tenant.registered,service:service code.minted");
    })
    .await;
}

#[tokio::test]
async fn a_repeated_submission_is_one_tenant_and_one_code() {
    with_world(async |world: &World| {
        let first = world.essentials("s-1").await;
        let again = world.post(ROUTE, essentials("s-1")).await;
        assert!(again.is_replay());
        assert_eq!(again.is(200), first);
        assert_eq!(world.value("SELECT count(*) FROM claim_codes").await, "1");
        let other = json!({ "company_name": "Other", "contact_email": "it@acme.example", "edition": "essentials",
                            "submission_id": "s-1" });
        world.post(ROUTE, other).await.refused(409, "idempotency_conflict");
        assert_eq!(world.value("SELECT count(*) FROM tenant_registry").await, "1");
    })
    .await;
}

#[tokio::test]
async fn twenty_submissions_at_once_are_one_tenant() {
    with_world(async |world: &World| {
        world.connect().await;
        let replies = futures::future::join_all((0..20).map(|_| world.post(ROUTE, essentials("s-1")))).await;
        let created = replies.iter().filter(|reply| reply.status == 201).count();
        let codes: std::collections::BTreeSet<String> =
            replies.iter().map(|reply| reply.json()["install_code"].as_str().unwrap().to_owned()).collect();
        assert_eq!((created, codes.len()), (1, 1));
        assert_eq!(replies.iter().filter(|reply| reply.is_replay()).count(), 19);
        assert_eq!(world.value("SELECT count(*) FROM tenant_registry").await, "1");
    })
    .await;
}

#[tokio::test]
async fn a_paid_tenant_gets_its_code_with_the_linkage() {
    with_world(async |world: &World| {
        let first = world.post(ROUTE, paid("s-1", None)).await.is(201);
        assert_eq!((&first["install_code"], &first["claim_code_id"]), (&json!(""), &json!(null)));
        assert_eq!(world.value("SELECT count(*) FROM claim_codes").await, "0");
        let second = world.post(ROUTE, paid("s-1", Some("sub_1"))).await;
        assert!(!second.is_replay());
        let second = second.is(200);
        assert_eq!(second["tenant_id"], first["tenant_id"]);
        assert_eq!(second["install_code"].as_str().unwrap().len(), 8);
        let bound = "SELECT concat_ws('|', tier, seats, transport, customer, tenant_id) FROM entitlements";
        let tenant = first["tenant_id"].as_str().unwrap();
        assert_eq!(world.value(bound).await, format!("pro|25|connected|Acme|{tenant}"));
        let third = world.post(ROUTE, paid("s-1", Some("sub_1"))).await;
        assert!(third.is_replay());
        assert_eq!(third.is(200), second);
        // A repeat of the form's own call learns the code too, and changes nothing.
        assert_eq!(world.post(ROUTE, paid("s-1", None)).await.is(200)["install_code"], second["install_code"]);
        assert_eq!(world.value("SELECT count(*) FROM claim_codes").await, "1");
    })
    .await;
}

#[tokio::test]
async fn linkage_is_added_once() {
    with_world(async |world: &World| {
        world.paid("s-1", "sub_1").await;
        world.post(ROUTE, paid("s-1", Some("sub_2"))).await.refused(409, "idempotency_conflict");
        let mut seats = paid("s-1", Some("sub_1"));
        seats["seats"] = json!(26);
        world.post(ROUTE, seats).await.refused(409, "idempotency_conflict");
        assert_eq!(world.value("SELECT string_agg(stripe_sub_id, ',') FROM entitlements").await, "sub_1");
        // Another submission cannot take the subscription either.
        world.post(ROUTE, paid("s-2", Some("sub_1"))).await.refused(409, "tenant_mismatch");
        assert_eq!(world.value("SELECT count(*) FROM tenant_registry").await, "1");
    })
    .await;
}

#[tokio::test]
async fn the_paying_customer_comes_with_the_linkage() {
    with_world(async |world: &World| {
        let paying = |subscription: Option<&str>, customer: Option<&str>| {
            let mut body = paid("s-1", subscription);
            if let Some(customer) = customer {
                body["stripe_customer_id"] = json!(customer);
            }
            body
        };
        let customer = async || world.value("SELECT stripe_customer_id FROM tenant_registry").await;
        world.post(ROUTE, paying(None, None)).await.is(201);
        assert_eq!(customer().await, "");
        let linked = world.post(ROUTE, paying(Some("sub_1"), Some("cus_1"))).await.is(200);
        assert_eq!(customer().await, "cus_1");
        let again = world.post(ROUTE, paying(Some("sub_1"), Some("cus_1"))).await;
        assert!(again.is_replay());
        assert_eq!(again.is(200), linked);
        // Who names no customer does not speak of another one.
        assert!(world.post(ROUTE, paying(Some("sub_1"), None)).await.is_replay());
        world.post(ROUTE, paying(Some("sub_1"), Some("cus_2"))).await.refused(409, "idempotency_conflict");
        assert_eq!(customer().await, "cus_1");
    })
    .await;
}

#[tokio::test]
async fn a_linkage_without_a_customer_keeps_the_one_of_the_form() {
    with_world(async |world: &World| {
        let mut form = paid("s-1", None);
        form["stripe_customer_id"] = json!("cus_1");
        world.post(ROUTE, form).await.is(201);
        world.post(ROUTE, paid("s-1", Some("sub_1"))).await.is(200);
        assert_eq!(world.value("SELECT stripe_customer_id FROM tenant_registry").await, "cus_1");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_id_may_be_pinned_once() {
    with_world(async |world: &World| {
        let id = Uuid::new_v4();
        let pinned = |submission: &str| {
            let mut body = essentials(submission);
            body["tenant_id"] = json!(id);
            body
        };
        assert_eq!(world.post(ROUTE, pinned("s-1")).await.is(201)["tenant_id"], json!(id));
        assert!(world.post(ROUTE, pinned("s-1")).await.is_replay());
        world.post(ROUTE, pinned("s-2")).await.refused(409, "tenant_exists");
        // The failure stored nothing, so the submission is free.
        world.post(ROUTE, essentials("s-2")).await.is(201);
    })
    .await;
}

#[tokio::test]
async fn a_key_replays_its_first_success_and_refuses_another_request() {
    with_world(async |world: &World| {
        let mut body = essentials("s-1");
        body.as_object_mut().unwrap().remove("submission_id");
        let first = world.post_with(ROUTE, KEY, body.clone()).await.is(201);
        let again = world.post_with(ROUTE, KEY, body.clone()).await;
        assert!(again.is_replay());
        assert_eq!(again.is(200), first);
        body["company_name"] = json!("Other");
        world.post_with(ROUTE, KEY, body.clone()).await.refused(409, "idempotency_conflict");
        body["edition"] = json!("solo");
        world.post_with(ROUTE, "another:0123456789", body.clone()).await.refused(400, "invalid_edition");
        body["edition"] = json!("pro");
        world.post_with(ROUTE, "another:0123456789", body.clone()).await.is(201);
        world.post_with(ROUTE, "short", body).await.refused(400, "invalid_request");
        assert_eq!(world.value("SELECT count(*) FROM tenant_registry").await, "2");
    })
    .await;
}

#[tokio::test]
async fn a_replay_says_when_the_code_is_over() {
    with_world(async |world: &World| {
        let first = world.essentials("s-1").await;
        let state = async |set: &str| {
            world.execute(&format!("UPDATE claim_codes SET {set}")).await;
            let body = world.post(ROUTE, essentials("s-1")).await.is(200);
            assert_eq!(body["install_code"], first["install_code"]);
            assert_eq!(body["download_url"] == "", set.contains("expires_at = now() - interval"));
            body["code_state"].as_str().unwrap().to_owned()
        };
        assert_eq!(
            state("created_at = now() - interval '2 days', expires_at = now() - interval '1 day'").await,
            "expired"
        );
        assert_eq!(state("expires_at = now() + interval '1 day', revoked_at = now()").await, "revoked");
        assert_eq!(state("consumed_at = now()").await, "consumed");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_without_a_row() {
    with_world(async |world: &World| {
        let check = async |field: &str, value: serde_json::Value, status: u16, code: &str| {
            let mut body = paid("s-1", Some("sub_1"));
            body[field] = value;
            world.post(ROUTE, body).await.refused(status, code);
        };
        check("edition", json!("gold"), 400, "invalid_edition").await;
        check("edition", json!(5), 400, "invalid_request").await;
        check("seats", json!(0), 400, "invalid_seats").await;
        check("tier", json!("solo"), 400, "tier_not_sellable").await;
        check("transport", json!("usb"), 400, "invalid_transport").await;
        check("company_name", json!("see www.evil.example"), 400, "invalid_request").await;
        check("company_name", json!("a\u{202e}b"), 400, "invalid_request").await;
        check("contact_name", json!("x".repeat(101)), 400, "invalid_request").await;
        check("contact_email", json!("nobody"), 400, "invalid_request").await;
        check("tenant_id", json!("7"), 400, "invalid_request").await;
        let long = "x".repeat(17_000);
        check("contact_name", json!(long), 413, "request_too_large").await;
        world.post(ROUTE, json!([])).await.refused(400, "invalid_request");
        world.post(ROUTE, json!(["Acme", "it@acme.example", "essentials"])).await.refused(400, "invalid_request");
        assert_eq!(world.value("SELECT count(*) FROM tenant_registry").await, "0");
        assert_eq!(world.value("SELECT count(*) FROM audit_log").await, "0");
    })
    .await;
}
