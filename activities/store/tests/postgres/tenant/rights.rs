//! What must be refused to the worker on the product's tables, and that a migration gives and a revert takes exactly its
//! rights (R23).

use crate::fixture::{Db, with_database};
use crate::rights::refused;
use crate::tenant::steps::{request, with_stripe};
use crate::tenant::world::World;
use sqlx::AssertSqlSafe;

/// Every right of the worker on tables, columns, sequences and the schema, with what its role is set to.
async fn rights(db: &Db) -> String {
    let name = db.roles.worker.name();
    db.value(&format!(
        "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
           SELECT c.oid::regclass || ' ' || a.privilege_type AS line FROM pg_class c, aclexplode(c.relacl) a
             WHERE a.grantee = '{name}'::regrole
           UNION ALL SELECT t.attrelid::regclass || '.' || t.attname || ' ' || a.privilege_type
             FROM pg_attribute t, aclexplode(t.attacl) a WHERE a.grantee = '{name}'::regrole
           UNION ALL SELECT n.nspname || ' ' || a.privilege_type FROM pg_namespace n, aclexplode(n.nspacl) a
             WHERE a.grantee = '{name}'::regrole
           UNION ALL SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = '{name}'::regrole) AS lines"
    ))
    .await
}

/// The product's tables.
async fn tables(db: &Db) -> Vec<String> {
    let text = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
    sqlx::query_scalar(text).fetch_all(&db.admin).await.unwrap()
}

