//! `/install-codes/reissue`.

use crate::world::{World, paid, with_settings, with_world};
use license_api::settings::Settings;
use serde_json::json;

const ROUTE: &str = "/install-codes/reissue";

fn patient() -> Settings {
    Settings { reissue_pause_seconds: 0, ..Settings::default() }
}

#[tokio::test]
async fn a_new_code_supersedes_the_old_one_of_the_same_tenant() {
    with_world(async |world: &World| {
        let first = world.paid("s-1", "sub_1").await;
        let second = world.post(ROUTE, json!({ "tenant_id": first["tenant_id"] })).await.is(200);
        assert_ne!(second["install_code"], first["install_code"]);
        assert_ne!(second["claim_code_id"], first["claim_code_id"]);
        let row = format!(
            "SELECT concat_ws('|', revoked_at IS NOT NULL, superseded_by) FROM claim_codes WHERE id = '{}'",
            first["claim_code_id"].as_str().unwrap()
        );
        assert_eq!(world.value(&row).await, format!("t|{}", second["claim_code_id"].as_str().unwrap()));
        let live = "SELECT concat_ws('|', id, tenant_id, entitlement_id IS NOT NULL) FROM claim_codes \
                    WHERE revoked_at IS NULL";
        let ids = [&second["claim_code_id"], &first["tenant_id"]].map(|id| id.as_str().unwrap().to_owned());
        assert_eq!(world.value(live).await, format!("{}|{}|t", ids[0], ids[1]));
        assert_eq!(world.value("SELECT count(*) FROM tenant_registry").await, "1");
    })
    .await;
}

/// Codes that a subscription got before it had a tenant name none; they end with the others.
#[tokio::test]
async fn a_code_of_the_time_before_the_tenant_is_superseded_too() {
    with_world(async |world: &World| {
        let tenant = world.post("/register-tenant", paid("s-1", None)).await.is(201)["tenant_id"].clone();
        let mut entitlement =
            json!({ "stripe_sub_id": "sub_1", "customer": "Acme", "tier": "pro", "transport": "connected" });
        world.post("/sign", entitlement.clone()).await.is(200);
        let old = world.post("/claim-codes", json!({ "stripe_sub_id": "sub_1" })).await.is(200);
        entitlement["tenant_id"] = tenant.clone();
        world.post("/sign", entitlement).await.is(200);
        let new = world.post(ROUTE, json!({ "tenant_id": tenant })).await.is(200);
        let redeem = json!({ "claim_code": old["code"], "appliance_id": "a", "tenant_id": tenant });
        world.post("/register", redeem).await.refused(409, "superseded_claim_code");
        let live = "SELECT string_agg(id::text, ',') FROM claim_codes WHERE revoked_at IS NULL";
        assert_eq!(world.value(live).await, new["claim_code_id"].as_str().unwrap());
    })
    .await;
}

/// Of a tenant with two subscriptions, one code of each is superseded by a code of the newer one.
#[tokio::test]
async fn a_code_of_another_subscription_of_the_tenant_is_superseded_too() {
    with_world(async |world: &World| {
        let tenant = world.paid("s-1", "sub_1").await["tenant_id"].clone();
        let mut other =
            json!({ "stripe_sub_id": "sub_2", "customer": "Acme", "tier": "pro", "transport": "connected" });
        world.post("/sign", other.clone()).await.is(200);
        world.post("/claim-codes", json!({ "stripe_sub_id": "sub_2" })).await.is(200);
        other["tenant_id"] = tenant.clone();
        world.post("/sign", other).await.is(200);
        // The first subscription is the newer one from now on.
        world
            .execute("UPDATE entitlements SET created_at = now() + interval '1 s' WHERE stripe_sub_id = 'sub_1'")
            .await;
        world.post(ROUTE, json!({ "tenant_id": tenant })).await.is(200);
        assert_eq!(world.value("SELECT count(*) FROM claim_codes WHERE revoked_at IS NULL").await, "1");
    })
    .await;
}

/// An operator may give a subscription to another tenant; its codes went with the first one.
#[tokio::test]
async fn a_code_of_the_subscriptions_former_tenant_is_superseded_too() {
    with_world(async |world: &World| {
        world.paid("s-1", "sub_1").await;
        let tenant = world.post("/register-tenant", paid("s-2", None)).await.is(201)["tenant_id"].clone();
        world.execute(&format!("UPDATE entitlements SET tenant_id = {tenant}").replace('"', "'")).await;
        world.post(ROUTE, json!({ "tenant_id": tenant })).await.is(200);
        assert_eq!(world.value("SELECT count(*) FROM claim_codes WHERE revoked_at IS NULL").await, "1");
    })
    .await;
}

