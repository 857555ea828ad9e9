//! An installed appliance: the application's row `license_state`, our own rows beside it, and the Secret second.

use super::{CheckedIn, Grant, Installation, InstallationError, LICENSE_ROW, NO_TABLE, Standing};
use crate::ids::existing_appliance_id;
use crate::secrets::{self, SecretStore};
use crate::wire::RequireLicense;
use async_trait::async_trait;
use model::license::edition::EditionChoice;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Postgres, Row as _, Transaction};
use std::fmt;
use std::sync::Arc;

/// Two rows are enough to know that there is more than one.
const STATE: &str = "SELECT license_token, appliance_id, check_in_url, appliance_credential,
    extract(epoch FROM last_checkin_at)::bigint AS last_check_in FROM license_state LIMIT 2";

const TENANTS: &str = "SELECT tenant FROM tenants LIMIT 2";

const OWN: &str = "SELECT
    coalesce((SELECT highest FROM tenantry.license_clock), 0) AS highest,
    (SELECT statement FROM tenantry.license_keyset) AS keyset";

/// The row is taken before anything is decided, so that a second writer waits.
const LOCK: &str = "SELECT appliance_credential, license_token FROM license_state LIMIT 2 FOR UPDATE";

const GRANT: &str = "UPDATE license_state SET edition_choice = $1, license_token = $2, appliance_id = $3,
    check_in_url = $4, appliance_credential = $5, updated_at = now()";

const APPLY: &str = "UPDATE license_state SET edition_choice = $1, license_token = $2, updated_at = now()";

/// `updated_at` moves only with the licence; every successful check-in moves its own time.
const CHECKED_IN: &str = "UPDATE license_state SET license_token = coalesce($1, license_token),
    updated_at = CASE WHEN $1 IS NULL THEN updated_at ELSE now() END, last_checkin_at = to_timestamp($2)";

const RAISE_TIME: &str = "INSERT INTO tenantry.license_clock (highest) VALUES ($1)
    ON CONFLICT (one) DO UPDATE SET highest = greatest(license_clock.highest, excluded.highest)";

const SET_TIME: &str = "INSERT INTO tenantry.license_clock (highest) VALUES ($1)
    ON CONFLICT (one) DO UPDATE SET highest = excluded.highest";

const SET_KEYSET: &str = "INSERT INTO tenantry.license_keyset (statement) VALUES ($1)
    ON CONFLICT (one) DO UPDATE SET statement = excluded.statement";

/// An installed appliance. It acts only while there is exactly one row of licence state and exactly one tenant: no row means
/// "hosted" to the application, and two rows would leave the choice to chance. Rows are never made or deleted.
#[derive(Clone)]
pub struct Installed {
    pool: PgPool,
    secrets: Arc<dyn SecretStore>,
}

impl fmt::Debug for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installed").finish_non_exhaustive()
    }
}

impl Installed {
    /// Works on this database and these Secrets.
    pub fn new(pool: PgPool, secrets: Arc<dyn SecretStore>) -> Self {
        Self { pool, secrets }
    }

    /// Begins a transaction that holds the one row, and gives what it says.
    async fn locked(&self) -> Result<(Transaction<'_, Postgres>, PgRow), InstallationError> {
        let mut tx = self.pool.begin().await?;
        let rows = sqlx::query(LOCK).persistent(false).fetch_all(&mut *tx).await?;
        let row = one(rows, LICENSE_ROW)?;
        Ok((tx, row))
    }
}

#[async_trait]
impl Installation for Installed {
    fn require_license(&self) -> RequireLicense {
        RequireLicense::Yes
    }

    fn has_database(&self) -> bool {
        true
    }

    async fn standing(&self) -> Result<Standing, InstallationError> {
        let mut tx = self.pool.begin().await?;
        let state = sqlx::query(STATE).persistent(false).fetch_all(&mut *tx).await.map_err(hosted)?;
        let state = one(state, LICENSE_ROW)?;
        let tenant = one(sqlx::query(TENANTS).persistent(false).fetch_all(&mut *tx).await?, "tenant")?;
        let own = sqlx::query(OWN).persistent(false).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        let appliance_id = text(&state, "appliance_id")?.map(|id| existing_appliance_id(&id)).transpose()?;
        Ok(Standing {
            tenant: Some(tenant.try_get("tenant")?),
            appliance_id,
            credential: text(&state, "appliance_credential")?.map(SecretString::from),
            token: text(&state, "license_token")?.map(SecretString::from),
            check_in_url: text(&state, "check_in_url")?,
            highest: own.try_get("highest")?,
            keyset: own.try_get("keyset")?,
            last_check_in: state.try_get("last_check_in")?,
        })
    }

