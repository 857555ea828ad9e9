//! A credential on its way: kept encrypted until it is delivered, so that a repeat sends the same one, then forgotten.

use super::error::TenantError;
use super::ledger::{self, Entry};
use super::sql;
use crate::db::{self, commit, micros};
use model::tenant::names::ledger_key;
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use std::fmt;
use uuid::Uuid;

/// What a repeat of the first delivery is told, after a newer credential was delivered.
const REPLACED: &str = "another credential was delivered meanwhile";

/// A credential of one user.
pub struct StoredCredential<'a> {
    /// Id of the workflow that delivers it.
    pub origin_id: &'a str,
    /// The activity that delivers it.
    pub activity: &'static str,
    /// Tenant of the user.
    pub tenant: Uuid,
    /// The user.
    pub user: Uuid,
    /// The sealed text; empty for a link, which holds no secret.
    pub sealed: &'a str,
    /// `salt:hash`, where it is to be put in force in this transaction.
    pub hash: Option<&'a str>,
    /// Unix milliseconds.
    pub now_ms: i64,
    /// How many the user may have been given; `None` for the first one.
    pub at_most: Option<AtMost>,
}

/// A bound on the credentials of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtMost {
    /// The number.
    pub count: i64,
    /// Counted over this time before the credential's own, in milliseconds.
    pub window_ms: i64,
}

impl fmt::Debug for StoredCredential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredCredential")
            .field("tenant", &self.tenant)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl StoredCredential<'_> {
    /// Key of the ledger, of the mail, and of the seal.
    pub fn key(&self) -> String {
        ledger_key(self.origin_id, self.activity, &self.user.to_string())
    }
}

/// What became of a credential.
#[derive(Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It is on its way: this is what to send, kept since `since_ms`.
    Pending {
        /// The sealed text; empty for a link.
        sealed: String,
        /// Unix milliseconds.
        since_ms: i64,
    },
    /// The provider has accepted it.
    Delivered,
    /// It will not be delivered any more, and is forgotten.
    Closed {
        /// Why, as the first attempt was told.
        why: String,
    },
    /// The tenant has no such internal user any more: nothing was kept.
    NoUser,
    /// The user has been given as many as may be: nothing was kept.
    TooMany {
        /// How many.
        count: i64,
        /// When one more fits into the bound, in Unix milliseconds.
        next_ms: i64,
    },
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending { .. } => "Pending",
            Self::Delivered => "Delivered",
            Self::Closed { .. } => "Closed",
            Self::NoUser => "NoUser",
            Self::TooMany { .. } => "TooMany",
        })
    }
}

/// Keeps it, unless one is kept already; that one is the answer then.
pub(super) async fn keep(conn: &mut PgConnection, credential: &StoredCredential<'_>) -> Result<Delivery, TenantError> {
    let mut tx = db::begin(conn).await?;
    ledger::take_turn(&mut tx, turns(credential)).await?;
    let delivery = match sql::FIND_CREDENTIAL.bind(credential.key()).optional(&mut tx).await? {
        Some(record) if record.field::<bool>("delivered")? => Delivery::Delivered,
        Some(record) if record.field::<Option<String>>("closed")?.is_some() => {
            Delivery::Closed { why: record.field::<Option<String>>("closed")?.unwrap_or_default() }
        }
        Some(record) => Delivery::Pending {
            sealed: record.field::<Option<String>>("sealed")?.unwrap_or_default(),
            since_ms: record.millis("recorded_us")?,
        },
        None => {
            if let Some(refused) = too_many(&mut tx, credential).await? {
                commit(tx).await?;
                return Ok(refused);
            }
            let part = credential.user.to_string();
            let entry = Entry {
                origin_id: credential.origin_id,
                activity: credential.activity,
                part: &part,
                tenant: Some(credential.tenant),
                digest: ledger::digest(&json!({ "user": credential.user }), &[]),
                now_ms: credential.now_ms,
            };
            // A password that opens nothing must not be mailed.
            if put_in_force(&mut tx, credential).await? == 0 {
                commit(tx).await?;
                return Ok(Delivery::NoUser);
            }
            ledger::write(&mut tx, &entry, &json!({ "delivered": false })).await?;
            sql::SEAL_LEDGER.bind(credential.key()).bind(credential.sealed).execute(&mut tx).await?;
            Delivery::Pending { sealed: credential.sealed.to_owned(), since_ms: credential.now_ms }
        }
    };
    commit(tx).await?;
    Ok(delivery)
}

