//! Exit codes: what a script learns without reading text. Documented in `tenantry help` and frozen by a test.

use std::fmt;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and the answer is yes.
    Ok,
    /// Done, and the answer is no: a check found something, a wait ended otherwise, or settings are not valid.
    No,
    /// The command line cannot be understood, or an argument is not valid. Also given by the parser itself.
    Usage,
    /// What was asked for does not exist.
    NotFound,
    /// A system that is needed does not answer.
    Unreachable,
    /// Not allowed, or not with these settings.
    Refused,
    /// A defect of ours, or a part that ended by itself (sysexits' EX_SOFTWARE).
    Internal,
}

impl Exit {
    /// Every code, in the order in which help lists them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Ok, Self::No, Self::Usage, Self::NotFound, Self::Unreachable, Self::Refused, Self::Internal];

    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Unreachable => 4,
            Self::Refused => 5,
            Self::Internal => 70,
        }
    }

    /// What the code means, as help prints it.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done, and the answer is yes",
            Self::No => "the check or the wait says no, or settings are not valid",
            Self::Usage => "the command line cannot be understood, or an argument is not valid",
            Self::NotFound => "no such row, run or file",
            Self::Unreachable => "Temporal, the database, the cluster or DNS does not answer",
            Self::Refused => "not allowed, or not with these settings",
            Self::Internal => "a defect, or a worker that ended by itself",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not end well: the code for scripts, the chain of causes for people.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The code.
    pub(crate) exit: Exit,
    /// What went wrong. Never holds a secret: values of settings do not enter errors.
    pub(crate) error: anyhow::Error,
}

impl Failure {
    /// A failure with its own text.
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, error: anyhow::Error::msg(text.into()) }
    }

    /// Gives an error the code of its kind.
    pub(crate) fn of(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::Internal, error }
    }
}

/// Adds a code to a result, as `context` adds a sentence.
pub(crate) trait OrExit<T> {
    /// Turns an error into a failure with this code, and says what was tried.
    fn or_exit(self, exit: Exit, tried: &'static str) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit, tried: &'static str) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into().context(tried) })
    }
}

/// The table of exit codes that every help page ends with.
pub(crate) fn help_table() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        text.push_str(&format!("  {:>2}  {}\n", exit.code(), exit.meaning()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_frozen() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 70]);
    }

    #[test]
    fn help_names_every_code() {
        let table = help_table();
        for exit in Exit::ALL {
            assert!(table.contains(exit.meaning()), "{exit:?}");
        }
    }

    #[test]
    fn a_failure_shows_its_whole_chain() {
        let cause: Result<(), _> = Err(std::io::Error::other("connection refused"));
        let failure = cause.or_exit(Exit::Unreachable, "could not reach the database").expect_err("failed");
        assert_eq!(failure.exit, Exit::Unreachable);
        assert_eq!(failure.to_string(), "could not reach the database: connection refused");
    }
}
