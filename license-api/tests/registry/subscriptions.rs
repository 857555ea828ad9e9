//! `/sign`, `/claim-codes` and `/revoke`.

use crate::world::{DAY, T0, World, part, with_world};
use serde_json::{Value, json};
use uuid::Uuid;

fn sign(tenant: Option<&Value>, transport: &str) -> Value {
    let mut body = json!({ "stripe_sub_id": "sub_1", "customer": "Acme", "tier": "premium", "seats": 25,
                           "transport": transport });
    if let Some(tenant) = tenant {
        body["tenant_id"] = tenant.clone();
    }
    body
}

#[tokio::test]
async fn a_licence_is_bound_to_its_tenant_and_keeps_its_subject() {
    with_world(async |world: &World| {
        let tenant = world.paid("s-1", "sub_1").await["tenant_id"].clone();
        let first = world.post("/sign", sign(Some(&tenant), "connected")).await.is(200);
        let claims = part(first["jwt"].as_str().unwrap(), 1);
        assert_eq!((&claims["aud"], &claims["sub"], &claims["tier"]), (&tenant, &first["sub"], &json!("pro")));
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(T0), &json!(T0 + 31 * DAY)));
        assert_eq!(first["exp"], claims["exp"]);
        let second = world.post("/sign", sign(None, "airgap")).await.is(200);
        assert_eq!((&second["sub"], &second["exp"]), (&first["sub"], &json!(T0 + 365 * DAY)));
        assert_eq!(part(second["jwt"].as_str().unwrap(), 1)["aud"], tenant);
        let stored =
            "SELECT concat_ws('|', current_iat, current_exp, current_kid, length(current_claims)) FROM entitlements";
        assert_eq!(world.value(stored).await, format!("{T0}|{}|v1-test|32", T0 + 365 * DAY));
    })
    .await;
}

#[tokio::test]
async fn without_a_tenant_nothing_is_signed() {
    with_world(async |world: &World| {
        world.post("/sign", sign(None, "airgap")).await.refused(400, "tenant_required");
        let reply = world.post("/sign", sign(None, "connected")).await.is(200);
        assert_eq!((&reply["jwt"], &reply["exp"]), (&json!(null), &json!(null)));
        assert!(reply["sub"].as_str().unwrap().starts_with("lic_"));
        let nobody = json!(Uuid::new_v4());
        world.post("/sign", sign(Some(&nobody), "connected")).await.refused(409, "tenant_mismatch");
        let tenant = world.essentials("s-1").await["tenant_id"].clone();
        let bound = world.post("/sign", sign(Some(&tenant), "connected")).await.is(200);
        assert_eq!(bound["sub"], reply["sub"]);
        let other = world.essentials("s-2").await["tenant_id"].clone();
        world.post("/sign", sign(Some(&other), "connected")).await.refused(409, "tenant_mismatch");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_sold_is_not_signed() {
    with_world(async |world: &World| {
        let check = async |field: &str, value: Value, code: &str| {
            let mut body = sign(None, "connected");
            body[field] = value;
            world.post("/sign", body).await.refused(400, code);
        };
        check("tier", json!("solo"), "tier_not_sellable").await;
        check("tier", json!("gold"), "tier_not_sellable").await;
        check("seats", json!(-1), "invalid_seats").await;
        check("transport", json!("monthly"), "invalid_transport").await;
        check("customer", json!(""), "invalid_request").await;
        assert_eq!(world.value("SELECT count(*) FROM entitlements").await, "0");
    })
    .await;
}

#[tokio::test]
async fn a_key_gives_the_same_licence_until_the_subscription_ends() {
    with_world(async |world: &World| {
        let tenant = world.paid("s-1", "sub_1").await["tenant_id"].clone();
        let key = "sign:0123456789abcdef";
        let first = world.post_with("/sign", key, sign(Some(&tenant), "connected")).await.is(200);
        let again = world.post_with("/sign", key, sign(Some(&tenant), "connected")).await;
        assert!(again.is_replay());
        assert_eq!(again.is(200), first);
        world.post_with("/sign", key, sign(Some(&tenant), "airgap")).await.refused(409, "idempotency_conflict");
        world.post("/revoke", json!({ "stripe_sub_id": "sub_1" })).await.is(200);
        let over = world.post_with("/sign", key, sign(Some(&tenant), "connected")).await;
        over.refused(409, "entitlement_inactive");
        world.post("/sign", sign(Some(&tenant), "connected")).await.refused(409, "entitlement_inactive");
    })
    .await;
}

#[tokio::test]
async fn an_activation_code_supersedes_those_of_its_subscription() {
    with_world(async |world: &World| {
        let route = "/claim-codes";
        let body = json!({ "stripe_sub_id": "sub_1" });
        world.post(route, body.clone()).await.refused(404, "entitlement_not_found");
        world.post("/sign", sign(None, "connected")).await.is(200);
        let first = world.post(route, body.clone()).await.is(200);
        assert_eq!(first["code"].as_str().unwrap().len(), 8);
        assert_eq!(world.value("SELECT tenant_id IS NULL FROM claim_codes").await, "true");
        let second = world.post_with(route, "claim:0123456789abcdef", body.clone()).await.is(200);
        assert_eq!(world.post_with(route, "claim:0123456789abcdef", body.clone()).await.is(200), second);
        let live = "SELECT string_agg(id::text, ',') FROM claim_codes WHERE revoked_at IS NULL";
        assert_eq!(world.value(live).await, second["claim_code_id"].as_str().unwrap());
        world.post("/revoke", body.clone()).await.is(200);
        world.post(route, body).await.refused(409, "entitlement_inactive");
    })
    .await;
}

#[tokio::test]
async fn a_revocation_may_be_repeated() {
    with_world(async |world: &World| {
        let body = json!({ "stripe_sub_id": "sub_1" });
        world.post("/revoke", body.clone()).await.refused(404, "entitlement_not_found");
        world.paid("s-1", "sub_1").await;
        let expected = json!({ "status": "revoked", "codes_revoked": 1 });
        assert_eq!(world.post("/revoke", body.clone()).await.is(200), expected);
        let revoked_at = world.value("SELECT revoked_at FROM entitlements").await;
        assert_eq!(world.post("/revoke", body.clone()).await.is(200), expected);
        assert_eq!(world.value("SELECT revoked_at FROM entitlements").await, revoked_at);
        assert_eq!(world.value("SELECT active FROM entitlements").await, "false");
    })
    .await;
}

#[tokio::test]
async fn one_appliance_goes_and_the_subscription_stays() {
    with_world(async |world: &World| {
        world.paid("s-1", "sub_1").await;
        world
            .execute(
                "INSERT INTO appliances (appliance_id, tenant_id, entitlement_id, credential_hash) \
                 SELECT 'a-' || n, tenant_id, id, repeat(n::text, 64) FROM entitlements, generate_series(1, 2) n",
            )
            .await;
        let body = json!({ "stripe_sub_id": "sub_1", "appliance_id": "a-1" });
        let expected = json!({ "status": "revoked", "codes_revoked": 0 });
        assert_eq!(world.post("/revoke", body.clone()).await.is(200), expected);
        assert_eq!(world.post("/revoke", body).await.is(200), expected);
        let left = "SELECT string_agg(appliance_id, ',') FROM appliances WHERE revoked_at IS NULL";
        assert_eq!(world.value(left).await, "a-2");
        assert_eq!(world.value("SELECT active FROM entitlements").await, "true");
        let other = json!({ "stripe_sub_id": "sub_1", "appliance_id": "a-3" });
        world.post("/revoke", other).await.refused(404, "appliance_not_found");
    })
    .await;
}
