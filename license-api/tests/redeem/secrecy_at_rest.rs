//! What a copy of the database reveals: no code, no credential, no licence, no key of a request.

use crate::world::{World, with_world};
use serde_json::json;
use sqlx::AssertSqlSafe;
use sqlx::Row as _;

/// Every row of every table as text.
async fn dump(world: &World) -> String {
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'";
    let mut text = String::new();
    for row in sqlx::query(tables).fetch_all(&world.admin).await.unwrap() {
        let table: String = row.get(0);
        let rows = format!("SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {table} t");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(&world.admin).await.unwrap();
        text += &format!("{table}\n{rows}\n");
    }
    text
}

#[tokio::test]
async fn a_dump_holds_no_code_no_credential_and_no_licence() {
    with_world(async |world: &World| {
        let (_, _, code) = world.paid().await;
        let key = "key-of-a-redemption";
        let body = json!({ "claim_code": code.text, "appliance_id": "appliance-1" });
        let answer = world.register_with(key, body).await.ok();
        let credential = answer["appliance_credential"].as_str().unwrap();
        let token = answer["first_jwt"].as_str().unwrap();
        let before = dump(world).await;
        world.check_in(json!({ "appliance_credential": credential })).await.ok();
        world
            .register(json!({ "claim_code": "GUESS999", "appliance_id": "a" }))
            .await
            .refused(400, "invalid_claim_code");
        let after = dump(world).await;
        // The search itself finds what is there, and the sealed answer goes with the first check-in.
        assert!(before.contains("it@acme.example") && before.contains("sealed:1:") && !after.contains("sealed:1:"));
        let parts: Vec<&str> = token.split('.').collect();
        let secrets = [&code.text, &code.text.to_lowercase(), credential, token, parts[2], key, "GUESS999"];
        for (text, when) in [(&before, "before"), (&after, "after")] {
            for secret in secrets {
                assert!(!text.contains(secret), "{secret} {when} the first check-in");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_sealed_answer_opens_at_its_own_code_only() {
    with_world(async |world: &World| {
        let ((_, _, one), (_, _, other)) = (world.paid().await, world.paid().await);
        let body = |text: &str| json!({ "claim_code": text, "appliance_id": "appliance-1" });
        world.register_with("key-of-one-redemption", body(&one.text)).await.ok();
        world.register_with("key-of-the-other-one", body(&other.text)).await.ok();
        let moved = format!(
            "UPDATE code_redemptions SET sealed_answer = (SELECT sealed_answer FROM code_redemptions \
             WHERE claim_code_id = '{}') WHERE claim_code_id = '{}'",
            other.id, one.id
        );
        world.execute(&moved).await;
        let reply = world.register_with("key-of-one-redemption", body(&one.text)).await;
        reply.refused(503, "temporarily_unavailable");
    })
    .await;
}
