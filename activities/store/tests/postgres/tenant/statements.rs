//! Every SQL text of tenant provisioning prepares, runs under the worker's role, and binds the tenant (R21 to R23).

use crate::fixture::{Db, with_database};
use crate::statements::check;
use store::sql::Statement;
use store::tenant::sql::{ACROSS, OPTIONAL, RECORDS, TENANT};

#[tokio::test]
async fn every_text_prepares_and_the_worker_may_run_it() {
    with_database(async |db: &Db| {
        check(&db.worker, RECORDS).await;
        check(&db.worker, ACROSS).await;
        check(&db.worker, TENANT).await;
    })
    .await;
}

#[tokio::test]
async fn a_column_that_only_some_installations_have_can_be_written_after_a_migration() {
    with_database(async |db: &Db| {
        db.execute("ALTER TABLE stripe_subscriptions ADD COLUMN stripe_subscription_item_id text").await;
        store::migrate(&db.admin, &db.roles).await.unwrap();
        check(&db.worker, OPTIONAL).await;
    })
    .await;
}

fn lists() -> impl Iterator<Item = &'static Statement> {
    RECORDS.iter().chain(ACROSS).chain(TENANT).chain(OPTIONAL)
}

/// The product's tables that a text reads or writes, but those that belong to nobody.
fn tenant_tables(text: &str) -> Vec<&str> {
    const GLOBAL: [&str; 5] = [
        "countries",
        "notification_categories",
        "notification_subtypes",
        "internal_notification_categories",
        "internal_notification_subtypes",
    ];
    let names = text.split("public.").skip(1);
    let names = names.map(|rest| rest.split(|c: char| !(c.is_ascii_lowercase() || c == '_')).next().unwrap_or(""));
    names.filter(|name| !GLOBAL.contains(name)).collect()
}

/// How often a text ties a table to the tenant: by the parameter, as a key or as the first value of a new row, or by a join.
fn ties(text: &str) -> usize {
    const FORMS: [&str; 9] = [
        ".tenant = $1::uuid",
        "WHERE tenant = $1::uuid",
        "VALUES ($1::uuid",
        "SELECT $1::uuid,",
        "SELECT gen_random_uuid(), $1::uuid",
        "d.tenant = r.tenant",
        "t.tenant = u.tenant",
        "r.tenant = g.tenant",
        "g.tenant = u.tenant",
    ];
    FORMS.iter().map(|form| text.matches(form).count()).sum()
}

#[test]
fn every_statement_on_a_tenants_rows_binds_the_tenant() {
    for statement in TENANT.iter().chain(OPTIONAL) {
        let tables = tenant_tables(statement.text);
        assert!(!tables.is_empty(), "{}: names no table", statement.name);
        assert!(ties(statement.text) >= tables.len(), "{}: {tables:?}", statement.name);
        assert!(statement.text.contains("$1::uuid"), "{}", statement.name);
    }
}

#[test]
fn only_the_statements_that_look_over_all_tenants_are_exempt() {
    let names: Vec<&str> = ACROSS.iter().map(|statement| statement.name).collect();
    let known = [
        "look for the subscription",
        "look for the Apple transaction",
        "look for the address",
        "look for the item's column",
    ];
    assert_eq!(names, known);
    for statement in ACROSS {
        assert!(statement.text.trim_start().starts_with("SELECT"), "{} writes", statement.name);
    }
    // Our own records name the product's tables only to show a tenant's name.
    for statement in RECORDS {
        let named = tenant_tables(statement.text);
        assert!(named.iter().all(|table| *table == "tenants"), "{}: {named:?}", statement.name);
        assert!(named.is_empty() || statement.text.trim_start().starts_with("SELECT"), "{}", statement.name);
    }
}

#[test]
fn no_statement_changes_a_tenant_column_or_deletes_rows_of_the_product() {
    for statement in lists() {
        let text = statement.text.trim_start();
        if let Some((_, set)) = text.strip_prefix("UPDATE").and_then(|rest| rest.split_once("SET")) {
            let set = set.split("WHERE").next().unwrap_or(set);
            let columns = set.split(',').filter_map(|part| part.split_once('=').map(|(column, _)| column.trim()));
            assert!(columns.into_iter().all(|column| column != "tenant"), "{}", statement.name);
        }
        assert!(!text.contains("DO UPDATE"), "{}", statement.name);
        let deletes = text.contains("DELETE FROM") && !text.contains("DELETE FROM tenantry.creation_claims");
        assert!(!deletes && !text.contains("TRUNCATE"), "{}", statement.name);
    }
}

#[test]
fn no_statement_needs_a_session() {
    for statement in lists() {
        let text = statement.text;
        let locks = text.contains("pg_advisory") && !text.contains("pg_advisory_xact_lock");
        let settings = ["SET LOCAL", "SET SESSION", "set_config", "LISTEN", "TEMP ", "PREPARE", "DECLARE"];
        assert!(!locks && !settings.iter().any(|word| text.contains(word)), "{}", statement.name);
    }
}
