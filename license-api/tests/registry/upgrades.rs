//! An essentials tenant that gets a subscription (licensing contract, section 9.4).

use crate::world::{World, with_world};
use serde_json::{Value, json};

const ENTITLE: &str = "/sign";

fn paid(tenant: Option<&Value>) -> Value {
    let mut body = json!({ "stripe_sub_id": "sub_1", "customer": "Acme", "tier": "pro", "transport": "connected" });
    if let Some(tenant) = tenant {
        body["tenant_id"] = tenant.clone();
    }
    body
}

async fn redeem(world: &World, code: &Value, more: Value) -> crate::world::Reply {
    let mut body = json!({ "claim_code": code, "appliance_id": "appliance-1" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post("/register", body).await
}

/// What an appliance takes for a pro installation: the edition together with the licence and the credential.
#[track_caller]
fn is_pro(answer: &Value, tenant: &Value) {
    assert_eq!((&answer["edition"], &answer["tenant_id"]), (&json!("pro"), tenant));
    assert!(answer["first_jwt"].is_string() && answer["appliance_credential"].is_string(), "no licence");
}

async fn edition(world: &World) -> String {
    world.value("SELECT edition FROM tenant_registry").await
}

#[tokio::test]
async fn an_activation_code_upgrades_an_installed_essentials_tenant() {
    with_world(async |world: &World| {
        let registered = world.essentials("s-1").await;
        let tenant = &registered["tenant_id"];
        assert_eq!(redeem(world, &registered["install_code"], json!({})).await.is(200)["edition"], "essentials");
        world.post(ENTITLE, paid(Some(tenant))).await.is(200);
        assert_eq!(edition(world).await, "pro");
        let minted = world.post("/claim-codes", json!({ "stripe_sub_id": "sub_1" })).await.is(200);
        let installed = json!({ "expected_tenant_id": tenant, "require_license": true });
        is_pro(&redeem(world, &minted["code"], installed).await.is(200), tenant);
        assert_eq!(edition(world).await, "pro");
    })
    .await;
}

#[tokio::test]
async fn a_code_of_a_subscription_without_a_tenant_upgrades_the_one_that_redeems_it() {
    with_world(async |world: &World| {
        let tenant = world.essentials("s-1").await["tenant_id"].clone();
        world.post(ENTITLE, paid(None)).await.is(200);
        let minted = world.post("/claim-codes", json!({ "stripe_sub_id": "sub_1" })).await.is(200);
        assert_eq!(edition(world).await, "essentials");
        is_pro(&redeem(world, &minted["code"], json!({ "tenant_id": tenant })).await.is(200), &tenant);
        assert_eq!(edition(world).await, "pro");
    })
    .await;
}

#[tokio::test]
async fn a_reissue_after_the_upgrade_brings_the_licence() {
    with_world(async |world: &World| {
        let tenant = world.essentials("s-1").await["tenant_id"].clone();
        world.post(ENTITLE, paid(Some(&tenant))).await.is(200);
        let new = world.post("/install-codes/reissue", json!({ "tenant_id": tenant })).await.is(200);
        is_pro(&redeem(world, &new["install_code"], json!({})).await.is(200), &tenant);
    })
    .await;
}

/// A code holds no edition (licensing contract, D4): what its tenant has when it is redeemed counts.
#[tokio::test]
async fn an_unused_code_of_the_time_before_brings_the_licence_of_now() {
    with_world(async |world: &World| {
        let registered = world.essentials("s-1").await;
        let (tenant, code) = (&registered["tenant_id"], &registered["install_code"]);
        world.post(ENTITLE, paid(Some(tenant))).await.is(200);
        let subscription = json!({ "stripe_sub_id": "sub_1" });
        world.post("/revoke", subscription).await.is(200);
        redeem(world, code, json!({})).await.refused(403, "entitlement_inactive");
        assert_eq!(world.value("SELECT consumed_at FROM claim_codes").await, "");

        let mut newer = paid(Some(tenant));
        newer["stripe_sub_id"] = json!("sub_2");
        world.post(ENTITLE, newer).await.is(200);
        let key = [("idempotency-key", "key-of-a-redemption")];
        let body = json!({ "claim_code": code, "appliance_id": "appliance-1", "require_license": true }).to_string();
        let first = world.ask(http::Method::POST, "/register", &key, body.clone()).await;
        is_pro(&first.is(200), tenant);
        let redeemed = "SELECT stripe_sub_id FROM code_redemptions r JOIN entitlements e ON e.id = r.entitlement_id";
        assert_eq!(world.value(redeemed).await, "sub_2");
        let again = world.ask(http::Method::POST, "/register", &key, body).await;
        assert!(again.is_replay());
        assert_eq!(again.bytes, first.bytes);
    })
    .await;
}

#[tokio::test]
async fn an_essentials_answer_is_repeated_after_the_upgrade() {
    with_world(async |world: &World| {
        let registered = world.essentials("s-1").await;
        let key = [("idempotency-key", "key-of-a-redemption")];
        let body = json!({ "claim_code": registered["install_code"], "appliance_id": "appliance-1" }).to_string();
        let first = world.ask(http::Method::POST, "/register", &key, body.clone()).await;
        world.post(ENTITLE, paid(Some(&registered["tenant_id"]))).await.is(200);
        let again = world.ask(http::Method::POST, "/register", &key, body).await;
        assert_eq!((again.status.as_u16(), &again.bytes), (200, &first.bytes));
    })
    .await;
}
