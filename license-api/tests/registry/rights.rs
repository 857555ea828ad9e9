//! What the service's role may not do.

use crate::world::{World, with_world};
use sqlx::{AssertSqlSafe, Executor as _};

#[tokio::test]
async fn the_service_has_no_more_rights_than_it_uses() {
    with_world(async |world: &World| {
        world.paid("s-1", "sub_1").await;
        for text in [
            "CREATE TABLE public.other ()",
            "CREATE SCHEMA other",
            "DROP TABLE claim_codes",
            "ALTER TABLE claim_codes ADD COLUMN code text",
            "TRUNCATE redeem_attempts",
            "TRUNCATE audit_log",
            "DELETE FROM tenant_registry",
            "DELETE FROM entitlements",
            "DELETE FROM claim_codes",
            "DELETE FROM appliances",
            "DELETE FROM code_redemptions",
            "UPDATE tenant_registry SET contact_email = 'x'",
            "UPDATE tenant_registry SET tenant_id = gen_random_uuid()",
            "UPDATE claim_codes SET tenant_id = NULL",
            "UPDATE claim_codes SET expires_at = now()",
            "UPDATE claim_codes SET code_hash = ''",
            "UPDATE appliances SET tenant_id = NULL",
            "UPDATE entitlements SET stripe_sub_id = 'x'",
            "SELECT * FROM audit_log",
            "UPDATE audit_log SET actor = 'x'",
            "DELETE FROM audit_log",
            "SELECT * FROM billing_events",
            "INSERT INTO schema_migrations SELECT * FROM schema_migrations",
            "CREATE ROLE other",
        ] {
            let error = world.state.pool.execute(text).await.expect_err(text);
            let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
            assert_eq!(code, "42501", "{text}");
        }
        let role = &world.role;
        let flags = format!(
            "SELECT concat_ws(',', rolsuper, rolcreatedb, rolcreaterole, rolbypassrls) FROM pg_roles WHERE rolname = '{role}'"
        );
        assert_eq!(world.value(&flags).await, "f,f,f,f");
    })
    .await;
}

#[tokio::test]
async fn nobody_changes_the_audit_log() {
    with_world(async |world: &World| {
        world.essentials("s-1").await;
        for text in ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"] {
            let error = world.admin.execute(AssertSqlSafe(text.to_owned())).await.expect_err(text);
            assert!(error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("42501")), "{text}");
        }
        // A tenant that is removed by an administrator leaves its log.
        world.execute("DELETE FROM tenant_registry").await;
        assert_eq!(world.value("SELECT count(*) FROM audit_log").await, "2");
    })
    .await;
}
