//! How a run fails: one place that builds the failures, and reads those of activities.

use model::tenant::failure::{CANCELLED, CAUSE, FailureType, TRANSIENT};
use model::tenant::fault::{self, Fault};
use serde_json::{Value, json};
use temporalio_common::error::{ActivityExecutionError, ApplicationFailure, IncomingError};
use temporalio_workflow::WorkflowTermination;

/// Why a step did not succeed.
#[derive(Debug, Clone)]
pub(crate) struct StepError {
    /// Type of the failure; [`TRANSIENT`] where trying again may help.
    pub(super) kind: String,
    /// What failed; never a value of the input.
    pub(super) text: String,
    /// The word of whoever failed, such as `STORE_UNAVAILABLE`; the type where there is no other.
    pub(super) cause: String,
    /// The failure's details, such as the tenant that has the subscription already.
    pub(super) details: Option<Value>,
}

impl StepError {
    pub(super) fn new(kind: FailureType, text: impl Into<String>) -> Self {
        Self { kind: kind.as_str().to_owned(), text: text.into(), cause: kind.as_str().to_owned(), details: None }
    }

    /// The word for lists of what was left out, and for what a repair waits for.
    pub(super) fn word(&self) -> &str {
        &self.cause
    }
}

/// What an activity's failure says. A try that ran out of time says what the last one met.
impl From<ActivityExecutionError> for StepError {
    fn from(error: ActivityExecutionError) -> Self {
        let mut cause = error.cause();
        while let Some(found) = cause {
            if let IncomingError::Application(failure) = found {
                let kind = failure.type_name().filter(|name| FailureType::parse(name).is_some()).unwrap_or(TRANSIENT);
                let details = failure
                    .raw_details()
                    .and_then(|payloads| payloads.first())
                    .and_then(|payload| serde_json::from_slice(&payload.data).ok());
                let details: Option<Value> = details;
                let cause = details
                    .as_ref()
                    .and_then(|details| details.get(CAUSE)?.as_str())
                    .or(failure.type_name().filter(|name| !name.is_empty()))
                    .unwrap_or(kind)
                    .to_owned();
                return Self { kind: kind.to_owned(), text: failure.to_string(), cause, details };
            }
            cause = found.cause();
        }
        let text = match error.as_timeout() {
            Some(_) => "the step did not end within its time".to_owned(),
            None => "the step could not be carried out".to_owned(),
        };
        Self { kind: TRANSIENT.to_owned(), text, cause: TRANSIENT.to_owned(), details: None }
    }
}

/// Whether the purchase, the tenant id or the creation belongs to another run, which has told the shop or will.
pub(super) fn is_elsewhere(error: &StepError) -> bool {
    match FailureType::parse(&error.kind) {
        Some(FailureType::Duplicate) => {
            error.details.as_ref().is_some_and(|details| details.get("existingTenantId").is_some())
        }
        Some(FailureType::RepairRequired | FailureType::IdempotencyConflict) => true,
        Some(
            FailureType::Validation
            | FailureType::Configuration
            | FailureType::TenantNotFound
            | FailureType::UpstreamRejected
            | FailureType::ProductUpgradeStripeRefusal,
        )
        | None => false,
    }
}

/// Ends the run with a failure of this type.
pub(crate) fn fail(error: &StepError) -> WorkflowTermination {
    let builder = ApplicationFailure::builder(error.text.clone()).type_name(error.kind.clone()).non_retryable(true);
    match &error.details {
        Some(details) => builder.details(details.clone()).build().into(),
        None => builder.build().into(),
    }
}

/// Ends the run because its input cannot be used; the details list every fault.
pub(crate) fn invalid(faults: &[Fault]) -> StepError {
    StepError {
        details: Some(fault::details(faults)),
        ..StepError::new(FailureType::Validation, format!("the input cannot be used: {}", fault::line(faults)))
    }
}

/// Ends the run because another one waits for the repair.
pub(super) fn repair_required(workflow_id: &str) -> StepError {
    StepError {
        details: Some(json!({ "workflowId": workflow_id })),
        ..StepError::new(FailureType::RepairRequired, format!("the creation waits for a repair in {workflow_id}"))
    }
}

/// Ends the run because it was cancelled before anything was written.
pub(super) fn cancelled() -> StepError {
    let kind = CANCELLED.to_owned();
    StepError { cause: kind.clone(), kind, text: "cancelled before anything was written".to_owned(), details: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_hears_nothing_of_a_run_whose_purchase_is_elsewhere() {
        let of = |kind, details| StepError { details, ..StepError::new(kind, "x") };
        let existing = Some(json!({ "existingTenantId": "t" }));
        assert!(is_elsewhere(&of(FailureType::Duplicate, existing)));
        assert!(is_elsewhere(&of(FailureType::RepairRequired, None)));
        assert!(is_elsewhere(&of(FailureType::IdempotencyConflict, None)));
        // Of an address that is taken, the purchase is still this run's own.
        assert!(!is_elsewhere(&of(FailureType::Duplicate, None)));
        assert!(!is_elsewhere(&of(FailureType::Configuration, None)));
    }
}
