//! Answers that nobody can ask for any more.

use crate::db::{DbError, During as _};
use sqlx::PgPool;

/// In portions, so that no statement runs long and no lock is held long.
const SWEEP: &str = "UPDATE code_redemptions SET sealed_answer = NULL WHERE id IN (\
                     SELECT id FROM code_redemptions WHERE sealed_answer IS NOT NULL AND replay_until <= now() \
                     ORDER BY replay_until LIMIT 500 FOR UPDATE SKIP LOCKED)";

/// Erases sealed answers whose `replay_until` has passed (licensing contract, section 15), at most 500 at once. Returns how
/// many.
///
/// # Errors
/// [`DbError`].
pub async fn sweep(pool: &PgPool) -> Result<u64, DbError> {
    let done = sqlx::query(SWEEP).execute(pool).await.during("erase old answers")?;
    Ok(done.rows_affected())
}
