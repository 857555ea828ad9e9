//! The record of a mail with an install code: sent once for each run of work, and so many for each address and day.

use super::error::TenantError;
use super::{ledger, sql};
use crate::db::{self, commit, micros};
use sqlx::postgres::PgConnection;

/// Milliseconds over which the mails of an address are counted.
const DAY_MS: i64 = 86_400_000;

/// One mail.
#[derive(Debug, Clone, Copy)]
pub struct InstallMail<'a> {
    /// Id of the workflow that sends it.
    pub origin_id: &'a str,
    /// Keyed hash of the address.
    pub address_key: &'a str,
    /// Unix milliseconds.
    pub now_ms: i64,
    /// Most mails of one address within a day.
    pub per_day: i64,
}

/// What became of it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailState {
    /// It is to be sent, and was begun at `since_ms`; `again`: an attempt before this one began it.
    Pending {
        /// Unix milliseconds.
        since_ms: i64,
        /// An earlier attempt may have handed it over.
        again: bool,
    },
    /// The provider has accepted it.
    Sent,
    /// It will not be sent any more.
    Closed {
        /// Why, as the first attempt was told.
        why: String,
    },
    /// The address has got as many as it may: nothing was recorded.
    TooMany,
}

/// Begins the mail, or answers what became of it.
pub(super) async fn begin(conn: &mut PgConnection, mail: &InstallMail<'_>) -> Result<MailState, TenantError> {
    let mut tx = db::begin(conn).await?;
    // Those of one address take turns, so that two at once are counted.
    ledger::take_turn(&mut tx, vec![mail.origin_id.to_owned(), format!("install mails {}", mail.address_key)]).await?;
    let state = match sql::FIND_INSTALL_MAIL.bind(mail.origin_id).optional(&mut tx).await? {
        Some(record) => match record.field::<String>("state")?.as_str() {
            "sent" => MailState::Sent,
            "closed" => MailState::Closed { why: record.field("why")? },
            _ => MailState::Pending { since_ms: record.millis("begun_us")?, again: true },
        },
        None => {
            let since = micros(mail.now_ms - DAY_MS);
            let counted = sql::COUNT_INSTALL_MAILS.bind(mail.address_key).bind(since).one(&mut tx).await?;
            if counted.field::<i64>("count")? >= mail.per_day {
                MailState::TooMany
            } else {
                let statement = sql::BEGIN_INSTALL_MAIL.bind(mail.origin_id).bind(mail.address_key);
                statement.bind(micros(mail.now_ms)).execute(&mut tx).await?;
                MailState::Pending { since_ms: mail.now_ms, again: false }
            }
        }
    };
    commit(tx).await?;
    Ok(state)
}

/// Records how it ended: an empty `why` means that it was sent. The first word stands.
pub(super) async fn end(conn: &mut PgConnection, origin_id: &str, why: &str) -> Result<(), TenantError> {
    let mut tx = db::begin(conn).await?;
    ledger::take_turn(&mut tx, vec![origin_id.to_owned()]).await?;
    sql::END_INSTALL_MAIL.bind(origin_id).bind(why).execute(&mut tx).await?;
    commit(tx).await?;
    Ok(())
}
