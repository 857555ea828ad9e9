//! `GET /tenants`, `GET /tenants/{id}`, the status, and who may read them.

use crate::world::{CONSOLE, World, essentials, with_settings, with_world};
use axum::body::Body;
use http::Method;
use license_api::settings::Settings;
use serde_json::{Value, json};

#[tokio::test]
async fn pages_hold_every_tenant_once_and_the_newest_first() {
    with_world(async |world: &World| {
        for number in 0..7 {
            world.essentials(&format!("s-{number}")).await;
        }
        // Equal instants are told apart by the id.
        world.execute("UPDATE tenant_registry SET registered_at = date_trunc('hour', registered_at)").await;
        let (mut seen, mut path) = (Vec::new(), "/tenants?limit=3".to_owned());
        loop {
            let page = world.get(&path).await.is(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["tenant_id"].clone()));
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/tenants?limit=3&cursor={cursor}"),
                None => break,
            }
        }
        let expected: Value = serde_json::from_str(
            &world
                .value("SELECT json_agg(tenant_id ORDER BY registered_at DESC, tenant_id DESC) FROM tenant_registry")
                .await,
        )
        .unwrap();
        assert_eq!(json!(seen), expected);
        assert_eq!(world.value("SELECT count(*) FROM audit_log WHERE action = 'tenants.listed'").await, "3");
    })
    .await;
}

#[tokio::test]
async fn a_path_or_query_that_is_no_text_is_refused_like_everything() {
    with_world(async |world: &World| {
        world.get("/tenants/%ff").await.refused(404, "tenant_not_found");
        world.post("/tenants/%ff/status", json!({ "status": "active" })).await.refused(404, "tenant_not_found");
        world.get("/tenants?limit=1&limit=2").await.refused(400, "invalid_request");
        // In a query such bytes are read as U+FFFD (WHATWG URL, "application/x-www-form-urlencoded parsing").
        world.get("/tenants?query=%ff").await.is(200);
    })
    .await;
}

#[tokio::test]
async fn filters_and_searches_find_what_they_say() {
    with_world(async |world: &World| {
        let paid = world.paid("s-1", "sub_1").await;
        world.essentials("s-2").await;
        world.execute("UPDATE tenant_registry SET edition = 'premium' WHERE edition = 'pro'").await;
        let found = async |query: &str| world.get(&format!("/tenants?{query}")).await.is(200)["items"].clone();
        let pro = found("edition=premium").await;
        assert_eq!(pro.as_array().unwrap().len(), 1);
        let item = &pro[0];
        assert_eq!((&item["edition"], &item["tier"], &item["seats"]), (&json!("pro"), &json!("pro"), &json!(25)));
        assert_eq!((&item["install_code_state"], &item["connected"]), (&json!("live"), &json!(false)));
        assert_eq!((&item["tenant_id"], &item["stripe_sub_id"]), (&paid["tenant_id"], &json!("sub_1")));
        assert!(item["registered_at"].as_str().unwrap().ends_with('Z') && item["installed_at"].is_null());
        let prefix = &paid["tenant_id"].as_str().unwrap()[..8];
        for (query, count) in [
            ("query=ACM", 2),
            ("query=M%C3%BCller", 1),
            ("query=%25", 0),
            (&format!("query={prefix}"), 1),
            ("status=registered", 2),
            ("status=active", 0),
            ("deployment_type=hosted", 0),
            ("product_code=psa&edition=essentials", 1),
        ] {
            assert_eq!(found(query).await.as_array().unwrap().len(), count, "{query}");
        }
        for query in ["limit=0", "limit=201", "limit=x", "cursor=abc", "edition=gold", "status=x"] {
            world.get(&format!("/tenants?{query}")).await.refused(400, "invalid_request");
        }
    })
    .await;
}

