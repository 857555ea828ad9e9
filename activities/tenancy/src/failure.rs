//! The one mapping from errors to failures of activities.

use ::billing::BillingError;
use model::tenant::failure::{FailureType, TRANSIENT};
use outbound::CallError;
use outbound::backoff::Backoff;
use serde_json::Value;
use std::time::Duration;
use store::tenant::TenantError;
use temporalio_sdk::ApplicationFailure;
use temporalio_sdk::activities::ActivityError;

/// A failure of a closed type: not tried again.
pub(crate) fn final_failure(kind: FailureType, text: impl Into<String>, details: Option<Value>) -> ActivityError {
    let builder = ApplicationFailure::builder(text.into()).type_name(kind.as_str().to_owned()).non_retryable(true);
    ActivityError::application(match details {
        Some(details) => builder.details(details).build(),
        None => builder.build(),
    })
}

/// A failure that a later try may cure, after at least `after` where somebody said so.
pub(crate) fn transient(text: impl Into<String>, after: Option<Duration>) -> ActivityError {
    let builder = ApplicationFailure::builder(text.into()).type_name(TRANSIENT.to_owned());
    ActivityError::application(builder.maybe_next_retry_delay(after).build())
}

/// What went wrong in the database.
pub(crate) fn of_store(error: TenantError) -> ActivityError {
    match error {
        TenantError::Final { kind, ref details, .. } => {
            let details = details.clone();
            final_failure(kind, error.to_string(), details)
        }
        TenantError::Store(error) => {
            let failure = ApplicationFailure::builder(error.to_string())
                .type_name(error.type_name().to_owned())
                .non_retryable(!error.is_retryable())
                .build();
            ActivityError::application(failure)
        }
    }
}

/// What went wrong with a call to the shop or the application.
pub(crate) fn of_call(error: &CallError, backoff: Backoff, attempt: u32) -> ActivityError {
    match error.retry_in(backoff, attempt, &mut rand::rng()) {
        Some(after) => transient(error.to_string(), Some(after)),
        None => final_failure(FailureType::UpstreamRejected, error.to_string(), None),
    }
}

/// What went wrong with Stripe.
pub(crate) fn of_billing(error: &BillingError, attempt: u32) -> ActivityError {
    match error.retry_in(Backoff::STEP, attempt, &mut rand::rng()) {
        Some(after) => transient(error.to_string(), Some(after)),
        None => final_failure(FailureType::UpstreamRejected, error.to_string(), None),
    }
}
