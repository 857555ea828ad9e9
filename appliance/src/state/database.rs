//! State in the application's database, sealed, for the installed appliance.

use super::{Record, RedemptionState, StateError, form};
use async_trait::async_trait;
use credentials::{Sealed, SealingKeys, system_random};
use secrecy::ExposeSecret;
use sqlx::{PgPool, Row as _};
use std::sync::Arc;

/// What the seal belongs to: it does not open in another place.
const PLACE: &[u8] = b"license_redemption";

const READ: &str = "SELECT sealed, revision FROM tenantry.license_redemption";

const FIRST: &str = "INSERT INTO tenantry.license_redemption (stage, sealed, revision) VALUES ($1, $2, 1)
    ON CONFLICT (one) DO NOTHING";

const NEXT: &str = "UPDATE tenantry.license_redemption
    SET stage = $1, sealed = $2, revision = revision + 1, updated_at = now() WHERE revision = $3";

/// State in `tenantry.license_redemption`. Two processes that work on it at once are told apart by the row's revision: the
/// second one's save is refused as [`StateError::Busy`].
#[derive(Debug)]
pub struct DatabaseState {
    pool: PgPool,
    keys: Arc<SealingKeys>,
    /// Of the row that was read or written last; 0: there was none.
    revision: i64,
}

impl DatabaseState {
    /// Works on this pool; `keys` seal and open.
    pub const fn new(pool: PgPool, keys: Arc<SealingKeys>) -> Self {
        Self { pool, keys, revision: 0 }
    }
}

#[async_trait]
impl RedemptionState for DatabaseState {
    async fn load(&mut self) -> Result<Option<Record>, StateError> {
        let row = sqlx::query(READ).persistent(false).fetch_optional(&self.pool).await.map_err(StateError::Database)?;
        let Some(row) = row else {
            self.revision = 0;
            return Ok(None);
        };
        let sealed: String = row.try_get("sealed").map_err(StateError::Database)?;
        self.revision = row.try_get("revision").map_err(StateError::Database)?;
        let sealed = Sealed::parse(&sealed).map_err(|_| StateError::Garbage)?;
        let bytes = self.keys.open(&sealed, PLACE).map_err(StateError::Sealed)?;
        form::read(bytes.expose_secret()).map(Some)
    }

    async fn save(&mut self, record: &Record) -> Result<(), StateError> {
        let sealed = self.keys.seal(&form::write(record), PLACE, &mut system_random()).to_string();
        let stage = record.redemption.as_ref().map_or("named", |redemption| redemption.stage.as_str());
        let statement = match self.revision {
            0 => sqlx::query(FIRST).bind(stage).bind(sealed),
            revision => sqlx::query(NEXT).bind(stage).bind(sealed).bind(revision),
        };
        let done = statement.persistent(false).execute(&self.pool).await.map_err(StateError::Database)?;
        if done.rows_affected() != 1 {
            return Err(StateError::Busy);
        }
        self.revision += 1;
        Ok(())
    }
}