#[tokio::test]
async fn one_tenant_is_shown_without_its_codes() {
    let patient = Settings { reissue_pause_seconds: 0, ..Settings::default() };
    with_settings(patient, async |world: &World| {
        let paid = world.paid("s-1", "sub_1").await;
        let tenant = paid["tenant_id"].as_str().unwrap();
        let second = world.post("/install-codes/reissue", json!({ "tenant_id": tenant })).await.is(200);
        let reply = world.get(&format!("/tenants/{tenant}")).await;
        let body = reply.is(200);
        let code = second["install_code"].as_str().unwrap();
        assert_eq!(body["install_codes"][0]["code_masked"], json!(format!("****{}", &code[4..])));
        let states: Vec<_> = body["install_codes"].as_array().unwrap().iter().map(|code| &code["revoked"]).collect();
        assert_eq!(states, [&json!(false), &json!(true)]);
        assert_eq!(body["install_codes"][0]["claim_code_id"], second["claim_code_id"]);
        assert_eq!(body["install_codes"][0]["expires_at"], second["expires_at"]);
        let expected = json!({ "stripe_sub_id": "sub_1", "tier": "pro", "seats": 25, "active": true,
                               "license_sub": null, "has_current_token": false });
        assert_eq!(body["entitlement"], expected);
        assert!(body["tenant"].get("submission_id").is_none() && body["tenant"]["edition"] == "pro");
        assert!(!String::from_utf8(reply.bytes).unwrap().contains(code));
        world.get("/tenants/nobody").await.refused(404, "tenant_not_found");
        world.get(&format!("/tenants/{}", uuid::Uuid::new_v4())).await.refused(404, "tenant_not_found");
        let log = "SELECT string_agg(actor || ' ' || tenant_id, ',') FROM audit_log WHERE action = 'tenant.read'";
        assert_eq!(world.value(log).await, format!("service:service {tenant}"));
    })
    .await;
}

#[tokio::test]
async fn an_operator_holds_a_tenant_and_lets_it_go_where_it_was() {
    with_world(async |world: &World| {
        let tenant = world.essentials("s-1").await["tenant_id"].as_str().unwrap().to_owned();
        let path = format!("/tenants/{tenant}/status");
        let set = async |status: &str| world.post(&path, json!({ "status": status })).await.is(200)["status"].clone();
        assert_eq!(set("suspended").await, "suspended");
        assert_eq!(set("active").await, "registered");
        world.execute("UPDATE tenant_registry SET installed_at = now()").await;
        assert_eq!(set("cancelled").await, "cancelled");
        assert_eq!(set("active").await, "installed");
        world.post(&path, json!({ "status": "installed" })).await.refused(400, "invalid_request");
        let nobody = format!("/tenants/{}/status", uuid::Uuid::new_v4());
        world.post(&nobody, json!({ "status": "suspended" })).await.refused(404, "tenant_not_found");
        assert_eq!(world.value("SELECT count(*) FROM audit_log WHERE action = 'tenant.status_set'").await, "4");
    })
    .await;
}

#[tokio::test]
async fn a_named_secret_opens_its_routes_and_signs_the_audit_log() {
    with_world(async |world: &World| {
        let bearer = format!("Bearer {CONSOLE}");
        let headers = [("authorization", bearer.as_str())];
        world.ask(Method::GET, "/tenants", &headers, Body::empty()).await.is(200);
        assert_eq!(world.value("SELECT actor FROM audit_log").await, "service:console");
        let body = essentials("s-1").to_string();
        let refused = world.ask(Method::POST, "/register-tenant", &headers, body.clone()).await;
        refused.refused(401, "unauthorized");
        for value in ["", "Bearer", "Bearer wrong", "Basic dGVzdA==", SECRET_WITHOUT_SCHEME] {
            let headers = [("authorization", value)];
            world.ask(Method::POST, "/register-tenant", &headers, body.clone()).await.refused(401, "unauthorized");
        }
        world.ask(Method::POST, "/register-tenant", &[], "{").await.refused(401, "unauthorized");
        assert_eq!(world.value("SELECT count(*) FROM tenant_registry").await, "0");
    })
    .await;
}

const SECRET_WITHOUT_SCHEME: &str = crate::world::SECRET;
