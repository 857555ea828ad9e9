//! The way to PostgreSQL: pool options, statements without names, and transactions with an end.
//!
//! A transaction pooler in between carries no named statement and no session state, so every statement is unnamed and
//! stands inside BEGIN … COMMIT.

use crate::error::StoreError;
use crate::sql::Statement;
use prometheus::{Histogram, HistogramOpts};
use sqlx::encode::Encode;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::types::Type;
use sqlx::{AssertSqlSafe, ConnectOptions, Postgres, Row};
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tokio::time::error::Elapsed;
use uuid::Uuid;

/// Longest wait for a connection (`DB_POOL_ACQUIRE_TIMEOUT`, 10 s).
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest transaction of one activity: below the 5 s of a short step, so that no try goes on behind the next one, holding
/// the tenant's turn.
pub(crate) const WORK_TIMEOUT: Duration = Duration::from_secs(4);
/// Longest wait for a rollback; then the connection is thrown away, which ends its transaction too.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads a connection URL and adds what this crate needs: no named statements, no `extra_float_digits` in the start-up
/// packet (transaction poolers refuse it), and no logging of statements.
///
/// # Errors
/// `STORE_REJECTED` when the URL cannot be read. The URL holds a password and is not repeated.
pub fn connect_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Unreadable { what: "the database URL" })?;
    Ok(prepare_options(options))
}

/// The same for options that were put together from `DB_*`.
pub fn prepare_options(options: PgConnectOptions) -> PgConnectOptions {
    options
        .extra_float_digits(None)
        .statement_cache_capacity(0)
        .application_name("tenantry")
        .disable_statement_logging()
}

/// A pool that connects at its first use, so that a process starts while its database is away.
pub fn pool(options: PgConnectOptions, max_connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(prepare_options(options))
}

impl Statement {
    /// Starts an unnamed statement with its first parameter.
    pub(crate) fn bind<'t, T: Encode<'t, Postgres> + Type<Postgres>>(self, value: T) -> Bound {
        Bound { query: sqlx::query(self.text).persistent(false), statement: self }.bind(value)
    }

    /// Starts an unnamed statement without parameters.
    pub(crate) fn plain(self) -> Bound {
        Bound { query: sqlx::query(self.text).persistent(false), statement: self }
    }
}

/// A statement with its parameters.
pub(crate) struct Bound {
    statement: Statement,
    query: Query<'static, Postgres, PgArguments>,
}

impl Bound {
    pub(crate) fn bind<'t, T: Encode<'t, Postgres> + Type<Postgres>>(mut self, value: T) -> Self {
        self.query = self.query.bind(value);
        self
    }

    /// Runs it and says how many rows it changed.
    pub(crate) async fn execute(self, conn: &mut PgConnection) -> Result<u64, StoreError> {
        let done = self.query.execute(conn).await.map_err(|error| StoreError::of(self.statement, &error))?;
        Ok(done.rows_affected())
    }

    /// Runs it and reads its only row.
    pub(crate) async fn one(self, conn: &mut PgConnection) -> Result<Record, StoreError> {
        let row = self.query.fetch_one(conn).await.map_err(|error| StoreError::of(self.statement, &error))?;
        Ok(Record { statement: self.statement, row })
    }

    /// Runs it and reads its first row, if there is one.
    pub(crate) async fn optional(self, conn: &mut PgConnection) -> Result<Option<Record>, StoreError> {
        let row = self.query.fetch_optional(conn).await.map_err(|error| StoreError::of(self.statement, &error))?;
        Ok(row.map(|row| Record { statement: self.statement, row }))
    }

    /// Runs it and reads every row.
    pub(crate) async fn all(self, conn: &mut PgConnection) -> Result<Vec<Record>, StoreError> {
        let rows = self.query.fetch_all(conn).await.map_err(|error| StoreError::of(self.statement, &error))?;
        Ok(rows.into_iter().map(|row| Record { statement: self.statement, row }).collect())
    }
}

/// One row of an answer.
pub(crate) struct Record {
    statement: Statement,
    row: PgRow,
}

impl Record {
    /// Reads a column by its name.
    pub(crate) fn field<'r, T: sqlx::Decode<'r, Postgres> + Type<Postgres>>(
        &'r self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|error| StoreError::of(self.statement, &error))
    }

