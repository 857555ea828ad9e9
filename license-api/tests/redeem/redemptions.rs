//! What a redemption gives and writes.

use crate::world::{DAY, T0, World, with_world};
use serde_json::json;

#[tokio::test]
async fn an_essentials_code_gives_the_identity_and_leaves_no_appliance() {
    with_world(async |world: &World| {
        let (tenant, code) = world.essentials().await;
        let typed = format!(" {}-{} ", &code.text[..4].to_lowercase(), &code.text[4..]);
        let reply = world.register(json!({ "claim_code": typed, "appliance_id": "appliance-1" })).await;
        let expected = format!(
            r#"{{"tenant_id":"{tenant}","edition":"essentials","company_name":"Acme","contact_email":"it@acme.example"}}"#
        );
        assert_eq!(String::from_utf8(reply.bytes.clone()).unwrap(), expected);
        assert_eq!((reply.status.as_u16(), &reply.headers["cache-control"]), (200, &"no-store".parse().unwrap()));
        assert_eq!(world.value("SELECT count(*) FROM appliances").await, "0");
        let row = "SELECT status || ' ' || (installed_at IS NOT NULL) FROM tenant_registry";
        assert_eq!(world.value(row).await, "installed true");
        assert_eq!(world.value("SELECT action || ' ' || reference FROM audit_log").await, format!("code.redeemed {}", code.id));
        world.register(json!({ "claim_code": code.text, "appliance_id": "appliance-1" })).await.refused(409, "consumed_claim_code");
    })
    .await;
}

#[tokio::test]
async fn a_paid_code_gives_a_bound_licence_and_a_credential() {
    with_world(async |world: &World| {
        let (tenant, entitlement, code) = world.paid().await;
        let other = world.tenant("pro").await;
        let body = json!({ "claim_code": code.text, "appliance_id": "appliance-1", "tenant_id": other });
        let answer = world.register(body).await.ok();
        assert_eq!((answer["tenant_id"].as_str(), answer["edition"].as_str()), (Some(&*tenant.to_string()), Some("pro")));
        assert_eq!(answer["check_in_url"], "https://license.nineminds.com/check-in");
        assert_eq!(answer["appliance_credential"].as_str().unwrap().len(), 64);
        let claims = world.claims(answer["first_jwt"].as_str().unwrap(), tenant);
        assert_eq!((claims["aud"].as_str(), claims["seats"].as_i64()), (Some(&*tenant.to_string()), Some(25)));
        assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(T0), Some(T0 + 31 * DAY)));
        let stored = format!("SELECT license_sub || ' ' || current_iat || ' ' || current_exp || ' ' || current_kid FROM entitlements WHERE id = '{entitlement}'");
        let subject = claims["sub"].as_str().unwrap();
        assert_eq!(world.value(&stored).await, format!("{subject} {T0} {} v1-test", T0 + 31 * DAY));
        let appliance = "SELECT appliance_id || ' ' || tenant_id FROM appliances";
        assert_eq!(world.value(appliance).await, format!("appliance-1 {tenant}"));
    })
    .await;
}

#[tokio::test]
async fn the_same_key_gives_the_same_bytes_until_the_first_check_in() {
    with_world(async |world: &World| {
        let (_, _, code) = world.paid().await;
        let body = json!({ "claim_code": code.text, "appliance_id": "appliance-1" });
        // The answer is thrown away, as by a connection that breaks after the commit.
        let lost = world.register_with("key-of-a-redemption", body.clone()).await;
        assert!(!lost.is_replay());
        let again = world.register_with("key-of-a-redemption", body.clone()).await;
        assert!(again.is_replay());
        assert_eq!(again.bytes, lost.bytes);
        // Typed another way it is the same code.
        let typed = json!({ "claim_code": format!(" {}", code.text.to_lowercase()), "appliance_id": "appliance-1" });
        assert_eq!(world.register_with("key-of-a-redemption", typed).await.bytes, lost.bytes);
        let credential = &lost.json()["appliance_credential"];
        world.check_in(json!({ "appliance_credential": credential })).await.ok();
        assert_eq!(world.value("SELECT sealed_answer FROM code_redemptions").await, "");
        world.register_with("key-of-a-redemption", body).await.refused(409, "consumed_claim_code");
        assert_eq!(world.value("SELECT sum(failures) FROM redeem_attempts WHERE scope = 'source'").await, "1");
    })
    .await;
}

#[tokio::test]
async fn without_a_key_nothing_is_given_again() {
    with_world(async |world: &World| {
        let (_, _, code) = world.paid().await;
        world.redeemed(&code, "appliance-1").await;
        assert_eq!(world.value("SELECT sealed_answer FROM code_redemptions").await, "");
        let body = json!({ "claim_code": code.text, "appliance_id": "appliance-1" });
        world.register(body.clone()).await.refused(409, "consumed_claim_code");
        world.register_with("another-key-0123", body).await.refused(409, "consumed_claim_code");
    })
    .await;
}

