//! Migrations in both directions.

use crate::fixture::{Db, with_database};
use store::{Readiness, SchemaError};

/// Everything of the product's tables that a migration could have changed.
async fn product(db: &Db) -> String {
    db.value(
        "SELECT jsonb_build_object(
           'columns', (SELECT jsonb_agg(to_jsonb(c) ORDER BY table_name, ordinal_position) FROM information_schema.columns c
                       WHERE table_schema = 'public'),
           'indexes', (SELECT jsonb_agg(indexdef ORDER BY indexdef) FROM pg_indexes WHERE schemaname = 'public'),
           'constraints', (SELECT jsonb_agg(conrelid::regclass || ' ' || pg_get_constraintdef(oid) ORDER BY conname, oid)
                           FROM pg_constraint WHERE connamespace = 'public'::regnamespace),
           'triggers', (SELECT jsonb_agg(tgname || tgrelid::regclass ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal),
           'relations', (SELECT jsonb_agg(relname ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
           'functions', (SELECT jsonb_agg(proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
           'rows', (SELECT jsonb_agg(to_jsonb(p)) FROM portal_domains p))",
    )
    .await
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    with_database(async |db| {
        assert_eq!(db.first_report.version, Some(store::newest_version()));
        assert_eq!(db.first_report.roles.len(), 2);
        let again = store::migrate(&db.admin, &db.roles).await.unwrap();
        assert!(again.changed.is_empty() && again.roles.is_empty(), "{again:?}");
        assert_eq!(store::readiness(&db.worker).await.unwrap(), Readiness::Ready);
    })
    .await;
}

#[tokio::test]
async fn two_processes_may_migrate_at_once() {
    with_database(async |db| {
        store::revert(&db.admin, &db.roles).await.unwrap();
        let (a, b) = tokio::join!(store::migrate(&db.admin, &db.roles), store::migrate(&db.admin, &db.roles));
        assert_eq!(a.unwrap().version, b.unwrap().version);
    })
    .await;
}

#[tokio::test]
async fn down_leaves_the_products_tables_as_they_were() {
    with_database(async |db| {
        let (tenant, id) = db.registered("portal.customer.example").await;
        db.put_status(tenant, id, "verifying_dns", crate::fixture::T0).await;
        let before = product(db).await;
        let report = store::revert(&db.admin, &db.roles).await.unwrap();
        assert_eq!(report.changed.last(), Some(&store::newest_version()));
        assert_eq!(report.roles.len(), 2);
        assert_eq!(product(db).await, before);
        assert_eq!(db.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'tenantry'").await, "0");
        assert_eq!(store::readiness(&db.admin).await.unwrap(), Readiness::Behind);
        assert!(store::revert(&db.admin, &db.roles).await.unwrap().changed.is_empty());
        store::migrate(&db.admin, &db.roles).await.unwrap();
        assert_eq!(product(db).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_database_without_the_product_is_refused() {
    with_database(async |db| {
        store::revert(&db.admin, &db.roles).await.unwrap();
        db.execute("DROP TABLE portal_domain_session_otts, portal_domains").await;
        let refused = store::migrate(&db.admin, &db.roles).await;
        assert!(matches!(refused, Err(SchemaError::ProductMissing)), "{refused:?}");
        assert_eq!(db.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'tenantry'").await, "0");
    })
    .await;
}
