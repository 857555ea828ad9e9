//! What the service's role may not do.

use crate::world::{World, with_world};
use sqlx::{AssertSqlSafe, Executor as _};

/// Everything that is granted to the service or to everybody: by table, then by column where a right has columns.
const RIGHTS: &str = "\
appliances INSERT SELECT
appliances UPDATE (credential_hash entitlement_id last_checkin_at revoked_at)
audit_log INSERT
check_in_sources DELETE INSERT SELECT
check_in_sources UPDATE (seen_at)
claim_codes INSERT SELECT
claim_codes UPDATE (consumed_at revoked_at superseded_by)
code_redemptions INSERT SELECT
code_redemptions UPDATE (sealed_answer)
entitlements INSERT SELECT
entitlements UPDATE (active current_claims current_exp current_iat current_kid customer license_sub revoked_at seats tenant_id tier transport updated_at)
idempotent_requests DELETE INSERT SELECT
idempotent_requests UPDATE (result)
redeem_attempts DELETE INSERT SELECT
redeem_attempts UPDATE (failures refusals succeeded_at)
schema_migrations SELECT
tenant_registry INSERT SELECT
tenant_registry UPDATE (edition installed_at status stripe_customer_id updated_at)";

#[tokio::test]
async fn the_service_has_the_rights_of_this_list() {
    with_world(async |world: &World| {
        let whose = format!("grantee IN ('{}', 'PUBLIC') AND table_schema = 'public'", world.role);
        let granted = format!(
            "SELECT string_agg(line, E'\\n' ORDER BY line COLLATE \"C\") FROM (\
               SELECT concat(table_name, ' ', string_agg(privilege_type::text, ' ' ORDER BY privilege_type)) AS line \
               FROM information_schema.table_privileges WHERE {whose} GROUP BY table_name \
               UNION ALL \
               SELECT concat(table_name, ' ', privilege_type, ' (', string_agg(column_name::text, ' ' ORDER BY column_name), ')') \
               FROM information_schema.column_privileges c WHERE {whose} AND NOT EXISTS (\
                 SELECT FROM information_schema.table_privileges t WHERE (t.grantee, t.table_schema, t.table_name, t.privilege_type) \
                 = (c.grantee, c.table_schema, c.table_name, c.privilege_type)) \
               GROUP BY table_name, privilege_type) AS granted"
        );
        assert_eq!(world.value(&granted).await, RIGHTS);
    })
    .await;
}

#[tokio::test]
async fn what_the_service_must_never_do_is_refused() {
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