    async fn remember_time(&self, highest: i64) -> Result<(), InstallationError> {
        let mut tx = self.pool.begin().await?;
        write(sqlx::query(RAISE_TIME).bind(highest), &mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn set_time(&self, highest: i64) -> Result<(), InstallationError> {
        let mut tx = self.pool.begin().await?;
        write(sqlx::query(SET_TIME).bind(highest), &mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn remember_keyset(&self, statement: &str) -> Result<(), InstallationError> {
        let mut tx = self.pool.begin().await?;
        write(sqlx::query(SET_KEYSET).bind(statement), &mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn grant_in_database(&self, grant: &Grant<'_>) -> Result<(), InstallationError> {
        let paid = grant.answer.paid.as_ref();
        let (mut tx, _) = self.locked().await?;
        let statement = sqlx::query(GRANT)
            .bind(EditionChoice::Ee.as_str())
            .bind(paid.map(|paid| paid.token.expose_secret()))
            .bind(grant.appliance_id.as_str())
            .bind(paid.map(|paid| paid.check_in_url.as_str()))
            .bind(paid.map(|paid| paid.credential.expose_secret()));
        write_one(statement, &mut tx).await?;
        write(sqlx::query(RAISE_TIME).bind(grant.highest), &mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn grant_in_secrets(&self, grant: &Grant<'_>) -> Result<(), InstallationError> {
        Ok(secrets::write_seed(&*self.secrets, grant.appliance_id, grant.answer).await?)
    }

    async fn apply(&self, token: &SecretString, highest: i64) -> Result<(), InstallationError> {
        let (mut tx, _) = self.locked().await?;
        let statement = sqlx::query(APPLY).bind(EditionChoice::Ee.as_str()).bind(token.expose_secret());
        write_one(statement, &mut tx).await?;
        write(sqlx::query(RAISE_TIME).bind(highest), &mut tx).await?;
        tx.commit().await?;
        Ok(secrets::write_token(&*self.secrets, token).await?)
    }

    async fn checked_in(&self, change: &CheckedIn) -> Result<(), InstallationError> {
        let (mut tx, row) = self.locked().await?;
        let (credential, previous) = (text(&row, "appliance_credential")?, text(&row, "license_token")?);
        let same_credential = credential.as_deref() == Some(change.credential.expose_secret());
        let same_token = previous.as_deref() == change.previous.as_ref().map(ExposeSecret::expose_secret);
        if !same_credential || !same_token {
            return Err(InstallationError::Changed);
        }
        let token = change.token.as_ref().map(ExposeSecret::expose_secret);
        // PostgreSQL takes seconds as a double; unix seconds of this age are exact in one.
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
        let statement = sqlx::query(CHECKED_IN).bind(token).bind(change.at as f64);
        write_one(statement, &mut tx).await?;
        write(sqlx::query(SET_TIME).bind(change.highest), &mut tx).await?;
        if let Some(keyset) = &change.keyset {
            write(sqlx::query(SET_KEYSET).bind(keyset), &mut tx).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// SQLSTATE of a table that is not there.
const UNDEFINED_TABLE: &str = "42P01";

/// A hosted installation has no table of licence state, which says the same as no row.
fn hosted(error: sqlx::Error) -> InstallationError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    match code.as_deref() {
        Some(UNDEFINED_TABLE) => InstallationError::Missing(NO_TABLE),
        _ => error.into(),
    }
}

type Statement<'q> = sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments>;

async fn write(statement: Statement<'_>, conn: &mut PgConnection) -> Result<u64, InstallationError> {
    Ok(statement.persistent(false).execute(conn).await?.rows_affected())
}

async fn write_one(statement: Statement<'_>, conn: &mut PgConnection) -> Result<(), InstallationError> {
    match write(statement, conn).await? {
        1 => Ok(()),
        0 => Err(InstallationError::Missing("row of licence state")),
        _ => Err(InstallationError::Duplicate("row of licence state")),
    }
}

fn one(rows: Vec<PgRow>, what: &'static str) -> Result<PgRow, InstallationError> {
    let mut rows = rows.into_iter();
    match (rows.next(), rows.next()) {
        (Some(row), None) => Ok(row),
        (None, _) => Err(InstallationError::Missing(what)),
        (Some(_), Some(_)) => Err(InstallationError::Duplicate(what)),
    }
}

/// A column that may be NULL or empty, which means the same.
fn text(row: &PgRow, column: &'static str) -> Result<Option<String>, InstallationError> {
    Ok(row.try_get::<Option<String>, _>(column)?.filter(|text| !text.is_empty()))
}
