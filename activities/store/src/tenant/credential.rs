//! A credential on its way: kept encrypted until it is delivered, so that a repeat sends the same one, then forgotten.

use super::error::TenantError;
use super::ledger::{self, Entry};
use super::sql;
use crate::db::{self, commit, micros};
use model::tenant::failure::FailureType;
use model::tenant::names::ledger_key;
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use std::fmt;
use uuid::Uuid;

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
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending { .. } => "Pending",
            Self::Delivered => "Delivered",
        })
    }
}

/// Keeps it, unless one is kept already; that one is the answer then.
pub(super) async fn keep(conn: &mut PgConnection, credential: &StoredCredential<'_>) -> Result<Delivery, TenantError> {
    let mut tx = db::begin(conn).await?;
    ledger::take_turn(&mut tx, vec![credential.origin_id.to_owned()]).await?;
    let delivery = match sql::FIND_CREDENTIAL.bind(credential.key()).optional(&mut tx).await? {
        Some(record) if record.field::<bool>("delivered")? => Delivery::Delivered,
        Some(record) => Delivery::Pending {
            sealed: record.field::<Option<String>>("sealed")?.unwrap_or_default(),
            since_ms: record.millis("recorded_us")?,
        },
        None => {
            let part = credential.user.to_string();
            let entry = Entry {
                origin_id: credential.origin_id,
                activity: credential.activity,
                part: &part,
                tenant: Some(credential.tenant),
                digest: ledger::digest(&json!({ "user": credential.user }), &[]),
                now_ms: credential.now_ms,
            };
            ledger::write(&mut tx, &entry, &json!({ "delivered": false })).await?;
            sql::SEAL_LEDGER.bind(credential.key()).bind(credential.sealed).execute(&mut tx).await?;
            // A password that opens nothing must not be mailed.
            if put_in_force(&mut tx, credential).await? == 0 {
                let text = "the tenant has no such internal user";
                return Err(TenantError::of(FailureType::TenantNotFound, text));
            }
            Delivery::Pending { sealed: credential.sealed.to_owned(), since_ms: credential.now_ms }
        }
    };
    commit(tx).await?;
    Ok(delivery)
}

/// Marks it as delivered and forgets it.
pub(super) async fn delivered(conn: &mut PgConnection, credential: &StoredCredential<'_>) -> Result<(), TenantError> {
    let mut tx = db::begin(conn).await?;
    ledger::take_turn(&mut tx, vec![credential.origin_id.to_owned()]).await?;
    let first =
        sql::FORGET_CREDENTIAL.bind(credential.key()).bind(Json(json!({ "delivered": true }))).execute(&mut tx).await?;
    // Only the first report puts a hash in force: a later one must not undo a password that was changed meanwhile.
    if first == 1 {
        put_in_force(&mut tx, credential).await?;
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
