//! The schema `tenantry`: migrations in both directions, and whether a database has them.

use crate::error::StoreError;
use crate::roles::{self, Roles};
use crate::{db, sql};
use serde::Serialize;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, Executor, PgPool};

/// The table that remembers the applied migrations. In our own schema, because `public` is the product's.
const TABLE: &str = "tenantry.schema_migrations";

/// Why the schema could not be changed. Carries no SQL text and no values.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The product's table `portal_domains` is not there: its migrations come first, and it is not ours to create.
    #[error("cannot migrate a database without the product's tables tenants and portal_domains")]
    ProductMissing,
    /// The name of a role is not `[a-z_][a-z0-9_]{0,62}`.
    #[error("cannot use this role name: lower-case letters, digits and underscores, at most 63")]
    RoleName,
    /// A password is empty or not printable ASCII.
    #[error("cannot use this password: it must be printable ASCII and not empty")]
    Password,
    /// The list of applied migrations does not fit this build: a newer build was here, a file changed, or a try broke off.
    #[error("cannot migrate: {0}")]
    History(#[source] MigrateError),
    /// The database refused or is not available.
    #[error(transparent)]
    Database(#[from] StoreError),
}

impl SchemaError {
    pub(crate) fn database(during: &'static str, error: &sqlx::Error) -> Self {
        Self::Database(StoreError::during(during, error))
    }

    fn migration(error: MigrateError) -> Self {
        if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = &error {
            return Self::database("apply a migration", error);
        }
        Self::History(error)
    }
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Versions that were applied now; for a revert, versions that were undone.
    pub changed: Vec<i64>,
    /// The newest applied version; `None` after a full revert.
    pub version: Option<i64>,
    /// Roles that were created now; for a revert, roles that were dropped.
    pub roles: Vec<String>,
}

/// Whether a database fits this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Every migration of this build is applied.
    Ready,
    /// `tenantry migrate` has to run first.
    Behind,
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.create_schema("tenantry");
    migrator.dangerous_set_table_name(TABLE);
    migrator
}

/// The newest version that this build knows.
pub fn newest_version() -> i64 {
    migrator().iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Brings the schema and the roles up to date. Safe to repeat, and to run by two processes at once.
///
/// `admin` is a direct connection (not through a transaction pooler: the lock belongs to the session) of a role that may
/// create schemas and roles and grant on the product's tables.
///
/// # Errors
/// See [`SchemaError`].
pub async fn migrate(admin: &PgPool, roles: &Roles) -> Result<Report, SchemaError> {
    let mut conn = db::acquire(admin).await?;
    let product: bool = sqlx::query_scalar(
        "SELECT to_regclass('public.portal_domains') IS NOT NULL AND to_regclass('public.tenants') IS NOT NULL",
    )
    .persistent(false)
    .fetch_one(&mut *conn)
    .await
    .map_err(|error| SchemaError::database("look for the product's tables", &error))?;
    if !product {
        return Err(SchemaError::ProductMissing);
    }
    let before = applied(admin).await?;
    migrator().run(&mut *conn).await.map_err(SchemaError::migration)?;
    let mut tx = conn.begin().await.map_err(|error| SchemaError::database("begin", &error))?;
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('tenantry roles', 0))")
        .await
        .map_err(|error| SchemaError::database("take the turn", &error))?;
    let created = roles::ensure_both(&mut tx, roles).await?;
    tx.commit().await.map_err(|error| SchemaError::database("commit", &error))?;
    let after = applied(admin).await?;
    let changed = after.iter().copied().filter(|version| !before.contains(version)).collect();
    Ok(Report { changed, version: after.last().copied(), roles: created })
}

/// Takes everything of ours out of the database again: tables, schema, rights, and the roles where no other database of the
/// server uses them. The product's tables keep every row and every column.
///
/// # Errors
/// See [`SchemaError`].
pub async fn revert(admin: &PgPool, roles: &Roles) -> Result<Report, SchemaError> {
    let before = applied(admin).await?;
    let mut conn = db::acquire(admin).await?;
    if !before.is_empty() {
        migrator().undo(&mut *conn, 0).await.map_err(SchemaError::migration)?;
    }
    let mut tx = conn.begin().await.map_err(|error| SchemaError::database("begin", &error))?;
    for text in ["DROP TABLE IF EXISTS tenantry.schema_migrations", "DROP SCHEMA IF EXISTS tenantry"] {
        tx.execute(text).await.map_err(|error| SchemaError::database("drop the schema", &error))?;
    }
    for role in [&roles.worker, &roles.responder] {
        roles::withdraw(&mut tx, role).await?;
    }
    tx.commit().await.map_err(|error| SchemaError::database("commit", &error))?;
    let mut dropped = Vec::new();
    for role in [&roles.worker, &roles.responder] {
        if roles::exists(&mut conn, role).await? && roles::drop(&mut conn, role).await? {
            dropped.push(role.name().to_owned());
        }
    }
    Ok(Report { changed: before, version: None, roles: dropped })
}

async fn applied(pool: &PgPool) -> Result<Vec<i64>, StoreError> {
    let mut conn = db::acquire(pool).await?;
    // A transaction, so that a pooler in between keeps one server for the two halves of each statement.
    let mut tx = db::begin(&mut conn).await?;
    let there: bool = sqlx::query_scalar("SELECT to_regclass('tenantry.schema_migrations') IS NOT NULL")
        .persistent(false)
        .fetch_one(&mut *tx)
        .await
        .map_err(|error| StoreError::of(sql::APPLIED, &error))?;
    let records = if there { sql::APPLIED.plain().all(&mut tx).await? } else { Vec::new() };
    db::commit(tx).await?;
    records.iter().map(|record| record.field("version")).collect()
}

/// Tells whether the worker can work on this database. For the readiness endpoint: a worker is not ready before
/// `tenantry migrate`.
///
/// # Errors
/// `STORE_UNAVAILABLE`, or `STORE_REJECTED` when the role may not even look.
pub async fn readiness(pool: &PgPool) -> Result<Readiness, StoreError> {
    let applied = applied(pool).await?;
    Ok(if applied.contains(&newest_version()) { Readiness::Ready } else { Readiness::Behind })
}
