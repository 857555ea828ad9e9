//! One answer, for people or for programs.

use crate::cli::{Output, print};
use crate::exit::{Exit, Failure};
use appliance::code::{FailureCode, Remedy};
use serde_json::{Value, json};
use std::time::Duration;

/// How a command ended well.
#[derive(Debug)]
pub(super) struct Good {
    /// For programs, under `result`.
    pub(super) result: Value,
    /// For people.
    pub(super) text: String,
}

/// How it ended otherwise.
#[derive(Debug)]
pub(super) enum Bad {
    /// With a code of the licensing contract.
    Coded {
        /// The code.
        code: FailureCode,
        /// The chain of causes. Holds no secret.
        error: anyhow::Error,
        /// When to try again, if the service said so.
        retry_after: Option<Duration>,
    },
    /// Before it began: settings or arguments.
    Plain(Failure),
}

impl Bad {
    /// A failure with its code.
    pub(super) fn of(code: FailureCode, error: impl Into<anyhow::Error>) -> Self {
        Self::Coded { code, error: error.into(), retry_after: None }
    }
}

impl From<Failure> for Bad {
    fn from(failure: Failure) -> Self {
        Self::Plain(failure)
    }
}

/// The exit code of a failure: 1 to correct, 4 to repeat, 5 to look into.
pub(super) const fn exit(code: FailureCode) -> Exit {
    match code.remedy() {
        Remedy::Correct => Exit::No,
        Remedy::Retry => Exit::Unreachable,
        Remedy::Final => Exit::Refused,
    }
}

/// Prints the answer: with `--output json` one line, `{"ok":true,"result":…}` or `{"ok":false,"code":…,"error":…}` (licensing
/// contract, section 8), also for a failure.
pub(super) fn report(ended: Result<Good, Bad>, output: Output) -> Result<Exit, Failure> {
    match (ended, output) {
        (Ok(good), Output::Json) => {
            print(&json!({ "ok": true, "result": good.result }).to_string());
            Ok(Exit::Ok)
        }
        (Ok(good), Output::Text) => {
            print(&good.text);
            Ok(Exit::Ok)
        }
        (Err(bad), Output::Json) => {
            let (exit, answer) = refusal(&bad);
            print(&answer.to_string());
            Ok(exit)
        }
        (Err(Bad::Plain(failure)), Output::Text) => Err(failure),
        (Err(Bad::Coded { code, error, retry_after }), Output::Text) => {
            let wait = retry_after.map(|wait| format!(" (after {} s)", wait.as_secs())).unwrap_or_default();
            Err(Failure::of(exit(code), error.context(format!("{}{wait} [{}]", code.sentence(), code.as_str()))))
        }
    }
}

fn refusal(bad: &Bad) -> (Exit, Value) {
    match bad {
        Bad::Coded { code, retry_after, .. } => {
            let remedy = match code.remedy() {
                Remedy::Correct => "correct",
                Remedy::Retry => "retry",
                Remedy::Final => "final",
            };
            let mut answer = json!({ "ok": false, "code": code.as_str(), "error": code.sentence(), "remedy": remedy });
            if let Some(wait) = retry_after {
                answer["retryAfterSeconds"] = json!(wait.as_secs());
            }
            (exit(*code), answer)
        }
        Bad::Plain(failure) => {
            let answer = json!({ "ok": false, "code": "settings", "error": failure.to_string(), "remedy": "final" });
            (failure.exit, answer)
        }
    }
}

/// A time of a licence as the results spell it (RFC 3339, UTC).
pub(super) fn rfc3339(unix_seconds: i64) -> String {
    model::time::iso8601(unix_seconds.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_helps_and_nothing_of_its_cause() {
        let bad = Bad::Coded {
            code: FailureCode::TooManyAttempts,
            error: anyhow::Error::msg("CANARY"),
            retry_after: Some(Duration::from_secs(60)),
        };
        let (exit, answer) = refusal(&bad);
        let expected = json!({
            "ok": false, "code": "too_many_attempts", "error": "There were too many attempts. Wait, then try again.",
            "remedy": "retry", "retryAfterSeconds": 60,
        });
        assert_eq!((exit, answer), (Exit::Unreachable, expected));
    }

    #[test]
    fn exit_codes_follow_the_remedy() {
        for code in FailureCode::ALL {
            let expected = match code.remedy() {
                Remedy::Correct => 1,
                Remedy::Retry => 4,
                Remedy::Final => 5,
            };
            assert_eq!(exit(code).code(), expected, "{code:?}");
        }
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(rfc3339(1_767_225_600), "2026-01-01T00:00:00.000Z");
    }
}
