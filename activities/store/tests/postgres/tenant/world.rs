//! What the tests of a creation share: a database with a billing tenant, and a look at every row.

use crate::fixture::{Db, T0};
use crate::tenant::steps::{self, Answer, Creation, Step};
use model::tenant::failure::FailureType;
use proto::v1 as wire;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor};
use store::tenant::{TenantError, TenantSettings, TenantStore};
use uuid::Uuid;

/// The instant `T0` as the server prints it.
pub(crate) const AT: &str = "2027-01-15T08:00:00+00:00";
/// Form of a hash that is not the first one of a user.
pub(crate) const HASH: &str = "aa:bb";
/// What stands for an encrypted credential.
pub(crate) const SEALED: &str = "v1.key.sealed-credential";

/// External ids of the billing tenant's prices, and the names of their products.
pub(crate) const PRICES: [(&str, &str); 5] = [
    ("price_solo", "alga-psa-solo"),
    ("price_pro", "alga-psa-pro"),
    ("price_desk", "alga-desk"),
    ("price_new", "a-name-of-tomorrow"),
    ("price_base", "alga-psa-premium"),
];

/// A database with a billing tenant, and the steps on it.
pub(crate) struct World<'a> {
    pub(crate) db: &'a Db,
    pub(crate) store: TenantStore,
    pub(crate) billing: Uuid,
}

impl<'a> World<'a> {
    pub(crate) async fn new(db: &'a Db) -> Self {
        let billing = db.tenant().await;
        for (price, product) in PRICES {
            db.execute(&format!(
                "WITH d AS (INSERT INTO stripe_products (tenant, stripe_product_external_id, name, product_type)
                   VALUES ('{billing}', 'prod_{price}', '{product}', 'service') RETURNING stripe_product_id)
                 INSERT INTO stripe_prices (tenant, stripe_price_external_id, stripe_product_id, unit_amount)
                 SELECT '{billing}', '{price}', stripe_product_id, 100 FROM d"
            ))
            .await;
        }
        Self { db, store: Self::steps(db.worker.clone(), billing), billing }
    }

    /// The steps through another pool.
    pub(crate) fn steps(pool: sqlx::PgPool, billing: Uuid) -> TenantStore {
        TenantStore::new(pool, TenantSettings { billing_tenant: Some(billing) })
    }

    pub(crate) async fn create(&self, request: &wire::CreateTenantRequest) -> Result<Answer, TenantError> {
        steps::create(&self.store, request).await
    }

    /// Runs a whole creation.
    pub(crate) async fn whole(&self, request: wire::CreateTenantRequest) -> Creation {
        let mut creation = Creation::new(request);
        for step in Step::ALL {
            let answer = creation.run(&self.store, step, T0).await.unwrap();
            creation.learn(&answer);
        }
        creation
    }

    /// Every row of every table with a tenant, and of our own.
    pub(crate) async fn everything(&self) -> Vec<String> {
        self.lines("line").await
    }

    /// The same without what differs between two runs of one input: generated ids, instants, and digests that hold such ids.
    pub(crate) async fn likeness(&self) -> Vec<String> {
        self.lines(
            r#"regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(line,
               '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'UUID', 'g'),
               '"\d{4}-\d\d-\d\dT[^"]*"', 'INSTANT', 'g'), '\\\\x[0-9a-f]{64}', 'DIGEST', 'g'),
               'temporal_\d+', 'temporal_N', 'g'), '"id": \d+', '"id": N', 'g')"#,
        )
        .await
    }

    async fn lines(&self, shown: &str) -> Vec<String> {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT t.table_schema || '.' || t.table_name FROM information_schema.tables t
             WHERE t.table_type = 'BASE TABLE' AND (t.table_schema = 'tenantry' AND t.table_name <> 'schema_migrations'
               OR t.table_schema = 'public' AND EXISTS (SELECT 1 FROM information_schema.columns c
                 WHERE (c.table_schema, c.table_name, c.column_name) = (t.table_schema, t.table_name, 'tenant')))
             ORDER BY 1",
        )
        .fetch_all(&self.db.admin)
        .await
        .unwrap();
        assert!(tables.len() > 40, "{tables:?}");
        let parts: Vec<String> = tables
            .iter()
            .map(|table| format!("SELECT '{table} ' || to_jsonb(t)::text AS line FROM {table} t"))
            .collect();
        let text = format!("SELECT {shown} AS shown FROM ({}) AS lines ORDER BY shown", parts.join(" UNION ALL "));
        sqlx::query_scalar(AssertSqlSafe(text)).fetch_all(&self.db.admin).await.unwrap()
    }

    /// The rows of a tenant in a table, in the order of `order`, without these columns.
    pub(crate) async fn rows(&self, table: &str, tenant: Uuid, order: &str, without: &[&str]) -> Value {
        let names: String = without.iter().map(|name| format!(" - '{name}'")).collect();
        let mut conn = self.db.admin.acquire().await.unwrap();
        conn.execute("SET TIME ZONE 'UTC'").await.unwrap();
        let text = format!(
            "SELECT coalesce(jsonb_agg(to_jsonb(t) - 'tenant'{names} ORDER BY {order}), '[]') FROM {table} t WHERE tenant = '{tenant}'"
        );
        sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&mut *conn).await.unwrap()
    }

    /// The only row of a tenant in a table, without these columns.
    pub(crate) async fn row(&self, table: &str, tenant: Uuid, without: &[&str]) -> Value {
        let rows = self.rows(table, tenant, "1", without).await;
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "{table}");
        rows[0].clone()
    }

    /// Where the creations stand: state, step, how many.
    pub(crate) async fn standing(&self) -> Vec<String> {
        let counts = self.store.counts().await.unwrap();
        let mut lines: Vec<String> =
            counts.iter().map(|(state, step, count)| format!("{state} {step} {count}")).collect();
        lines.sort();
        lines
    }

    /// How many rows match, as text.
    pub(crate) async fn count(&self, from: &str) -> String {
        self.db.value(&format!("SELECT count(*) FROM {from}")).await
    }

    /// A user that somebody else wrote.
    pub(crate) async fn user(&self, tenant: Uuid, email: &str, user_type: &str) -> Uuid {
        let text = format!(
            "INSERT INTO users (tenant, username, email, hashed_password, user_type)
             VALUES ('{tenant}', 'u', '{email}', 'x:y', '{user_type}') RETURNING user_id"
        );
        sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&self.db.admin).await.unwrap()
    }
}

/// The type and the details of a final failure.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(outcome: Result<T, TenantError>) -> (FailureType, Option<Value>) {
    match outcome {
        Err(TenantError::Final { kind, details, text }) => {
            assert!(!text.to_lowercase().contains(".example"), "an address in: {text}");
            (kind, details)
        }
        other => panic!("a final failure, not {other:?}"),
    }
}
