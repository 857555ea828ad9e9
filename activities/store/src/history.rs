//! The append-only history of each domain.

use crate::db::{bigint, micros};
use crate::error::StoreError;
use crate::{Settings, sql};
use sqlx::PgConnection;
use uuid::Uuid;

/// One entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) tenant: Uuid,
    pub(crate) id: Uuid,
    pub(crate) at_ms: i64,
    /// claimed, generation, status, removed or expired.
    pub(crate) event: &'static str,
    pub(crate) host: &'a str,
    pub(crate) status: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
    pub(crate) generation: u64,
}

/// What happens to an entry that says the same as the last one of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It is appended all the same.
    Keep,
    /// It is left out.
    Skip,
}

/// Appends an entry under this worker's build.
pub(crate) async fn append(
    conn: &mut PgConnection,
    settings: &Settings,
    entry: Entry<'_>,
    repeat: Repeat,
) -> Result<(), StoreError> {
    sql::APPEND_HISTORY
        .bind(entry.tenant)
        .bind(entry.id)
        .bind(micros(entry.at_ms))
        .bind(entry.event)
        .bind(entry.host)
        .bind(entry.status)
        .bind(entry.reason)
        .bind(entry.message)
        .bind(bigint(entry.generation))
        .bind(settings.run.worker_build.as_str())
        .bind(repeat == Repeat::Keep)
        .execute(conn)
        .await?;
    Ok(())
}
