//! The table of check-in, and whom a credential belongs to.

use crate::world::{DAY, Reply, T0, World, header_kid, post, with_world};
use serde_json::{Value, json};
use uuid::Uuid;

/// A tenant whose appliance was just installed: tenant, entitlement, answer of the redemption.
async fn installed(world: &World) -> (Uuid, Uuid, Value) {
    let (tenant, entitlement, code) = world.paid().await;
    let answer = world.redeemed(&code, "appliance-1").await;
    (tenant, entitlement, answer)
}

fn holding(world: &World, tenant: Uuid, answer: &Value) -> Value {
    let claims = world.claims(answer["first_jwt"].as_str().unwrap(), tenant);
    json!({
        "appliance_credential": answer["appliance_credential"],
        "current_license_sub": claims["sub"],
        "current_exp": claims["exp"],
    })
}

#[tokio::test]
async fn the_first_check_in_makes_the_tenant_active_and_changes_nothing_else() {
    with_world(async |world: &World| {
        let (tenant, _, answer) = installed(world).await;
        let reply = world.check_in(holding(world, tenant, &answer)).await;
        assert_eq!(reply.ok(), json!({ "status": "no_change", "exp": T0 + 31 * DAY, "now": T0 }));
        assert_eq!(reply.headers["cache-control"], "no-store");
        let row = "SELECT status || ' ' || (SELECT last_checkin_at IS NOT NULL FROM appliances) FROM tenant_registry";
        assert_eq!(world.value(row).await, "active true");
        assert_eq!(world.value("SELECT count(*) FROM audit_log WHERE action = 'tenant.activated'").await, "1");
        world.check_in(holding(world, tenant, &answer)).await.ok();
        assert_eq!(world.value("SELECT count(*) FROM audit_log WHERE action = 'tenant.activated'").await, "1");
    })
    .await;
}

#[tokio::test]
async fn an_appliance_that_has_something_else_gets_the_present_licence_again() {
    with_world(async |world: &World| {
        let (_, _, answer) = installed(world).await;
        world.set_time(T0 + 600);
        let body = json!({ "appliance_credential": answer["appliance_credential"], "current_exp": 5 });
        let reply = world.check_in(body).await.ok();
        // Signing is deterministic, so the same claims are the same licence.
        assert_eq!((&reply["status"], &reply["jwt"]), (&json!("ok"), &answer["first_jwt"]));
        assert_eq!((&reply["exp"], &reply["now"]), (&json!(T0 + 31 * DAY), &json!(T0 + 600)));
    })
    .await;
}

#[tokio::test]
async fn a_day_later_a_licence_is_renewed_with_the_same_subject_and_audience() {
    with_world(async |world: &World| {
        let (tenant, entitlement, answer) = installed(world).await;
        let held = holding(world, tenant, &answer);
        world.set_time(T0 + DAY);
        assert_eq!(world.check_in(held.clone()).await.ok()["status"], "no_change");
        world.set_time(T0 + DAY + 1);
        let reply = world.check_in(held.clone()).await.ok();
        let claims = world.claims(reply["jwt"].as_str().unwrap(), tenant);
        assert_eq!(claims["sub"], held["current_license_sub"]);
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(T0 + DAY + 1), &json!(T0 + 32 * DAY + 1)));
        let stored = format!("SELECT current_exp FROM entitlements WHERE id = '{entitlement}'");
        assert_eq!(world.value(&stored).await, (T0 + 32 * DAY + 1).to_string());
        assert_eq!(world.value("SELECT count(*) FROM audit_log WHERE action = 'license.renewed'").await, "1");
    })
    .await;
}

#[tokio::test]
async fn other_terms_or_another_key_renew_at_once() {
    with_world(async |world: &World| {
        let (tenant, entitlement, answer) = installed(world).await;
        let held = holding(world, tenant, &answer);
        world.set_time(T0 + 10);
        world.execute(&format!("UPDATE entitlements SET seats = NULL WHERE id = '{entitlement}'")).await;
        let reply = world.check_in(held.clone()).await.ok();
        assert!(world.claims(reply["jwt"].as_str().unwrap(), tenant).get("seats").is_none());
        let rotated = world.signing_with("v2-test");
        let reply = post(&rotated, "/check-in", "192.0.2.1", &[], held.to_string()).await.ok();
        assert_eq!((&reply["status"], header_kid(reply["jwt"].as_str().unwrap()).as_str()), (&json!("ok"), "v2-test"));
    })
    .await;
}

#[tokio::test]
async fn what_is_over_is_said_without_a_licence() {
    with_world(async |world: &World| {
        let (tenant, entitlement, answer) = installed(world).await;
        let held = holding(world, tenant, &answer);
        let revoked = json!({ "status": "revoked", "now": T0 });
        world.execute(&format!("UPDATE tenant_registry SET status = 'suspended' WHERE tenant_id = '{tenant}'")).await;
        assert_eq!(world.check_in(held.clone()).await.ok(), revoked);
        world.execute(&format!("UPDATE tenant_registry SET status = 'installed' WHERE tenant_id = '{tenant}'")).await;
        let active = |word: &str| format!("UPDATE entitlements SET active = {word} WHERE id = '{entitlement}'");
        world.execute(&active("false, revoked_at = now()")).await;
        assert_eq!(world.check_in(held.clone()).await.ok(), revoked);
        assert_eq!(world.value("SELECT status FROM tenant_registry").await, "installed");
        world.execute(&active("true, revoked_at = NULL")).await;
        assert_eq!(world.check_in(held).await.ok()["status"], "no_change");
    })
    .await;
}

