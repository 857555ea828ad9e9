//! How many domains stand where, for metrics.

use crate::db::{acquire, begin, commit};
use crate::error::StoreError;
use crate::sql;
use sqlx::PgPool;

/// Counts of one moment. Labels are closed sets: statuses, axes and reason codes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Domains by status.
    pub statuses: Vec<(String, u64)>,
    /// Domains by axis and reason of what is not good.
    pub reasons: Vec<(String, String, u64)>,
}

/// Counts the domains.
///
/// # Errors
/// See [`StoreError`].
pub async fn census(pool: &PgPool) -> Result<Census, StoreError> {
    let mut conn = acquire(pool).await?;
    let mut tx = begin(&mut conn).await?;
    let records = sql::CENSUS.plain().all(&mut tx).await?;
    commit(tx).await?;
    let mut census = Census::default();
    for record in &records {
        let (word, domains) = (record.field::<String>("word")?, record.count("domains")?);
        match record.field::<String>("kind")?.as_str() {
            "status" => census.statuses.push((word, domains)),
            _ => census.reasons.push((record.field("axis")?, word, domains)),
        }
    }
    Ok(census)
}
