//! What a program learns of a command that did not end well.

use crate::exit::{Exit, Failure};
use model::tenant::fault::{self, Fault};
use serde_json::{Value, json};
use std::time::Duration;

/// A failure with a code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Problem {
    code: String,
    text: String,
    fields: Vec<(&'static str, Value)>,
}

impl Problem {
    /// A problem with a code, such as a failure's type, and its text for people.
    pub(super) fn new(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code: code.into(), text: text.into(), fields: Vec::new() }
    }

    /// An input that cannot be used, with every fault.
    pub(super) fn of_faults(faults: &[Fault], text: impl Into<String>) -> Self {
        Self::new("ValidationError", text).with("faults", Some(fault::details(faults)))
    }

    /// Adds a field where there is something to say.
    pub(super) fn with(mut self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        self.fields.extend(value.map(|value| (name, value.into())));
        self
    }

    /// The failure of the command.
    pub(super) fn exit(self, exit: Exit) -> Failure {
        Failure::of(exit, self)
    }
}

/// The document that a program reads instead of the answer: `error` with `code`, `message` and `exit`, and what else is known.
pub(super) fn document(failure: &Failure) -> Value {
    let problem = failure.error.downcast_ref::<Problem>();
    let code = problem.map_or(word(failure.exit), |problem| problem.code.as_str());
    let mut error = json!({ "code": code, "message": failure.to_string(), "exit": failure.exit.code() });
    for (name, value) in problem.into_iter().flat_map(|problem| &problem.fields) {
        error[*name] = value.clone();
    }
    json!({ "error": error })
}

/// The code of a failure that has no other.
const fn word(exit: Exit) -> &'static str {
    match exit {
        Exit::Ok => "OK",
        Exit::No => "NO",
        Exit::Usage => "USAGE",
        Exit::NotFound => "NOT_FOUND",
        Exit::Unreachable => "UNREACHABLE",
        Exit::Refused => "REFUSED",
        Exit::Internal => "INTERNAL",
    }
}

/// The exit code of a run that failed with this type.
pub(super) fn exit_of(kind: &str) -> Exit {
    match kind {
        "ValidationError" => Exit::Usage,
        "DuplicateError" | "IdempotencyConflict" => Exit::Refused,
        "TenantNotFoundError" => Exit::NotFound,
        _ => Exit::No,
    }
}

/// Looks whether the database's port is open. A refusal is known at once and said as what it is; a pool would try until its
/// time is up.
///
/// # Errors
/// The reason, where nobody listens.
pub(super) async fn listens(host: &str, port: u16) -> Result<(), std::io::Error> {
    // A folder of sockets, and whatever takes its time, is for the pool to find out.
    if host.starts_with('/') {
        return Ok(());
    }
    let dialled = tokio::net::TcpStream::connect((host, port));
    tokio::time::timeout(Duration::from_secs(5), dialled).await.map_or(Ok(()), |dialled| dialled.map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::tenant::fault::FaultCode;

    #[test]
    fn a_program_learns_code_faults_and_exit() {
        let faults = [Fault::of("adminUser.email", FaultCode::NotAnAddress)];
        let failure = Problem::of_faults(&faults, "nothing was started").exit(Exit::Usage);
        let expected = json!({ "error": {
            "code": "ValidationError", "message": "nothing was started", "exit": 2,
            "faults": [{ "field": "adminUser.email", "code": "NOT_AN_ADDRESS" }]
        }});
        assert_eq!(document(&failure), expected);
        let failure = Problem::new("DuplicateError", "x").with("workflowId", Some("run")).exit(Exit::Refused);
        assert_eq!(document(&failure)["error"]["workflowId"], "run");
        let plain = Failure::new(Exit::Unreachable, "could not reach the database");
        let expected =
            json!({ "error": { "code": "UNREACHABLE", "message": "could not reach the database", "exit": 4 } });
        assert_eq!(document(&plain), expected);
    }

    /// The table of the runbook says the same.
    #[test]
    fn each_type_of_failure_has_the_exit_code_of_the_runbook() {
        let runbook = include_str!("../../../../docs/runbook-tenants.md");
        for kind in [
            "ValidationError",
            "DuplicateError",
            "ConfigurationError",
            "UpstreamRejected",
            "IdempotencyConflict",
            "RepairRequired",
            "CreationCancelled",
            "CreationAbandoned",
            "TransientError",
        ] {
            let row = format!("| `{kind}` | {} |", exit_of(kind).code());
            assert!(runbook.contains(&row), "{row}");
        }
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_is_told_from_one_that_answers() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let port = listener.local_addr().expect("an address").port();
        assert!(listens("127.0.0.1", port).await.is_ok());
        drop(listener);
        let error = listens("127.0.0.1", port).await.expect_err("nobody listens");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(listens("/run/postgresql", 5432).await.is_ok());
    }
}
