//! Every SQL text prepares against the schema, and runs under the role that it belongs to.

use crate::fixture::{Db, with_database};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use store::sql::{APPLICATION, Statement, WORKER};

/// Prepares and explains each text in sessions of a role.
pub(crate) async fn check(pool: &PgPool, statements: &[Statement]) {
    let mut conn = pool.acquire().await.unwrap();
    for statement in statements {
        let text = statement.text;
        conn.prepare(AssertSqlSafe(text.to_owned()).into_sql_str())
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", statement.name));
        // EXPLAIN starts the executor, which checks the rights of the role on every table and column.
        sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN (GENERIC_PLAN) {text}")))
            .execute(&mut *conn)
            .await
            .unwrap_or_else(|error| panic!("{} under its role: {error}", statement.name));
    }
}

use sqlx::SqlSafeStr as _;

#[tokio::test]
async fn every_text_prepares_and_its_role_may_run_it() {
    with_database(async |db: &Db| {
        check(&db.worker, WORKER).await;
        check(&db.app, APPLICATION).await;
    })
    .await;
}

#[tokio::test]
async fn every_write_names_the_tenant() {
    for statement in WORKER.iter().chain(APPLICATION) {
        let text = statement.text.trim_start();
        let writes = ["INSERT INTO", "UPDATE ", "DELETE FROM"].iter().any(|verb| text.contains(verb));
        // Tokens belong to hosts, holds to the fleet.
        let of_nobody = text.contains("tenantry.preflight_tokens") || text.contains("tenantry.removal_holds");
        let names_tenant = text.replace("tenantry", "").contains("tenant");
        assert!(!writes || of_nobody || names_tenant, "{}", statement.name);
        let row =
            text.starts_with("UPDATE public.portal_domains") || text.starts_with("DELETE FROM public.portal_domains");
        let application = APPLICATION.contains(statement); // One row per tenant, as the web application writes it.
        assert!(!row || application || text.contains("p.tenant = $1::uuid AND p.id = $2::uuid"), "{}", statement.name);
    }
}

#[tokio::test]
async fn no_statement_is_left_behind_in_a_session() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("portal.customer.example").await;
        db.put_status(tenant, id, "verifying_dns", crate::fixture::T0).await;
        let mut conn = db.worker.acquire().await.unwrap();
        let named: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''")
            .persistent(false)
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        assert_eq!(named, 0);
    })
    .await;
}
