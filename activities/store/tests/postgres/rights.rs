//! What must be refused to each role.

use crate::fixture::{Db, T0, with_database};
use proto::v1 as wire;
use sqlx::{AssertSqlSafe, PgPool};
use store::{STORE_REJECTED, STORE_UNAVAILABLE};

#[track_caller]
fn check(outcome: Result<(), sqlx::Error>, text: &str) {
    let code = outcome.err().and_then(|e| e.as_database_error().and_then(|d| d.code().map(|c| c.into_owned())));
    assert_eq!(code.as_deref(), Some("42501"), "{text}");
}

/// Asserts that each text is refused for want of a right.
pub(crate) async fn refused(pool: &PgPool, texts: &[&str]) {
    for text in texts {
        let outcome = sqlx::raw_sql(AssertSqlSafe((*text).to_owned())).execute(pool).await.map(drop);
        check(outcome, text);
    }
}

#[tokio::test]
async fn the_worker_reaches_only_what_it_needs() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("portal.customer.example").await;
        db.load(tenant, id, T0).await;
        refused(
            &db.worker,
            &[
                "INSERT INTO portal_domains (tenant, domain, canonical_host) VALUES (gen_random_uuid(), 'a.b', 'c.d')",
                "UPDATE portal_domains SET domain = 'x.example'",
                "UPDATE portal_domains SET canonical_host = 'x.example'",
                "UPDATE portal_domains SET tenant = gen_random_uuid()",
                "UPDATE portal_domains SET id = gen_random_uuid()",
                "UPDATE portal_domains SET created_at = now()",
                "TRUNCATE portal_domains",
                "ALTER TABLE portal_domains ADD COLUMN x int",
                "SELECT * FROM portal_domain_session_otts",
                "DELETE FROM portal_domain_session_otts",
                "SELECT * FROM users",
                "SELECT email FROM tenants",
                "DELETE FROM tenants",
                "UPDATE tenants SET suspended_reason = 'x'",
                "UPDATE tenantry.history SET reason = 'x'",
                "DELETE FROM tenantry.history",
                "DELETE FROM tenantry.claims",
                "DELETE FROM tenantry.tombstones",
                "UPDATE tenantry.claim_generations SET fence = 0",
                "DELETE FROM tenantry.schema_migrations",
                "CREATE TABLE tenantry.x ()",
            ],
        )
        .await;
        let keys: i64 = sqlx::query_scalar("SELECT count(tenant) FROM tenants").fetch_one(&db.worker).await.unwrap();
        assert_eq!(keys, 1);
    })
    .await;
}

#[tokio::test]
async fn the_responder_reads_tokens_and_nothing_else() {
    with_database(async |db: &Db| {
        let request = wire::SavePreflightTokenRequest {
            host: "portal.customer.example".to_owned(),
            expires_ms: T0,
            idempotency_key: "k".to_owned(),
            ..Default::default()
        };
        let saved = db.store.save_token(&request).await.unwrap();
        let body: String = sqlx::query_scalar("SELECT body FROM tenantry.preflight_tokens WHERE token = $1")
            .bind(&saved.token)
            .fetch_one(&db.responder)
            .await
            .unwrap();
        assert_eq!(body, saved.body);
        refused(
            &db.responder,
            &[
                "SELECT * FROM tenantry.claims",
                "SELECT * FROM tenantry.history",
                "SELECT idempotency_key FROM tenantry.preflight_tokens",
                "SELECT * FROM portal_domains",
                "SELECT * FROM tenants",
            ],
        )
        .await;
        // Its sessions are read-only. Without that it still has no right to write.
        db.execute(&format!("ALTER ROLE {} RESET default_transaction_read_only", db.roles.responder.name())).await;
        db.responder.close().await;
        let writer = store::pool((*db.responder.connect_options()).clone(), 1);
        refused(
            &writer,
            &[
                "INSERT INTO tenantry.preflight_tokens VALUES ('a', 'b', 'c', now(), 'd')",
                "UPDATE tenantry.preflight_tokens SET body = 'x'",
                "DELETE FROM tenantry.preflight_tokens",
            ],
        )
        .await;
        writer.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_token_is_saved_once_per_key() {
    with_database(async |db: &Db| {
        let request = |host: &str, key: &str, expires_ms| wire::SavePreflightTokenRequest {
            host: host.to_owned(),
            expires_ms,
            idempotency_key: key.to_owned(),
            ..Default::default()
        };
        let first = db.store.save_token(&request("a.example", "one", T0)).await.unwrap();
        assert_eq!(db.store.save_token(&request("a.example", "one", T0)).await.unwrap(), first);
        assert_ne!(db.store.save_token(&request("a.example", "two", T0)).await.unwrap().token, first.token);
        let taken = db.store.save_token(&request("b.example", "one", T0)).await.unwrap_err();
        assert_eq!(taken.type_name(), STORE_REJECTED);
        db.store.save_token(&request("a.example", "three", T0 + 3 * crate::fixture::DAY)).await.unwrap();
        assert_eq!(db.value("SELECT count(*) FROM tenantry.preflight_tokens").await, "1");
    })
    .await;
}

#[tokio::test]
async fn a_read_only_server_is_retried_on_another_connection_and_a_missing_right_is_not() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("portal.customer.example").await;
        let name = db.roles.worker.name();
        db.execute(&format!("ALTER ROLE {name} SET default_transaction_read_only = on")).await;
        let request = wire::LoadDomainRequest {
            tenant_id: tenant.to_string(),
            portal_domain_id: id.to_string(),
            now_ms: T0,
            workflow_id: format!("portal-domain:{tenant}"),
        };
        let error = db.store.load(&request).await.unwrap_err();
        assert_eq!(error.type_name(), STORE_UNAVAILABLE);
        assert!(error.to_string().contains("25006"), "{error}");
        // The setting holds for new sessions: a pool that kept the old connection would go on failing.
        db.execute(&format!("ALTER ROLE {name} RESET default_transaction_read_only")).await;
        assert!(db.store.load(&request).await.unwrap().row.is_some());

        db.execute(&format!("REVOKE ALL ON tenantry.claims FROM {name}")).await;
        let error = db.store.load(&request).await.unwrap_err();
        assert_eq!(error.type_name(), STORE_REJECTED);
        assert!(!error.to_string().contains("claims FROM"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_does_not_log_in() {
    with_database(async |db: &Db| {
        let options = db.options.clone().username(db.roles.worker.name()).password("another");
        let pool = store::pool(options, 1);
        assert!(sqlx::query("SELECT 1").execute(&pool).await.is_err());
    })
    .await;
}