#[tokio::test]
async fn an_entitlement_that_moved_to_another_tenant_licenses_nobody_here() {
    with_world(async |world: &World| {
        let (tenant, entitlement, answer) = installed(world).await;
        let other = world.tenant("pro").await;
        world.execute(&format!("UPDATE entitlements SET tenant_id = '{other}' WHERE id = '{entitlement}'")).await;
        assert_eq!(world.check_in(holding(world, tenant, &answer)).await.ok()["status"], "revoked");
    })
    .await;
}

#[tokio::test]
async fn a_credential_is_known_or_not() {
    with_world(async |world: &World| {
        let (tenant, _, answer) = installed(world).await;
        let held = holding(world, tenant, &answer);
        for unknown in ["", "f00d", &"0".repeat(64)] {
            world.check_in(json!({ "appliance_credential": unknown })).await.refused(401, "unknown_credential");
        }
        world.check_in(json!({ "appliance_credential": 1 })).await.refused(400, "invalid_request");
        world.check_in(json!({})).await.refused(400, "invalid_request");
        world.execute("UPDATE appliances SET revoked_at = now()").await;
        world.check_in(held).await.refused(401, "revoked_appliance");
        // Nothing of theirs is counted.
        assert_eq!(world.value("SELECT count(*) FROM redeem_attempts WHERE scope = 'check_in'").await, "0");
    })
    .await;
}

#[tokio::test]
async fn twenty_check_ins_an_hour_are_answered() {
    with_world(async |world: &World| {
        let (tenant, _, answer) = installed(world).await;
        let (_, _, other) = installed(world).await;
        let held = holding(world, tenant, &answer);
        world.connect().await;
        let replies: Vec<Reply> = futures::future::join_all((0..25).map(|_| world.check_in(held.clone()))).await;
        let answered = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!((answered, replies.len() - answered), (20, 5));
        let refused = replies.iter().find(|reply| reply.status != 200).unwrap();
        refused.refused(429, "too_many_attempts");
        assert!(refused.headers.contains_key("retry-after"));
        world.check_in(json!({ "appliance_credential": other["appliance_credential"] })).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_credential_in_two_places_within_a_day_raises_an_alert() {
    with_world(async |world: &World| {
        let (tenant, _, answer) = installed(world).await;
        let held = holding(world, tenant, &answer);
        let alerts = || world.state.metrics.split_credentials.get();
        world.check_in_from("192.0.2.1", held.clone()).await.ok();
        world.check_in_from("192.0.2.1", held.clone()).await.ok();
        assert_eq!(alerts(), 0);
        world.check_in_from("198.51.100.1", held.clone()).await.ok();
        assert_eq!(alerts(), 1);
        world.execute("UPDATE check_in_sources SET seen_at = seen_at - interval '25 hours'").await;
        world.check_in_from("192.0.2.1", held).await.ok();
        assert_eq!(alerts(), 1);
        assert_eq!(world.value("SELECT count(*) FROM check_in_sources").await, "2");
    })
    .await;
}

async fn verify(world: &World, credential: &Value) -> Reply {
    world.ask_as_service("/verify-appliance", json!({ "credential": credential })).await
}

#[tokio::test]
async fn a_service_learns_whom_a_credential_belongs_to() {
    with_world(async |world: &World| {
        let (tenant, entitlement, answer) = installed(world).await;
        let credential = &answer["appliance_credential"];
        let mut expected = json!({
            "tenant_id": tenant, "edition": "pro", "appliance_id": "appliance-1",
            "entitlement_active": true, "connectivity_eligible": true,
        });
        assert_eq!(verify(world, credential).await.ok(), expected);
        world.execute(&format!("UPDATE tenant_registry SET status = 'suspended' WHERE tenant_id = '{tenant}'")).await;
        expected["connectivity_eligible"] = json!(false);
        assert_eq!(verify(world, credential).await.ok(), expected);
        world.execute(&format!("UPDATE tenant_registry SET status = 'active' WHERE tenant_id = '{tenant}'")).await;
        world.execute(&format!("UPDATE entitlements SET transport = 'airgap' WHERE id = '{entitlement}'")).await;
        assert_eq!(verify(world, credential).await.ok(), expected);
        world
            .execute(&format!("UPDATE entitlements SET active = false, revoked_at = now() WHERE id = '{entitlement}'"))
            .await;
        expected["entitlement_active"] = json!(false);
        assert_eq!(verify(world, credential).await.ok(), expected);
        world.execute("UPDATE appliances SET revoked_at = now()").await;
        verify(world, credential).await.refused(401, "revoked_appliance");
        verify(world, &json!("f00d")).await.refused(401, "unknown_credential");
        let unnamed =
            post(&world.app, "/verify-appliance", "10.0.0.1", &[], json!({ "credential": "x" }).to_string()).await;
        unnamed.refused(401, "unauthorized");
    })
    .await;
}
