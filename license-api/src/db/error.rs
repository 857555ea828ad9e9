//! What can go wrong with PostgreSQL, told by SQLSTATE and never by text.

/// Why a statement has no result. Carries no SQL text, no values and no text of the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// The database cannot be reached, is failing over, is full (SQLSTATE 53300), or gave up waiting. A later attempt may
    /// work, so the answer is 503.
    #[error("could not {during}: the database is not available{}", state(sqlstate.as_deref()))]
    Unavailable {
        /// What was tried.
        during: &'static str,
        /// The server's code, when the server answered.
        sqlstate: Option<String>,
    },
    /// A constraint, a missing right, or a defect of ours. Repeating it cannot work.
    #[error("cannot {during}: the database refuses it{}", state(sqlstate.as_deref()))]
    Rejected {
        /// What was tried.
        during: &'static str,
        /// The server's code, when the server answered.
        sqlstate: Option<String>,
        /// The constraint that refused, when it was one.
        constraint: Option<String>,
    },
}

fn state(sqlstate: Option<&str>) -> String {
    sqlstate.map(|code| format!(" (SQLSTATE {code})")).unwrap_or_default()
}

impl DbError {
    /// Classifies an error of the driver (PostgreSQL documentation, appendix A).
    ///
    /// Refused for good: data exceptions (22), constraints (23), and syntax or access rules (42) except what is not there
    /// yet, because the migration may still be on its way. Everything else may pass: connection (08), read-only
    /// transaction (25006), conflicts (40), resources (53), object state (55), shutdown and cancelled statements (57).
    pub fn of(during: &'static str, error: &sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match is_ours(error) {
                true => Self::Rejected { during, sqlstate: None, constraint: None },
                false => Self::Unavailable { during, sqlstate: None },
            };
        };
        let code = database.code().map(|code| code.into_owned());
        if is_final(code.as_deref().unwrap_or("")) {
            let constraint = database.constraint().map(str::to_owned);
            return Self::Rejected { during, sqlstate: code, constraint };
        }
        Self::Unavailable { during, sqlstate: code }
    }

    /// Whether the named unique constraint refused.
    pub fn violates(&self, name: &str) -> bool {
        matches!(self, Self::Rejected { constraint: Some(constraint), .. } if constraint == name)
    }

    /// Whether a later attempt may work.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

fn is_final(code: &str) -> bool {
    let not_migrated = matches!(code, "42P01" | "42703" | "42883" | "3F000");
    matches!(code.get(..2).unwrap_or(""), "22" | "23" | "42") && !not_migrated
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
            | sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. }
    )
}

/// Says what was tried, so that the error reads after "failed to".
pub trait During<T> {
    /// Turns an error of the driver into one of ours.
    ///
    /// # Errors
    /// [`DbError`] when the result is an error.
    fn during(self, tried: &'static str) -> Result<T, DbError>;
}

impl<T> During<T> for Result<T, sqlx::Error> {
    fn during(self, tried: &'static str) -> Result<T, DbError> {
        self.map_err(|error| DbError::of(tried, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_in_trouble_is_retried() {
        for code in ["08006", "25006", "40001", "40P01", "53300", "55P03", "57014", "57P01", "42P01"] {
            assert!(!is_final(code), "{code}");
        }
    }

    #[test]
    fn a_refusal_is_final() {
        for code in ["22P02", "23505", "23514", "42501", "42601"] {
            assert!(is_final(code), "{code}");
        }
    }

    #[test]
    fn a_pool_without_a_free_connection_is_retried() {
        let error = DbError::of("read the tenant", &sqlx::Error::PoolTimedOut);
        assert!(error.is_retryable());
        assert_eq!(error.to_string(), "could not read the tenant: the database is not available");
    }

    #[test]
    fn what_cannot_be_decoded_is_not_retried() {
        assert!(!DbError::of("read the tenant", &sqlx::Error::ColumnNotFound("x".into())).is_retryable());
    }
}
