//! What can go wrong with PostgreSQL, told by SQLSTATE and never by text.

use crate::sql::Statement;
use std::borrow::Cow;
use temporalio_sdk::ApplicationFailure;
use temporalio_sdk::activities::ActivityError;

/// Failure type of a database that cannot be written just now. Retried.
pub const STORE_UNAVAILABLE: &str = "STORE_UNAVAILABLE";
/// Failure type of a statement that the database refuses for good, or of a request that cannot be read. Not retried.
pub const STORE_REJECTED: &str = "STORE_REJECTED";

/// Why a record could not be read or written. Carries no SQL text, no values and no text of the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is failing over, is full, or gave up waiting. A later attempt may work.
    #[error("could not {during}: the database is not available{}", state(sqlstate.as_deref()))]
    Unavailable {
        /// What was tried.
        during: &'static str,
        /// The server's code, when the server answered.
        sqlstate: Option<String>,
        /// The connection led to a server that cannot be written, or is in an unknown state: it is not used again.
        poisoned: bool,
    },
    /// A constraint, a missing right, or a defect of ours. Repeating it cannot work.
    #[error("cannot {during}: the database refuses it{}", state(sqlstate.as_deref()))]
    Rejected {
        /// What was tried.
        during: &'static str,
        /// The server's code, when the server answered.
        sqlstate: Option<String>,
    },
    /// A field of the request cannot be read.
    #[error("cannot read {what} of the request")]
    Unreadable {
        /// The field.
        what: &'static str,
    },
}

fn state(sqlstate: Option<&str>) -> String {
    sqlstate.map(|code| format!(" (SQLSTATE {code})")).unwrap_or_default()
}

impl StoreError {
    /// Classifies an error of the driver.
    pub(crate) fn of(during: Statement, error: &sqlx::Error) -> Self {
        Self::during(during.name, error)
    }

    /// Classifies an error of the driver outside a statement.
    pub(crate) fn during(during: &'static str, error: &sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(database) => Self::from_sqlstate(during, database.code()),
            None if is_ours(error) => Self::Rejected { during, sqlstate: None },
            None => Self::Unavailable { during, sqlstate: None, poisoned: true },
        }
    }

    /// Classifies a SQLSTATE (PostgreSQL documentation, appendix A).
    ///
    /// Refused for good: data exceptions (22), constraints (23), and syntax or access rules (42) except a table, column,
    /// function or schema that is not there yet, because `tenantry migrate` may still be on its way. Everything else may
    /// pass: connection (08), read-only transaction (25006), conflicts (40), resources (53), object state (55), shutdown
    /// and cancelled statements (57), system (58).
    fn from_sqlstate(during: &'static str, code: Option<Cow<'_, str>>) -> Self {
        let code = code.map(Cow::into_owned);
        let text = code.as_deref().unwrap_or("");
        let class = text.get(..2).unwrap_or("");
        let not_migrated = matches!(text, "42P01" | "42703" | "42883" | "3F000");
        if matches!(class, "22" | "23" | "42") && !not_migrated {
            return Self::Rejected { during, sqlstate: code };
        }
        let poisoned = text == "25006" || text.starts_with("57P") || class == "08";
        Self::Unavailable { during, sqlstate: code, poisoned }
    }

    /// A bound of time that passed.
    pub(crate) const fn timed_out(during: &'static str) -> Self {
        Self::Unavailable { during, sqlstate: None, poisoned: true }
    }

    /// Type of the activity failure: [`STORE_UNAVAILABLE`] or [`STORE_REJECTED`].
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => STORE_UNAVAILABLE,
            Self::Rejected { .. } | Self::Unreadable { .. } => STORE_REJECTED,
        }
    }

    /// Whether a later attempt may work.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether the connection must not be used again.
    pub(crate) const fn poisons(&self) -> bool {
        matches!(self, Self::Unavailable { poisoned: true, .. })
    }
}

/// Errors of the driver that no database can cure: what we bound or decoded does not fit.
fn is_ours(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::TypeNotFound { .. }
    )
}

/// The one mapping from errors of this crate to failures of activities.
pub(crate) fn to_activity_error(error: StoreError) -> ActivityError {
    let failure = ApplicationFailure::builder(error.to_string())
        .type_name(error.type_name().to_owned())
        .non_retryable(!error.is_retryable())
        .build();
    ActivityError::application(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, type_name: &str, poisons: bool) {
        let error = StoreError::from_sqlstate("write", Some(code.into()));
        assert_eq!((error.type_name(), error.poisons()), (type_name, poisons), "{code}");
    }

    #[test]
    fn a_server_in_trouble_is_retried() {
        check("25006", STORE_UNAVAILABLE, true);
        check("57P01", STORE_UNAVAILABLE, true);
        check("57P03", STORE_UNAVAILABLE, true);
        check("08006", STORE_UNAVAILABLE, true);
        check("53300", STORE_UNAVAILABLE, false);
        check("40001", STORE_UNAVAILABLE, false);
        check("57014", STORE_UNAVAILABLE, false);
        check("42P01", STORE_UNAVAILABLE, false);
    }

    #[test]
    fn a_refusal_is_final() {
        check("23505", STORE_REJECTED, false);
        check("42501", STORE_REJECTED, false);
        check("22P02", STORE_REJECTED, false);
        check("42601", STORE_REJECTED, false);
    }

    #[test]
    fn a_failure_says_its_type_and_whether_to_retry_and_nothing_else() {
        let error = StoreError::from_sqlstate("write the status", Some("57P01".into()));
        let ActivityError::Application(failure) = to_activity_error(error) else { panic!("an application failure") };
        assert_eq!((failure.type_name(), failure.is_non_retryable()), (Some(STORE_UNAVAILABLE), false));
        let text = "could not write the status: the database is not available (SQLSTATE 57P01)";
        assert_eq!(failure.to_string(), text);
        let error = StoreError::Unreadable { what: "the tenant id" };
        let ActivityError::Application(failure) = to_activity_error(error) else { panic!("an application failure") };
        assert_eq!((failure.type_name(), failure.is_non_retryable()), (Some(STORE_REJECTED), true));
    }
}
