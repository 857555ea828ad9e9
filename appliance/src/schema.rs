//! The appliance's own tables in the application's database.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Executor as _, PgPool};

/// The table that remembers the applied migrations. Apart from that of other parts, because versions belong to one list.
const TABLE: &str = "tenantry.license_migrations";

/// What the worker may do, and on which tables. The store's migration takes all rights away first and gives its own again, so
/// these follow it every time. `license_state` is the application's: rows are never made or deleted there.
const RIGHTS: [(&str, &str); 6] = [
    ("SELECT, INSERT, UPDATE", "tenantry.license_redemption"),
    ("SELECT, INSERT, UPDATE", "tenantry.license_clock"),
    ("SELECT, INSERT, UPDATE", "tenantry.license_keyset"),
    ("SELECT, UPDATE", "public.license_state"),
    ("SELECT (tenant)", "public.tenants"),
    ("SELECT", TABLE),
];

/// Why the tables could not be made. Carries no SQL text.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The name of the role would have to be quoted.
    #[error("cannot use this role name: lower-case letters, digits and underscores, at most 63")]
    RoleName,
    /// A migration failed, or a newer build was here.
    #[error("could not migrate the licence tables")]
    Migration(#[from] MigrateError),
    /// The database refused or is not available.
    #[error("could not migrate the licence tables")]
    Database(#[from] sqlx::Error),
}

/// What became of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Migrated {
    /// Every table is there; these versions were applied now, or undone.
    Changed(Vec<i64>),
    /// The database has no `license_state`, or no `tenants`: no licence is kept here, and nothing was changed.
    NoLicences,
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.create_schema("tenantry");
    migrator.dangerous_set_table_name(TABLE);
    migrator
}

/// Makes the tables and gives `worker_role` its rights. Safe to repeat. `admin` is a direct connection of a role that may
/// create schemas and grant on the application's tables; the role exists.
///
/// A database without the application's `license_state` is left alone: the tables are the application's to make, and an older
/// one has none.
///
/// # Errors
/// See [`SchemaError`].
pub async fn migrate(admin: &PgPool, worker_role: &str) -> Result<Migrated, SchemaError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !(1..=63).contains(&worker_role.len()) || !worker_role.bytes().all(plain) {
        return Err(SchemaError::RoleName);
    }
    let there: bool = sqlx::query_scalar(
        "SELECT to_regclass('public.license_state') IS NOT NULL AND to_regclass('public.tenants') IS NOT NULL",
    )
    .fetch_one(admin)
    .await?;
    if !there {
        return Ok(Migrated::NoLicences);
    }
    let before = applied(admin).await?;
    migrator().run(admin).await?;
    let mut changed = applied(admin).await?;
    changed.retain(|version| !before.contains(version));
    let mut tx = admin.begin().await?;
    let schema = format!("GRANT USAGE ON SCHEMA tenantry TO \"{worker_role}\"");
    tx.execute(AssertSqlSafe(schema)).await?;
    for (rights, table) in RIGHTS {
        let grant = format!("GRANT {rights} ON {table} TO \"{worker_role}\"");
        tx.execute(AssertSqlSafe(grant)).await?;
    }
    tx.commit().await?;
    Ok(Migrated::Changed(changed))
}

/// Takes the tables out again, where they are. The application's row keeps every column; the worker's rights on the
/// application's tables are the store's to take back.
///
/// # Errors
/// See [`SchemaError`].
pub async fn revert(admin: &PgPool) -> Result<Migrated, SchemaError> {
    let before = applied(admin).await?;
    if before.is_empty() {
        return Ok(Migrated::NoLicences);
    }
    migrator().undo(admin, 0).await?;
    admin.execute(AssertSqlSafe(format!("DROP TABLE IF EXISTS {TABLE}"))).await?;
    Ok(Migrated::Changed(before))
}

/// The applied versions, in their order.
async fn applied(admin: &PgPool) -> Result<Vec<i64>, sqlx::Error> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(TABLE).fetch_one(admin).await?;
    if !there {
        return Ok(Vec::new());
    }
    let list = format!("SELECT version FROM {TABLE} WHERE success ORDER BY version");
    sqlx::query_scalar(AssertSqlSafe(list)).fetch_all(admin).await
}
