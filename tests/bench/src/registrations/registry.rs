//! An empty database for the registry, on loopback only.

use anyhow::{Context as _, ensure};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use std::net::IpAddr;
use std::str::FromStr as _;
use uuid::Uuid;

/// A database and the name of the service's role in it. Both are this program's own.
pub(crate) struct Registry {
    /// The database as its administrator.
    pub(crate) admin: PgPool,
    /// Where it is, as its administrator.
    pub(crate) options: PgConnectOptions,
    /// The password of the administrator.
    pub(crate) password: String,
    /// Its name.
    pub(crate) database: String,
    /// The service's role.
    pub(crate) role: String,
}

impl Registry {
    /// Creates the database.
    ///
    /// # Errors
    /// `TEST_DATABASE_URL` is missing or not on loopback, or the database refused.
    pub(crate) async fn create() -> anyhow::Result<Self> {
        let url =
            std::env::var("TEST_DATABASE_URL").context("set TEST_DATABASE_URL to an administrator's connection")?;
        let server =
            PgConnectOptions::from_str(&url).map_err(|_| anyhow::anyhow!("TEST_DATABASE_URL cannot be read"))?;
        ensure!(is_loopback(server.get_host()), "TEST_DATABASE_URL is not on loopback: the load would hit somebody");
        let suffix = Uuid::new_v4().simple().to_string();
        let (database, role) = (format!("license_bench_{suffix}"), format!("l_{suffix}"));
        let mut maintenance = server.connect().await?;
        maintenance.execute(AssertSqlSafe(format!("CREATE DATABASE {database}"))).await?;
        let options = server.database(&database);
        let admin = PgPoolOptions::new().max_connections(4).connect_lazy_with(options.clone());
        let password = password(&url).unwrap_or_default();
        Ok(Self { admin, options, password, database, role })
    }

    /// Runs a text.
    ///
    /// # Errors
    /// The database refused.
    pub(crate) async fn execute(&self, text: &str) -> anyhow::Result<()> {
        self.admin.execute(AssertSqlSafe(text.to_owned())).await?;
        Ok(())
    }

    /// The only number of a query.
    ///
    /// # Errors
    /// The database refused.
    pub(crate) async fn ask(&self, text: &str) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar(AssertSqlSafe(text.to_owned())).fetch_one(&self.admin).await?)
    }

    /// Removes database and role.
    ///
    /// # Errors
    /// The database refused.
    pub(crate) async fn remove(&self) -> anyhow::Result<()> {
        self.admin.close().await;
        let mut maintenance = self.options.clone().database("postgres").connect().await?;
        maintenance.execute(AssertSqlSafe(format!("DROP DATABASE {} WITH (FORCE)", self.database))).await?;
        maintenance.execute(AssertSqlSafe(format!("DROP ROLE IF EXISTS {}", self.role))).await?;
        Ok(())
    }
}

/// Whether a host is this machine by its address or its name.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The password of a URL, which the service's migration needs apart. The URLs of local stacks need no decoding.
fn password(url: &str) -> Option<String> {
    let (user, _) = url.split_once("://")?.1.rsplit_once('@')?;
    Some(user.split_once(':')?.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loaded() {
        for host in ["127.0.0.1", "::1", "localhost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "0.0.0.0", "db", "localhost.example", "::", "/run/postgresql", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn the_password_is_the_part_behind_the_user() {
        assert_eq!(password("postgres://a:b@127.0.0.1:1/c").as_deref(), Some("b"));
        assert_eq!(password("postgres://a@127.0.0.1:1/c"), None);
    }
}
