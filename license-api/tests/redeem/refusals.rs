//! Refusals: their order, and that the code stays live.

use crate::world::{Code, World, with_world};
use serde_json::{Value, json};
use uuid::Uuid;

fn asking(code: &Code) -> Value {
    json!({ "claim_code": code.text, "appliance_id": "appliance-1" })
}

fn with(code: &Code, more: Value) -> Value {
    let mut body = asking(code);
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    body
}

/// Each refusal comes from a source of its own, so that all are explained.
async fn refused(world: &World, body: Value, status: u16, code: &str) {
    let source = format!("2001:db8:{:x}::1", rand::random::<u16>());
    world.register_from(&source, None, body).await.refused(status, code);
}

#[tokio::test]
async fn the_state_of_a_code_is_told() {
    with_world(async |world: &World| {
        let (_, unknown) = world.essentials().await;
        world.execute(&format!("DELETE FROM claim_codes WHERE id = '{}'", unknown.id)).await;
        refused(world, asking(&unknown), 400, "invalid_claim_code").await;
        for malformed in ["", "K7QPM2R", "K7QPM2R!", "ABCDEFGHIJKLMNOPQRSTUVWXYZ2", "ｋ7qpm2rx￥"] {
            let body = json!({ "claim_code": malformed, "appliance_id": "a" });
            refused(world, body, 400, "invalid_claim_code").await;
        }
        let states = [
            ("expires_at = now(), created_at = now() - interval '1 day'", 410, "expired_claim_code"),
            (
                "revoked_at = now(), expires_at = now(), created_at = now() - interval '1 day'",
                409,
                "superseded_claim_code",
            ),
            ("consumed_at = now(), revoked_at = now()", 409, "consumed_claim_code"),
        ];
        for (change, status, told) in states {
            let (_, _, code) = world.paid().await;
            world.execute(&format!("UPDATE claim_codes SET {change} WHERE id = '{}'", code.id)).await;
            refused(world, asking(&code), status, told).await;
        }
        assert_eq!(world.value("SELECT count(*) FROM code_redemptions").await, "0");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_before_consumption_leaves_the_code_live() {
    with_world(async |world: &World| {
        let (tenant, entitlement, code) = world.paid().await;
        let (_, essentials) = world.essentials().await;
        let other = Uuid::new_v4();
        refused(world, with(&code, json!({ "appliance_id": "-no" })), 400, "invalid_appliance_id").await;
        refused(world, with(&code, json!({ "expected_tenant_id": other })), 409, "tenant_mismatch").await;
        refused(world, with(&code, json!({ "expected_tenant_id": "no uuid" })), 409, "tenant_mismatch").await;
        refused(world, with(&essentials, json!({ "require_license": true })), 409, "no_license_on_code").await;
        let status = |word: &str| format!("UPDATE tenant_registry SET status = '{word}' WHERE tenant_id = '{tenant}'");
        for word in ["suspended", "cancelled"] {
            world.execute(&status(word)).await;
            refused(world, with(&code, json!({ "expected_tenant_id": other })), 403, "tenant_suspended").await;
        }
        world.execute(&status("active")).await;
        let active = |word: &str| format!("UPDATE entitlements SET active = {word} WHERE id = '{entitlement}'");
        world.execute(&active("false, revoked_at = now()")).await;
        refused(world, asking(&code), 403, "entitlement_inactive").await;
        world.execute(&active("true, revoked_at = NULL")).await;

        let wanted = json!({ "expected_tenant_id": tenant, "require_license": true });
        let source = "198.51.100.9";
        world.register_from(source, None, with(&code, wanted)).await.ok();
        world.register_from(source, None, asking(&essentials)).await.ok();
        // A tenant that was active stays so.
        let now = format!("SELECT status FROM tenant_registry WHERE tenant_id = '{tenant}'");
        assert_eq!(world.value(&now).await, "active");
    })
    .await;
}

#[tokio::test]
async fn an_old_code_is_not_given_to_a_tenant_that_it_does_not_fit() {
    with_world(async |world: &World| {
        let entitlement = world.entitlement(None).await;
        let code = world.code(None, Some(entitlement)).await;
        refused(world, asking(&code), 400, "tenant_required").await;
        refused(world, with(&code, json!({ "tenant_id": Uuid::new_v4() })), 409, "tenant_mismatch").await;
        let (taken, ..) = world.paid().await;
        refused(world, with(&code, json!({ "tenant_id": taken })), 409, "tenant_mismatch").await;
        let bound = world.entitlement(Some(taken)).await;
        let elsewhere = world.code(None, Some(bound)).await;
        let free = world.tenant("pro").await;
        refused(world, with(&elsewhere, json!({ "tenant_id": free })), 409, "tenant_mismatch").await;
        world.register_from("198.51.100.9", None, with(&code, json!({ "tenant_id": free }))).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_code_whose_entitlement_moved_to_another_tenant_licenses_nobody() {
    with_world(async |world: &World| {
        let (tenant, entitlement, code) = world.paid().await;
        let other = world.tenant("pro").await;
        let belongs =
            |tenant: Uuid| format!("UPDATE entitlements SET tenant_id = '{tenant}' WHERE id = '{entitlement}'");
        world.execute(&belongs(other)).await;
        refused(world, asking(&code), 403, "entitlement_inactive").await;
        world.execute(&belongs(tenant)).await;
        let key = Some("key-of-a-redemption");
        world.register_from("198.51.100.1", key, asking(&code)).await.ok();
        // Its answer is not given again either.
        world.execute(&belongs(other)).await;
        world.register_from("198.51.100.2", key, asking(&code)).await.refused(403, "entitlement_inactive");
    })
    .await;
}

#[tokio::test]
async fn a_pro_tenant_without_a_subscription_keeps_its_code() {
    with_world(async |world: &World| {
        let tenant = world.tenant("pro").await;
        let code = world.code(Some(tenant), None).await;
        refused(world, asking(&code), 403, "entitlement_inactive").await;
        assert_eq!(world.value("SELECT consumed_at FROM claim_codes").await, "");
        world.entitlement(Some(tenant)).await;
        assert_eq!(world.register_from("198.51.100.9", None, asking(&code)).await.ok()["edition"], "pro");
    })
    .await;
}

#[tokio::test]
async fn a_replay_needs_good_standing() {
    with_world(async |world: &World| {
        let (tenant, entitlement, code) = world.paid().await;
        let key = Some("key-of-a-redemption");
        world.register_from("198.51.100.1", key, asking(&code)).await.ok();
        let again = async |source: &str, status, told: &str| {
            world.register_from(source, key, asking(&code)).await.refused(status, told);
        };
        world.execute(&format!("UPDATE tenant_registry SET status = 'suspended' WHERE tenant_id = '{tenant}'")).await;
        again("198.51.100.2", 403, "tenant_suspended").await;
        world.execute(&format!("UPDATE tenant_registry SET status = 'installed' WHERE tenant_id = '{tenant}'")).await;
        world
            .execute(&format!("UPDATE entitlements SET active = false, revoked_at = now() WHERE id = '{entitlement}'"))
            .await;
        again("198.51.100.3", 403, "entitlement_inactive").await;
        world
            .execute(&format!("UPDATE entitlements SET active = true, revoked_at = NULL WHERE id = '{entitlement}'"))
            .await;
        world.execute("UPDATE appliances SET revoked_at = now()").await;
        again("198.51.100.4", 409, "consumed_claim_code").await;
        world.execute("UPDATE appliances SET revoked_at = NULL").await;
        assert!(world.register_from("198.51.100.5", key, asking(&code)).await.is_replay());
        world.execute("UPDATE code_redemptions SET replay_until = now()").await;
        again("198.51.100.6", 409, "consumed_claim_code").await;
    })
    .await;
}