    /// Reads a column that never holds a negative number: a generation, a fence or a count.
    pub(crate) fn count(&self, column: &'static str) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.field::<i64>(column)?).unwrap_or(0))
    }

    /// Reads an instant in microseconds as milliseconds; NULL is 0.
    pub(crate) fn millis(&self, column: &'static str) -> Result<i64, StoreError> {
        Ok(self.field::<Option<i64>>(column)?.filter(|us| *us >= 0).map_or(0, |us| us / 1000))
    }
}

/// Waits for a connection, of every pool of this process: one process has one.
static POOL_WAIT: LazyLock<Histogram> = LazyLock::new(|| {
    let options = HistogramOpts::new(
        "tenantry_database_pool_wait_seconds",
        "Time that a piece of work waited for a connection. Act when it nears DB_POOL_ACQUIRE_TIMEOUT: the pool is too small, or \
         the database away.",
    );
    // From an idle connection (microseconds) to the default limit of 10 s.
    let buckets = vec![0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0];
    Histogram::with_opts(options.buckets(buckets)).expect("the name and the buckets are valid")
});

/// The histogram of waits for a connection, for whoever shows metrics.
pub fn pool_wait() -> Histogram {
    POOL_WAIT.clone()
}

/// Takes a connection of the pool.
pub(crate) async fn acquire(pool: &PgPool) -> Result<PoolConnection<Postgres>, StoreError> {
    let begun = Instant::now();
    let taken = pool.acquire().await;
    POOL_WAIT.observe(begun.elapsed().as_secs_f64());
    taken.map_err(|error| StoreError::during("reach the database", &error))
}

/// Ends one piece of work, and throws its connection away when the server behind it cannot be used: after a fail-over an
/// old connection still leads to the read-only server, and a retry must not meet it again.
pub(crate) async fn settle<T>(
    during: &'static str,
    mut conn: PoolConnection<Postgres>,
    answer: Result<Result<T, StoreError>, Elapsed>,
) -> Result<T, StoreError> {
    let answer = answer.unwrap_or_else(|_| Err(StoreError::timed_out(during)));
    if let Err(error) = &answer {
        tracing::warn!(failure = error.type_name(), "store: {error}");
        match error.poisons() {
            true => conn.close_on_drop(),
            false => roll_back(conn).await,
        }
    }
    answer
}

/// Waits until the server has rolled back what was dropped, so that no lock outlives the answer.
///
/// The driver only queues the ROLLBACK of a dropped transaction; it is sent with the connection's next use, or by a task
/// some time after the connection went back to the pool. Until then a retry waits for the locks of its own forerunner, and
/// a statement with SKIP LOCKED passes over its rows.
pub(crate) async fn roll_back(mut conn: PoolConnection<Postgres>) {
    let flushed = tokio::time::timeout(ROLLBACK_TIMEOUT, sqlx::Connection::ping(&mut *conn)).await;
    if !matches!(flushed, Ok(Ok(()))) {
        conn.close_on_drop();
    }
}

/// Starts a transaction. An answer ends it with [`commit`], also where nothing was written; an error leaves it to
/// [`roll_back`].
pub(crate) async fn begin(conn: &mut PgConnection) -> Result<sqlx::Transaction<'_, Postgres>, StoreError> {
    sqlx::Connection::begin(conn).await.map_err(|error| StoreError::during("begin", &error))
}

/// Starts a transaction in which this is the only writer for a tenant, until it ends. Both words go to the server at once.
pub(crate) async fn begin_turn(
    conn: &mut PgConnection,
    tenant: Uuid,
) -> Result<sqlx::Transaction<'_, Postgres>, StoreError> {
    // A UUID is hexadecimal digits and dashes, so nothing in it can end the text.
    let words = format!("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('tenantry:{tenant}', 0))");
    let tx = sqlx::Connection::begin_with(conn, AssertSqlSafe(words)).await;
    tx.map_err(|error| StoreError::during("take the tenant's turn", &error))
}

/// Ends a transaction.
pub(crate) async fn commit(tx: sqlx::Transaction<'_, Postgres>) -> Result<(), StoreError> {
    tx.commit().await.map_err(|error| StoreError::during("commit", &error))
}

/// Unix microseconds of Unix milliseconds.
pub(crate) const fn micros(millis: i64) -> i64 {
    millis.saturating_mul(1000)
}

/// A number of the wire as PostgreSQL's bigint.
pub(crate) fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
