//! How a transaction begins.

use super::error::{DbError, During as _};
use sqlx::{PgPool, Postgres, Transaction};

/// Begins a transaction. A caller that is dropped meanwhile leaves none open.
///
/// The driver (sqlx 0.9.0, `PgTransactionManager::begin`) knows of a transaction once the server has confirmed `BEGIN`. A
/// future that is dropped between sending and that confirmation ends nothing: its connection goes back to the pool inside a
/// transaction, and what others then do on it as one statement is committed by nobody and keeps its locks. So `BEGIN` is
/// waited for in a task of its own, which nobody drops: for a caller that is gone a whole [`Transaction`] is dropped, and
/// that rolls back. Statements by themselves and `COMMIT` need none of this: the first end at the server, and after the second
/// the driver still sends `ROLLBACK`. `clippy.toml` of this crate forbids every other way to begin.
///
/// # Errors
/// [`DbError::Unavailable`].
pub async fn begin(pool: &PgPool, during: &'static str) -> Result<Transaction<'static, Postgres>, DbError> {
    let pool = pool.clone();
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    let begun = tokio::spawn(async move { pool.begin().await });
    begun.await.map_err(|_| DbError::Unavailable { during, sqlstate: None })?.during(during)
}
