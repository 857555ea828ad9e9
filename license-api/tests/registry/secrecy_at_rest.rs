//! Nothing in the database reveals a code, a licence or a secret.

use crate::world::{SECRET, World, with_world};
use serde_json::json;
use sqlx::AssertSqlSafe;

/// Every row of every table, as text.
async fn dump(world: &World) -> String {
    let tables: Vec<String> = sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        .fetch_all(&world.admin)
        .await
        .unwrap();
    let mut text = String::new();
    for table in tables {
        let rows = format!("SELECT coalesce(string_agg(row_to_json(t)::text, E'\\n'), '') FROM {table} t");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(&world.admin).await.unwrap();
        text.push_str(&rows);
        text.push('\n');
    }
    text
}

#[tokio::test]
async fn a_dump_holds_no_code_and_no_licence() {
    with_world(async |world: &World| {
        let paid = world.paid("s-1", "sub_1").await;
        let tenant = &paid["tenant_id"];
        let again = world
            .post_with("/install-codes/reissue", "reissue:0123456789", json!({ "tenant_id": tenant }))
            .await
            .is(200);
        let minted = world
            .post_with("/claim-codes", "claim:0123456789abcdef", json!({ "stripe_sub_id": "sub_1" }))
            .await
            .is(200);
        let sign = json!({ "stripe_sub_id": "sub_1", "customer": "Acme", "tier": "pro", "transport": "connected" });
        let signed = world.post_with("/sign", "sign:0123456789abcdef", sign).await.is(200);
        let dump = dump(world).await;
        assert!(dump.contains("sub_1") && dump.contains("sealed:1:s1:"), "the dump holds the rows");
        let jwt = signed["jwt"].as_str().unwrap();
        let codes = [&paid["install_code"], &again["install_code"], &minted["code"]];
        for code in codes.map(|code| code.as_str().unwrap()) {
            for form in [code.to_owned(), code.to_lowercase(), code[4..].to_owned(), hex(code)] {
                assert!(!dump.contains(&form), "a code is in the database");
            }
        }
        for part in [jwt.rsplit('.').next().unwrap(), SECRET, "reissue:0123456789"] {
            assert!(!dump.contains(part));
        }
    })
    .await;
}

fn hex(text: &str) -> String {
    data_encoding::HEXLOWER.encode(text.as_bytes())
}
