//! The schema of the registry: migrations in both directions, and whether a database has them.

use super::error::{DbError, During as _};
use super::roles::{self, AppRole};
use rand::CryptoRng;
use serde::Serialize;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection as _, Executor as _, PgPool};

/// The table that remembers the applied migrations.
const TABLE: &str = "schema_migrations";

/// Why the schema could not be changed. Carries no SQL text and no values.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The name of the role is not `[a-z_][a-z0-9_]{0,62}`.
    #[error("cannot use this role name: lower-case letters, digits and underscores, at most 63")]
    RoleName,
    /// The password is empty or not printable ASCII.
    #[error("cannot use this password: it must be printable ASCII and not empty")]
    Password,
    /// More migrations should be undone than are applied.
    #[error("cannot undo {asked} migrations: {applied} are applied")]
    TooMany {
        /// How many should be undone.
        asked: usize,
        /// How many there are.
        applied: usize,
    },
    /// The list of applied migrations does not fit this build: a newer build was here, a file changed, or a try broke off.
    #[error("cannot migrate: {0}")]
    History(#[source] MigrateError),
    /// The database refused or is not available.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<MigrateError> for SchemaError {
    fn from(error: MigrateError) -> Self {
        if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = &error {
            return Self::Database(DbError::of("apply a migration", error));
        }
        Self::History(error)
    }
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrateReport {
    /// Versions that were applied now; for a revert, versions that were undone.
    pub changed: Vec<i64>,
    /// The newest applied version; `None` when there is none.
    pub version: Option<i64>,
    /// Whether the service's role was created now.
    pub role_created: bool,
}

/// Whether a database fits this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Every migration of this build is applied.
    Ready,
    /// `tenantry license-api migrate` has to run first.
    Behind,
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.dangerous_set_table_name(TABLE);
    migrator
}

/// The newest version that this build knows.
pub fn newest_version() -> i64 {
    migrator().iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Brings the schema and the service's role up to date. Safe to repeat, and to run by two processes at once.
///
/// `admin` is a direct connection (not through a transaction pooler: the lock belongs to the session) of a role that owns
/// the database and may create roles.
///
/// # Errors
/// See [`SchemaError`].
pub async fn migrate(admin: &PgPool, role: &AppRole, rng: &mut impl CryptoRng) -> Result<MigrateReport, SchemaError> {
    let before = applied(admin).await?;
    let mut conn = admin.acquire().await.during("reach the database")?;
    migrator().run(&mut *conn).await?;
    #[expect(clippy::disallowed_methods, reason = "a command ends with its process, and with that its connection")]
    let mut tx = conn.begin().await.during("begin")?;
    tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('tenantry licence role', 0))")
        .await
        .during("take the turn")?;
    let role_created = roles::ensure(&mut tx, role, rng).await?;
    tx.commit().await.during("commit")?;
    let after = applied(admin).await?;
    let changed = after.iter().copied().filter(|version| !before.contains(version)).collect();
    Ok(MigrateReport { changed, version: after.last().copied(), role_created })
}

/// Undoes the newest `count` migrations with everything that their tables hold. Roles stay.
///
/// # Errors
/// See [`SchemaError`].
pub async fn revert(admin: &PgPool, count: usize) -> Result<MigrateReport, SchemaError> {
    let before = applied(admin).await?;
    let keep = before.len().checked_sub(count).ok_or(SchemaError::TooMany { asked: count, applied: before.len() })?;
    let target = keep.checked_sub(1).and_then(|last| before.get(last)).copied().unwrap_or(0);
    let mut conn = admin.acquire().await.during("reach the database")?;
    if count > 0 {
        migrator().undo(&mut *conn, target).await?;
    }
    let after = applied(admin).await?;
    Ok(MigrateReport { changed: before[keep..].to_vec(), version: after.last().copied(), role_created: false })
}

async fn applied(pool: &PgPool) -> Result<Vec<i64>, DbError> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('public.schema_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await
        .during("look for the list of migrations")?;
    if !there {
        return Ok(Vec::new());
    }
    sqlx::query_scalar("SELECT version FROM schema_migrations WHERE success ORDER BY version")
        .fetch_all(pool)
        .await
        .during("read the list of migrations")
}

/// Tells whether the service can work on this database, with the rights of its own role.
///
/// # Errors
/// [`DbError`] when the database does not answer or the role may not even look.
pub async fn readiness(pool: &PgPool) -> Result<Readiness, DbError> {
    let applied = applied(pool).await?;
    Ok(if applied.contains(&newest_version()) { Readiness::Ready } else { Readiness::Behind })
}
