//! A fresh database with the application's two tables, and a role with the worker's rights.

use appliance::secrets::{Fields, Place, Scope, SecretStore, SecretsError};
use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgPool};
use std::str::FromStr as _;
use std::sync::Mutex;
use uuid::Uuid;

/// The application's tables as far as they matter here (licensing contract, section 4.7).
const APPLICATION: &str = "
    CREATE TABLE tenants (tenant uuid PRIMARY KEY, client_name text);
    CREATE TABLE license_state (
        id serial PRIMARY KEY, edition_choice text NOT NULL DEFAULT 'ce', trial_started_at timestamptz,
        license_token text, updated_at timestamptz NOT NULL DEFAULT now(), appliance_id text, check_in_url text,
        appliance_credential text, last_checkin_at timestamptz)";

/// The database and the two ways into it.
pub(crate) struct Db {
    pub(crate) admin: PgPool,
    pub(crate) worker: PgPool,
}

/// Runs a test on a fresh database, and drops the database and the role afterwards.
pub(crate) async fn with_database(test: impl AsyncFnOnce(&Db)) {
    let Ok(url) = std::env::var("TEST_DATABASE_URL") else {
        println!("not run: TEST_DATABASE_URL is not set");
        return;
    };
    let server = PgConnectOptions::from_str(&url).unwrap();
    let suffix = Uuid::new_v4().simple().to_string();
    let (name, role) = (format!("appliance_test_{suffix}"), format!("w_{suffix}"));
    let mut maintenance = server.clone().connect().await.unwrap();
    maintenance.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    maintenance.execute(AssertSqlSafe(format!("CREATE ROLE {role} LOGIN PASSWORD 'of-a-test'"))).await.unwrap();
    let options = server.database(&name);
    let admin = PgPoolOptions::new().max_connections(2).connect_with(options.clone()).await.unwrap();
    sqlx::raw_sql(APPLICATION).execute(&admin).await.unwrap();
    for _ in 0..2 {
        appliance::schema::migrate(&admin, &role).await.unwrap();
    }
    let worker = options.username(&role).password("of-a-test");
    let worker = PgPoolOptions::new().max_connections(4).connect_with(worker).await.unwrap();
    let db = Db { admin, worker };
    test(&db).await;
    appliance::schema::revert(&db.admin).await.unwrap();
    assert_eq!(db.value("SELECT to_regclass('tenantry.license_redemption')").await, "NULL");
    db.worker.close().await;
    db.admin.close().await;
    maintenance.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
    maintenance.execute(AssertSqlSafe(format!("DROP ROLE {role}"))).await.unwrap();
}

impl Db {
    /// Runs any text as the administrator.
    pub(crate) async fn execute(&self, text: &str) {
        sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&self.admin).await.unwrap();
    }

    /// Reads one value of any text as the administrator.
    pub(crate) async fn value(&self, text: &str) -> String {
        let text = AssertSqlSafe(format!("SELECT coalesce(({text})::text, 'NULL')"));
        sqlx::query_scalar(text).fetch_one(&self.admin).await.unwrap()
    }
}

/// Secrets in memory. Every write is refused while `away`.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) fields: Mutex<Vec<(&'static str, String)>>,
    pub(crate) away: bool,
}

#[async_trait]
impl SecretStore for Memory {
    async fn read(&self, _: Place, _: &'static str) -> Result<Option<SecretString>, SecretsError> {
        Ok(None)
    }

    async fn put(&self, place: Place, fields: &Fields, _: Scope) -> Result<(), SecretsError> {
        if self.away {
            return Err(SecretsError::Unavailable { what: "write", place });
        }
        let mut all = self.fields.lock().unwrap();
        all.extend(fields.iter().map(|(key, value)| (*key, value.expose_secret().to_owned())));
        Ok(())
    }

    async fn put_once(&self, _: Place, _: &'static str, _: &SecretString) -> Result<bool, SecretsError> {
        Ok(true)
    }

    async fn remove(&self, _: Place, _: &'static str) -> Result<(), SecretsError> {
        Ok(())
    }
}
