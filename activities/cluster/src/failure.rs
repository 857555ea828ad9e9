//! What can go wrong with a call, and what the workflow learns of it.

use model::reason::ReasonCode;
use temporalio_common::ActivityError;
use temporalio_sdk::ApplicationFailure;

/// A call to the API server, or a step that consists of some, did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No answer, or one of the server's own troubles (429, 5xx).
    #[error("could not {what}")]
    Unavailable {
        /// What was tried, on which object.
        what: String,
        /// Status code, 0 when there was no answer.
        code: u16,
    },
    /// The object changed between the read and the write (409).
    #[error("could not {what}: it changed meanwhile")]
    Changed {
        /// What was tried, on which object.
        what: String,
    },
    /// Refused by rights, admission, quota or validation (400, 401, 403, 404 of a kind, 422).
    #[error("cannot {what}: {detail}")]
    Refused {
        /// What was tried, on which object.
        what: String,
        /// Status code and reason, and the server's message where it can hold no secret.
        detail: String,
    },
    /// The watches are not complete, so claims could be missed.
    #[error("could not judge the edge: the index of claims is not complete")]
    NotSynced,
    /// The step names something that this build does not know: our own defect.
    #[error("cannot take step {step:?} on target {target:?}")]
    Unsupported {
        /// The step.
        step: String,
        /// The target.
        target: String,
    },
}

impl ClusterError {
    /// Classifies an error of the client. `secret` keeps the server's message out, because it can repeat a value.
    pub(crate) fn of(what: String, error: &kube::Error, secret: bool) -> Self {
        let kube::Error::Api(status) = error else { return Self::Unavailable { what, code: 0 } };
        match status.code {
            409 => Self::Changed { what },
            400 | 401 | 403 | 404 | 405 | 413 | 415 | 422 => {
                let message: String = match secret {
                    true => String::new(),
                    false => status.message.chars().filter(|c| !c.is_control()).take(300).collect(),
                };
                Self::Refused {
                    what,
                    detail: format!("{} {} {message}", status.code, status.reason).trim_end().to_owned(),
                }
            }
            code => Self::Unavailable { what, code },
        }
    }

    /// Reason code of the failure.
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Refused { .. } | Self::Unsupported { .. } => ReasonCode::EdgeRejected,
            Self::Unavailable { .. } | Self::Changed { .. } | Self::NotSynced => ReasonCode::ClusterReadUnknown,
        }
    }

    /// Whether a later attempt may succeed by itself.
    pub const fn retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Changed { .. } | Self::NotSynced => true,
            Self::Refused { .. } | Self::Unsupported { .. } => false,
        }
    }

    /// The failure as an activity reports it.
    pub(crate) fn into_activity_error(self) -> ActivityError {
        let (reason, retryable) = (self.reason(), self.retryable());
        ApplicationFailure::builder(self).type_name(reason.as_str().to_owned()).non_retryable(!retryable).build().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[track_caller]
    fn check(code: u16, expected: &str, retryable: bool) {
        let status =
            Status { code, message: "spec.x: Invalid value".to_owned(), reason: "R".to_owned(), ..Status::default() };
        let error = ClusterError::of("apply gateway a/b".to_owned(), &kube::Error::Api(Box::new(status)), false);
        assert_eq!((error.to_string().as_str(), error.retryable()), (expected, retryable));
    }

    #[test]
    fn answers_are_classified_by_their_code() {
        check(409, "could not apply gateway a/b: it changed meanwhile", true);
        check(429, "could not apply gateway a/b", true);
        check(500, "could not apply gateway a/b", true);
        check(503, "could not apply gateway a/b", true);
        check(403, "cannot apply gateway a/b: 403 R spec.x: Invalid value", false);
        check(422, "cannot apply gateway a/b: 422 R spec.x: Invalid value", false);
    }

    #[test]
    fn a_message_about_a_secret_is_left_out() {
        let status = Status {
            code: 422,
            message: "data: c2VjcmV0".to_owned(),
            reason: "Invalid".to_owned(),
            ..Status::default()
        };
        let error = ClusterError::of("copy secret".to_owned(), &kube::Error::Api(Box::new(status)), true);
        assert_eq!(error.to_string(), "cannot copy secret: 422 Invalid");
    }
}
