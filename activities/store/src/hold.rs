//! The hold of all removals: too many rows vanished at once for tenants to have left.

use crate::db::{acquire, begin, commit, micros};
use crate::error::StoreError;
use crate::sql;
use model::portal::removal::{WAVE_FLEET_COUNTED, WAVE_ROWS, WAVE_WINDOW_MS, is_wave};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

/// One hold. Times are Unix microseconds, -1 for none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovalHold {
    /// When removals stopped.
    pub began_us: i64,
    /// Rows that had vanished within the hour before, counted up to a few above the limit.
    pub vanished: u64,
    /// Open claims then, counted up to 501.
    pub fleet: u64,
    /// When an operator let removals go on; -1 while they are held.
    pub released_us: i64,
    /// Who did.
    pub released_by: String,
    /// Why.
    pub note: String,
}

/// Since when removals are held, in milliseconds; 0 when they are not. Begins a hold when the rows that vanished are a wave.
/// Asked only where a removal is about to begin: the row is disabled, or gone.
pub(crate) async fn held_since(conn: &mut PgConnection, now_ms: i64) -> Result<i64, StoreError> {
    let counted = |limit: u64| i64::try_from(limit).unwrap_or(i64::MAX);
    let read = sql::READ_HOLD
        .bind(micros(now_ms - WAVE_WINDOW_MS))
        .bind(counted(WAVE_ROWS + 1))
        .bind(counted(WAVE_FLEET_COUNTED))
        .one(conn)
        .await?;
    let held = read.millis("held_us")?;
    let (vanished, fleet) = (read.count("vanished")?, read.count("fleet")?);
    if held > 0 || !is_wave(vanished, fleet) {
        return Ok(held);
    }
    let hold = sql::HOLD_REMOVALS.bind(micros(now_ms)).bind(counted(vanished)).bind(counted(fleet));
    if hold.execute(conn).await? == 1 {
        tracing::error!(
            vanished,
            fleet,
            "rows of portal domains vanished in a wave: all removals are held. Find the cause, then `tenantry domain removals`"
        );
    }
    Ok(now_ms)
}

/// The newest holds, newest first.
///
/// # Errors
/// See [`StoreError`].
pub async fn removal_holds(pool: &PgPool, limit: u32) -> Result<Vec<RemovalHold>, StoreError> {
    let mut conn = acquire(pool).await?;
    let mut tx = begin(&mut conn).await?;
    let records = sql::LIST_HOLDS.bind(i64::from(limit)).all(&mut tx).await?;
    commit(tx).await?;
    let read = |record: &crate::db::Record| {
        Ok(RemovalHold {
            began_us: record.field("began_us")?,
            vanished: record.count("vanished")?,
            fleet: record.count("fleet")?,
            released_us: record.field::<Option<i64>>("released_us")?.unwrap_or(-1),
            released_by: record.field("released_by")?,
            note: record.field("note")?,
        })
    };
    records.iter().map(read).collect()
}

/// Lets removals go on; `false` when none were held.
///
/// # Errors
/// See [`StoreError`].
pub async fn release_removals(pool: &PgPool, by: &str, note: &str, now_ms: i64) -> Result<bool, StoreError> {
    let mut conn = acquire(pool).await?;
    let mut tx = begin(&mut conn).await?;
    let released = sql::RELEASE_REMOVALS.bind(micros(now_ms)).bind(by).bind(note).execute(&mut tx).await? > 0;
    commit(tx).await?;
    Ok(released)
}