/// Those of one user take turns where they are counted, whatever run each belongs to.
fn turns(credential: &StoredCredential<'_>) -> Vec<String> {
    let mut turns = vec![credential.origin_id.to_owned()];
    turns.extend(credential.at_most.map(|_| format!("credentials {} {}", credential.tenant, credential.user)));
    turns
}

/// The refusal, when the user was given as many as may be. One more fits when the oldest of the newest ones leaves the window.
async fn too_many(conn: &mut PgConnection, credential: &StoredCredential<'_>) -> Result<Option<Delivery>, TenantError> {
    let Some(at_most) = credential.at_most else { return Ok(None) };
    let record = sql::COUNT_CREDENTIALS
        .bind(credential.tenant)
        .bind(credential.user.to_string())
        .bind(micros(credential.now_ms - at_most.window_ms))
        .bind(credential.activity)
        .bind(credential.key())
        .bind(i32::try_from(at_most.count).unwrap_or(i32::MAX))
        .one(conn)
        .await?;
    let count: i64 = record.field("count")?;
    let next_ms = record.millis("bound_us")? + at_most.window_ms;
    Ok((count >= at_most.count).then_some(Delivery::TooMany { count, next_ms }))
}

/// Forgets it, with the reason that a repeat is told.
pub(super) async fn close(
    conn: &mut PgConnection,
    credential: &StoredCredential<'_>,
    why: &str,
) -> Result<(), TenantError> {
    let mut tx = db::begin(conn).await?;
    ledger::take_turn(&mut tx, vec![credential.origin_id.to_owned()]).await?;
    let result = Json(json!({ "delivered": false, "closed": why }));
    sql::FORGET_CREDENTIAL.bind(credential.key()).bind(result).execute(&mut tx).await?;
    commit(tx).await?;
    Ok(())
}

/// Marks it as delivered and forgets it. With one that was asked for, the first one is forgotten too: its password no longer
/// opens anything.
pub(super) async fn delivered(conn: &mut PgConnection, credential: &StoredCredential<'_>) -> Result<(), TenantError> {
    let mut tx = db::begin(conn).await?;
    ledger::take_turn(&mut tx, vec![credential.origin_id.to_owned()]).await?;
    let first =
        sql::FORGET_CREDENTIAL.bind(credential.key()).bind(Json(json!({ "delivered": true }))).execute(&mut tx).await?;
    // Only the first report puts a hash in force: a later one must not undo a password that was changed meanwhile.
    if first == 1 {
        put_in_force(&mut tx, credential).await?;
        if credential.at_most.is_some() {
            sql::FORGET_FIRST
                .bind(credential.tenant)
                .bind(credential.user.to_string())
                .bind(Json(json!({ "delivered": false, "closed": REPLACED })))
                .execute(&mut tx)
                .await?;
        }
    }
    commit(tx).await?;
    Ok(())
}

/// Tells how many users have the password now; without a hash there is nothing to put in force, and that is done.
async fn put_in_force(conn: &mut PgConnection, credential: &StoredCredential<'_>) -> Result<u64, TenantError> {
    let Some(hash) = credential.hash else { return Ok(1) };
    let changed = sql::SET_PASSWORD
        .bind(credential.tenant)
        .bind(credential.user)
        .bind(hash)
        .bind(micros(credential.now_ms))
        .execute(conn)
        .await?;
    Ok(changed)
}