#[tokio::test]
async fn no_row_of_a_creation_is_deleted_and_no_key_is_changed() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        world.whole(with_stripe(request("one"), "sub_1")).await;
        for table in tables(db).await.into_iter().filter(|table| table != "portal_domains") {
            refused(&db.worker, &[&format!("DELETE FROM {table}"), &format!("TRUNCATE {table} CASCADE")]).await;
            let columns = format!("SELECT count(*) FROM information_schema.columns WHERE (table_schema, table_name, column_name) = ('public', '{table}', 'tenant')");
            if db.value(&columns).await == "1" {
                refused(&db.worker, &[&format!("UPDATE {table} SET tenant = gen_random_uuid()")]).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_worker_reads_and_changes_only_the_columns_it_needs() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        world.whole(request("one")).await;
        refused(
            &db.worker,
            &[
                "SELECT hashed_password FROM users",
                "SELECT two_factor_secret FROM users",
                "SELECT username FROM users",
                "SELECT * FROM users",
                "UPDATE users SET email = 'x'",
                "UPDATE users SET user_type = 'internal'",
                "UPDATE users SET is_inactive = false",
                "UPDATE users SET two_factor_enabled = false",
                "UPDATE users SET hashed_password = hashed_password || 'x'",
                "SELECT email FROM tenants",
                "SELECT plan FROM tenants",
                "UPDATE tenants SET created_at = now()",
                "UPDATE tenants SET suspended_at = now()",
                "SELECT * FROM extension_audit_logs",
                "SELECT event_type FROM extension_audit_logs",
                "UPDATE extension_audit_logs SET status = 'x'",
                "SELECT * FROM document_default_folders",
                "INSERT INTO document_default_folders (tenant, entity_type, folder_path, folder_name) SELECT tenant, 'x', 'x', 'x' FROM tenants",
                "INSERT INTO stripe_products (tenant, stripe_product_external_id, name, product_type) SELECT tenant, 'x', 'x', 'x' FROM tenants",
                "UPDATE stripe_prices SET unit_amount = 0",
                "UPDATE stripe_subscriptions SET quantity = 1000",
                "UPDATE stripe_subscriptions SET status = 'active'",
                "INSERT INTO countries VALUES ('XX', 'x')",
                "INSERT INTO notification_categories (name) VALUES ('x')",
                "UPDATE roles SET role_name = 'Admin'",
                "UPDATE clients SET is_inactive = true",
                "UPDATE tenantry.activity_ledger SET input_digest = ''",
                "UPDATE tenantry.activity_ledger SET key = 'x'",
                "DELETE FROM tenantry.activity_ledger",
                "UPDATE tenantry.creation_claims SET origin_id = 'x'",
                "UPDATE tenantry.creations SET tenant = gen_random_uuid()",
                "DELETE FROM tenantry.creations",
                "UPDATE tenantry.creation_log SET note = 'x'",
                "DELETE FROM tenantry.creation_log",
            ],
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn the_worker_makes_and_changes_no_objects_and_no_sequences() {
    with_database(async |db: &Db| {
        refused(
            &db.worker,
            &[
                "CREATE TABLE public.x ()",
                "CREATE TABLE tenantry.x ()",
                "CREATE SCHEMA x",
                "CREATE FUNCTION public.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "CREATE ROLE x",
                "ALTER TABLE tenants ADD COLUMN x int",
                "ALTER TABLE tenantry.activity_ledger ADD COLUMN x int",
                "DROP TABLE tenantry.creations",
                "CREATE INDEX ON tenants (email)",
                "SELECT setval('tenant_email_settings_id_seq', 1)",
                "SELECT nextval('notification_categories_id_seq')",
                "SELECT last_value FROM notification_subtypes_id_seq",
                "SELECT nextval('tenantry.creation_log_id_seq')",
            ],
        )
        .await;
        let powers = format!(
            "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls OR rolinherit FROM pg_roles
             WHERE rolname = '{}'",
            db.roles.worker.name()
        );
        assert_eq!(db.value(&powers).await, "false");
    })
    .await;
}

#[tokio::test]
async fn the_responder_reaches_nothing_of_a_creation() {
    with_database(async |db: &Db| {
        for table in tables(db).await {
            refused(&db.responder, &[&format!("SELECT count(*) FROM {table}")]).await;
        }
        for table in ["activity_ledger", "creation_claims", "creations", "creation_log"] {
            refused(&db.responder, &[&format!("SELECT count(*) FROM tenantry.{table}")]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_migration_can_be_repeated_and_takes_back_what_somebody_gave() {
    with_database(async |db: &Db| {
        let given = rights(db).await;
        assert!(given.contains("tenantry.activity_ledger.sealed UPDATE") && given.contains("lock_timeout=5s"), "{given}");
        store::migrate(&db.admin, &db.roles).await.unwrap();
        assert_eq!(rights(db).await, given);
        let name = db.roles.worker.name();
        db.execute(&format!(
            "GRANT ALL ON users, document_default_folders, tenantry.activity_ledger TO {name};
             GRANT SELECT (hashed_password) ON users TO {name}; GRANT ALL ON SEQUENCE notification_categories_id_seq TO {name}"
        ))
        .await;
        assert_ne!(rights(db).await, given);
        store::migrate(&db.admin, &db.roles).await.unwrap();
        assert_eq!(rights(db).await, given);
    })
    .await;
}

#[tokio::test]
async fn a_revert_takes_every_right_back_also_where_the_role_stays() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = world.whole(with_stripe(request("one"), "sub_1")).await;
        // Something of another database refers to the role, so it cannot be dropped.
        let name = db.roles.worker.name();
        let database = db.value("SELECT current_database()").await;
        db.execute(&format!("GRANT CONNECT ON DATABASE {database} TO {name}")).await;
        let product =
            world.everything().await.into_iter().filter(|line| line.starts_with("public.")).collect::<Vec<_>>();
        let report = store::revert(&db.admin, &db.roles).await.unwrap();
        assert!(!report.roles.contains(&name.to_owned()), "{report:?}");
        let left = rights(db).await;
        assert!(left.lines().all(|line| line.contains("_timeout=")), "{left}");
        for table in tables(db).await {
            refused(&db.worker, &[&format!("SELECT count(*) FROM {table}")]).await;
        }
        let kept: i64 =
            sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM users WHERE tenant = '{}'", made.tenant)))
                .fetch_one(&db.admin)
                .await
                .unwrap();
        assert_eq!(kept, 1);
        store::migrate(&db.admin, &db.roles).await.unwrap();
        let again = world.everything().await.into_iter().filter(|line| line.starts_with("public.")).collect::<Vec<_>>();
        assert_eq!(again, product);
        db.execute(&format!("REVOKE CONNECT ON DATABASE {database} FROM {name}")).await;
    })
    .await;
}
