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

/// The exit code of a failure that people read: 1 to correct, 4 to repeat, 5 to look into.
pub(super) const fn exit(code: FailureCode) -> Exit {
    match code.remedy() {
        Remedy::Correct => Exit::No,
        Remedy::Retry => Exit::Unreachable,
        Remedy::Final => Exit::Refused,
    }
}

/// Prints the answer: with `--output json` one line, `{"ok":true,"result":…}` or `{"ok":false,"code":…,"error":…}`. Every failure
/// that prints such a line exits with 1 (licensing contract, section 8); `remedy` tells the kinds apart.
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
            print(&refusal(&bad).to_string());
            Ok(Exit::No)
        }
        (Err(Bad::Plain(failure)), Output::Text) => Err(failure),
        (Err(Bad::Coded { code, error, retry_after }), Output::Text) => {
            let wait = retry_after.map(|wait| format!(" (after {} s)", wait.as_secs())).unwrap_or_default();
            Err(Failure::of(exit(code), error.context(format!("{}{wait} [{}]", code.sentence(), code.as_str()))))
        }
    }
}

fn refusal(bad: &Bad) -> Value {
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
            answer
        }
        Bad::Plain(failure) => {
            json!({ "ok": false, "code": "settings", "error": failure.to_string(), "remedy": "final" })
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
        let expected = json!({
            "ok": false, "code": "too_many_attempts", "error": "There were too many attempts. Wait, then try again.",
            "remedy": "retry", "retryAfterSeconds": 60,
        });
        assert_eq!(refusal(&bad), expected);
    }

    /// The shell's view of a failure.
    fn exit_of(bad: Bad, output: Output) -> u8 {
        match report(Err(bad), output) {
            Ok(exit) | Err(Failure { exit, .. }) => exit.code(),
        }
    }

    #[test]
    fn exit_codes_of_text_follow_the_remedy() {
        for code in FailureCode::ALL {
            let expected = match code.remedy() {
                Remedy::Correct => 1,
                Remedy::Retry => 4,
                Remedy::Final => 5,
            };
            assert_eq!(exit_of(Bad::of(code, anyhow::Error::msg("x")), Output::Text), expected, "{code:?}");
        }
        assert_eq!(exit_of(Bad::Plain(Failure::new(Exit::Usage, "x")), Output::Text), 2);
    }

    #[test]
    fn a_failure_that_prints_a_line_exits_with_1() {
        // One of each remedy.
        for code in [FailureCode::InvalidClaimCode, FailureCode::ServiceUnavailable, FailureCode::NotSelfHost] {
            assert_eq!(exit_of(Bad::of(code, anyhow::Error::msg("x")), Output::Json), 1, "{code:?}");
        }
        assert_eq!(exit_of(Bad::Plain(Failure::new(Exit::Usage, "x")), Output::Json), 1);
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(rfc3339(1_767_225_600), "2026-01-01T00:00:00.000Z");
    }
}