#[tokio::test]
async fn another_request_under_a_key_is_a_conflict_and_burns_nothing() {
    with_world(async |world: &World| {
        let ((_, _, first), (_, _, second)) = (world.paid().await, world.paid().await);
        let body = |code: &str, appliance: &str| json!({ "claim_code": code, "appliance_id": appliance });
        world.register_with("key-of-a-redemption", body(&first.text, "a")).await.ok();
        world.register_with("key-of-a-redemption", body(&first.text, "b")).await.refused(409, "idempotency_conflict");
        world.register_with("key-of-a-redemption", body(&second.text, "a")).await.refused(409, "idempotency_conflict");
        world.register_with("key-of-another-one", body(&second.text, "a")).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_bad_key_or_body_is_told_before_the_code_is_looked_at() {
    with_world(async |world: &World| {
        let (_, code) = world.essentials().await;
        let body = json!({ "claim_code": code.text, "appliance_id": "a" });
        world.register_with("short", body.clone()).await.refused(400, "invalid_request");
        world.register(json!({ "claim_code": 7, "appliance_id": "a" })).await.refused(400, "invalid_request");
        world.register(json!({ "appliance_id": "a" })).await.refused(400, "invalid_request");
        world.register(body).await.ok();
    })
    .await;
}

#[tokio::test]
async fn a_known_appliance_with_a_fresh_code_gets_a_fresh_credential() {
    with_world(async |world: &World| {
        let (tenant, entitlement, first) = world.paid().await;
        let body = |code: &str| json!({ "claim_code": code, "appliance_id": "appliance-1" });
        let old = world.register_with("key-of-a-redemption", body(&first.text)).await.ok();
        let second = world.code(Some(tenant), Some(entitlement)).await;
        let new = world.register(body(&second.text)).await.ok();
        assert_ne!(old["appliance_credential"], new["appliance_credential"]);
        assert_eq!(world.value("SELECT count(*) FROM appliances").await, "1");
        world
            .check_in(json!({ "appliance_credential": old["appliance_credential"] }))
            .await
            .refused(401, "unknown_credential");
        world.check_in(json!({ "appliance_credential": new["appliance_credential"] })).await.ok();
        // The first answer holds a dead credential.
        world.register_with("key-of-a-redemption", body(&first.text)).await.refused(409, "consumed_claim_code");
        let subjects =
            [&old, &new].map(|answer| world.claims(answer["first_jwt"].as_str().unwrap(), tenant)["sub"].clone());
        assert_eq!(subjects[0], subjects[1]);
    })
    .await;
}

#[tokio::test]
async fn one_appliance_id_in_two_tenants_is_two_appliances() {
    with_world(async |world: &World| {
        let ((one, _, first), (other, _, second)) = (world.paid().await, world.paid().await);
        let answers = [world.redeemed(&first, "appliance-1").await, world.redeemed(&second, "appliance-1").await];
        assert_eq!(world.value("SELECT count(*) FROM appliances WHERE appliance_id = 'appliance-1'").await, "2");
        for (tenant, answer) in [(one, &answers[0]), (other, &answers[1])] {
            let reply = world.check_in(json!({ "appliance_credential": answer["appliance_credential"] })).await.ok();
            let claims = world.claims(reply["jwt"].as_str().unwrap(), tenant);
            assert_eq!(claims["aud"].as_str(), Some(&*tenant.to_string()));
        }
    })
    .await;
}

#[tokio::test]
async fn an_old_code_takes_the_tenant_of_the_request() {
    with_world(async |world: &World| {
        let entitlement = world.entitlement(None).await;
        let code = world.code(None, Some(entitlement)).await;
        let tenant = world.tenant("pro").await;
        let body =
            json!({ "claim_code": code.text, "appliance_id": "a", "tenant_id": tenant.to_string().to_uppercase() });
        let answer = world.register_with("key-of-a-redemption", body.clone()).await;
        assert_eq!(answer.ok()["tenant_id"].as_str(), Some(&*tenant.to_string()));
        let bound = format!("SELECT tenant_id FROM entitlements WHERE id = '{entitlement}'");
        assert_eq!(world.value(&bound).await, tenant.to_string());
        assert_eq!(world.register_with("key-of-a-redemption", body).await.bytes, answer.bytes);
    })
    .await;
}

#[tokio::test]
async fn a_later_redemption_never_signs_an_earlier_licence() {
    with_world(async |world: &World| {
        let (tenant, entitlement, first) = world.paid().await;
        world.set_time(T0 + 30);
        world.redeemed(&first, "a").await;
        world.set_time(T0);
        let second = world.code(Some(tenant), Some(entitlement)).await;
        let answer = world.redeemed(&second, "b").await;
        let claims = world.claims(answer["first_jwt"].as_str().unwrap(), tenant);
        assert_eq!(claims["iat"].as_i64(), Some(T0 + 30));
        // Nor does a signature that a service asks for.
        let subscription = format!("SELECT stripe_sub_id FROM entitlements WHERE id = '{entitlement}'");
        let body = json!({
            "stripe_sub_id": world.value(&subscription).await, "customer": "Acme", "tier": "pro", "transport": "connected",
        });
        let signed = world.ask_as_service("/sign", body).await.ok();
        let claims = world.claims(signed["jwt"].as_str().unwrap(), tenant);
        assert_eq!(claims["iat"].as_i64(), Some(T0 + 30));
        let stored = format!("SELECT current_iat FROM entitlements WHERE id = '{entitlement}'");
        assert_eq!(world.value(&stored).await, (T0 + 30).to_string());
    })
    .await;
}