#[tokio::test]
async fn an_address_of_two_tenants_is_never_guessed() {
    with_world(async |world: &World| {
        let asked = json!({ "contact_email": "IT@acme.EXAMPLE" });
        world.post(ROUTE, asked.clone()).await.refused(404, "tenant_not_found");
        let first = world.essentials("s-1").await;
        world.post(ROUTE, asked.clone()).await.is(200);
        let second = world.paid("s-2", "sub_1").await;
        let body = world.post(ROUTE, asked).await.refused(409, "ambiguous_contact");
        let choices = body["tenants"].as_array().unwrap();
        assert_eq!(choices.len(), 2);
        assert!(choices.iter().any(|choice| choice["tenant_id"] == first["tenant_id"]));
        let paid = choices.iter().find(|choice| choice["tenant_id"] == second["tenant_id"]).unwrap();
        assert_eq!((&paid["edition"], &paid["company_name"]), (&json!("pro"), &json!("Acme")));
        let both = json!({ "contact_email": "it@acme.example", "tenant_id": second["tenant_id"] });
        world.post(ROUTE, both).await.is(200);
        let other = json!({ "contact_email": "else@acme.example", "tenant_id": second["tenant_id"] });
        world.post(ROUTE, other).await.refused(404, "tenant_not_found");
        world.post(ROUTE, json!({})).await.refused(400, "invalid_request");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_gets_three_a_day_a_minute_apart() {
    with_world(async |world: &World| {
        let body = json!({ "tenant_id": world.essentials("s-1").await["tenant_id"] });
        world.post(ROUTE, body.clone()).await.is(200);
        let refused = world.post(ROUTE, body.clone()).await;
        refused.refused(429, "too_many_attempts");
        let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    })
    .await;
    with_settings(patient(), async |world: &World| {
        let body = json!({ "tenant_id": world.essentials("s-1").await["tenant_id"] });
        world.connect().await;
        let replies = futures::future::join_all((0..10).map(|_| world.post(ROUTE, body.clone()))).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 3);
        let codes = "SELECT count(*) FILTER (WHERE revoked_at IS NULL) || '/' || count(*) FROM claim_codes";
        assert_eq!(world.value(codes).await, "1/4");
        world.execute("UPDATE claim_codes SET created_at = created_at - interval '25 hours'").await;
        world.post(ROUTE, body).await.is(200);
    })
    .await;
}

#[tokio::test]
async fn a_key_gives_the_same_code_and_costs_nothing() {
    with_world(async |world: &World| {
        let body = json!({ "tenant_id": world.essentials("s-1").await["tenant_id"] });
        let first = world.post_with(ROUTE, "reissue:0123456789", body.clone()).await.is(200);
        let again = world.post_with(ROUTE, "reissue:0123456789", body).await;
        assert!(again.is_replay());
        assert_eq!(again.is(200), first);
    })
    .await;
}

#[tokio::test]
async fn a_replay_says_when_the_code_is_over() {
    with_settings(patient(), async |world: &World| {
        let body = json!({ "tenant_id": world.essentials("s-1").await["tenant_id"] });
        let ask = async |key: &str| world.post_with(ROUTE, key, body.clone()).await.is(200);
        let superseded = ask("reissue:of-a-first-code").await;
        let redeemed = ask("reissue:of-a-second-code").await;
        assert!(superseded.get("code_state").is_none() && redeemed.get("code_state").is_none());
        assert_eq!(ask("reissue:of-a-first-code").await["code_state"], "revoked");
        world.post("/register", json!({ "claim_code": redeemed["install_code"], "appliance_id": "a" })).await.is(200);
        assert_eq!(ask("reissue:of-a-second-code").await["code_state"], "consumed");
        let expired = ask("reissue:of-a-third-code").await;
        let past = "created_at = now() - interval '2 days', expires_at = now() - interval '1 day'";
        let id = expired["claim_code_id"].as_str().unwrap();
        world.execute(&format!("UPDATE claim_codes SET {past} WHERE id = '{id}'")).await;
        assert_eq!(ask("reissue:of-a-third-code").await["code_state"], "expired");
    })
    .await;
}

#[tokio::test]
async fn who_cannot_be_licensed_gets_no_code() {
    with_settings(patient(), async |world: &World| {
        let paid = world.paid("s-1", "sub_1").await;
        let body = json!({ "tenant_id": paid["tenant_id"] });
        world.post("/revoke", json!({ "stripe_sub_id": "sub_1" })).await.is(200);
        world.post(ROUTE, body).await.refused(409, "no_active_entitlement");
        let essentials = world.essentials("s-2").await;
        let tenant = essentials["tenant_id"].as_str().unwrap();
        let body = json!({ "tenant_id": tenant });
        let path = format!("/tenants/{tenant}/status");
        world.post(&path, json!({ "status": "suspended" })).await.is(200);
        world.post(ROUTE, body.clone()).await.refused(403, "tenant_suspended");
        world.post(&path, json!({ "status": "active" })).await.is(200);
        world.post(ROUTE, body).await.is(200);
    })
    .await;
}

#[tokio::test]
async fn a_stolen_appliance_goes_with_the_reissue() {
    with_settings(patient(), async |world: &World| {
        let paid = world.paid("s-1", "sub_1").await;
        world
            .execute(
                "INSERT INTO appliances (appliance_id, tenant_id, entitlement_id, credential_hash) \
                 SELECT 'appliance-1', tenant_id, id, repeat('a', 64) FROM entitlements",
            )
            .await;
        let body = json!({ "tenant_id": paid["tenant_id"] });
        let live = world.post(ROUTE, body.clone()).await.is(200);
        assert_eq!(live["live_appliances"], json!([{ "appliance_id": "appliance-1", "last_checkin_at": null }]));
        let revoking = json!({ "tenant_id": paid["tenant_id"], "revoke_appliances": true });
        assert_eq!(world.post(ROUTE, revoking).await.is(200)["live_appliances"], json!([]));
        assert_eq!(world.value("SELECT revoked_at IS NOT NULL FROM appliances").await, "true");
        assert_eq!(world.value("SELECT count(*) FROM audit_log WHERE action = 'appliances.revoked'").await, "1");
    })
    .await;
}
