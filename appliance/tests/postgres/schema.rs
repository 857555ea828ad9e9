//! Where the tables are made, and where not.

use crate::fixture::with_database;
use appliance::schema::{self, Migrated};

const REDEMPTION: &str = "SELECT to_regclass('tenantry.license_redemption')";

#[tokio::test]
async fn tables_are_made_only_beside_the_applications_own() {
    with_database(async |db| {
        let role: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(&db.worker).await.unwrap();
        let Migrated::Changed(versions) = schema::revert(&db.admin).await.unwrap() else { panic!("they were there") };
        assert_eq!(versions.len(), 1);
        assert_eq!(schema::revert(&db.admin).await.unwrap(), Migrated::NoLicences);

        // A hosted product of an older version: nothing to keep a licence in, and no failure.
        db.execute("ALTER TABLE license_state RENAME TO kept").await;
        assert_eq!(schema::migrate(&db.admin, &role).await.unwrap(), Migrated::NoLicences);
        assert_eq!(db.value(REDEMPTION).await, "NULL");

        db.execute("ALTER TABLE kept RENAME TO license_state").await;
        assert_eq!(schema::migrate(&db.admin, &role).await.unwrap(), Migrated::Changed(versions));
        assert_eq!(schema::migrate(&db.admin, &role).await.unwrap(), Migrated::Changed(Vec::new()));
        assert_eq!(db.value(REDEMPTION).await, "tenantry.license_redemption");
    })
    .await;
}

#[tokio::test]
async fn rights_that_were_taken_away_come_back() {
    with_database(async |db| {
        let role: String = sqlx::query_scalar("SELECT current_user::text").fetch_one(&db.worker).await.unwrap();
        db.execute("INSERT INTO license_state DEFAULT VALUES").await;
        let read = || sqlx::query("SELECT license_token FROM license_state").fetch_one(&db.worker);
        assert!(read().await.is_ok());
        // What the store's migration does before it gives its own rights.
        db.execute(&format!("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")).await;
        assert!(read().await.is_err());
        schema::migrate(&db.admin, &role).await.unwrap();
        assert!(read().await.is_ok());
        let made = sqlx::query("INSERT INTO license_state DEFAULT VALUES").execute(&db.worker).await;
        assert!(made.is_err(), "a row of the application's is not ours to make");
    })
    .await;
}
