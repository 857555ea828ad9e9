//! The one mapping from errors to failures of activities.

use ::billing::{BillingError, CheckoutSessionId};
use model::tenant::failure::{CAUSE, FailureType, TRANSIENT};
use outbound::CallError;
use outbound::backoff::Backoff;
use serde_json::{Value, json};
use std::time::Duration;
use store::StoreError;
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
        // What the database refuses, somebody has to set up first: a right, a column, a constraint.
        TenantError::Store(error @ (StoreError::Rejected { .. } | StoreError::Unreadable { .. })) => {
            final_failure(FailureType::Configuration, error.to_string(), Some(json!({ CAUSE: error.type_name() })))
        }
        TenantError::Store(error @ StoreError::Unavailable { .. }) => {
            let failure =
                ApplicationFailure::builder(error.to_string()).type_name(error.type_name().to_owned()).build();
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

/// What went wrong with reading a checkout from Stripe. Says both: the call's own text names a host at most.
pub(crate) fn of_billing(error: &BillingError, session: &CheckoutSessionId, attempt: u32) -> ActivityError {
    let text = format!("Stripe, checkout session {session}: {error}");
    match error.retry_in(Backoff::STEP, attempt, &mut rand::rng()) {
        Some(after) => transient(text, Some(after)),
        None => final_failure(FailureType::UpstreamRejected, text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_stripe_names_stripe_and_the_session() {
        let session = CheckoutSessionId::try_from("cs_1").expect("an id");
        let error = BillingError::NoCustomer { session: session.clone() };
        let ActivityError::Application(failure) = of_billing(&error, &session, 1) else {
            panic!("an application failure")
        };
        assert_eq!((failure.type_name(), failure.is_non_retryable()), (Some("UpstreamRejected"), true));
        let host = "localhost:1".to_owned();
        let error = BillingError::Call(CallError::Rejected { host, status: 404, code: None });
        let ActivityError::Application(failure) = of_billing(&error, &session, 1) else {
            panic!("an application failure")
        };
        assert!(failure.to_string().starts_with("Stripe, checkout session cs_1: "), "{failure}");
    }

    #[test]
    fn what_the_database_refuses_is_final_and_says_who_refused() {
        let rejected = StoreError::Rejected { during: "write", sqlstate: Some("42501".to_owned()) };
        for error in [rejected, StoreError::Unreadable { what: "the tenant id" }] {
            let ActivityError::Application(failure) = of_store(error.into()) else { panic!("an application failure") };
            assert_eq!((failure.type_name(), failure.is_non_retryable()), (Some("ConfigurationError"), true));
        }
        let away = StoreError::Unavailable { during: "write", sqlstate: None, poisoned: true };
        let ActivityError::Application(failure) = of_store(away.into()) else { panic!("an application failure") };
        assert_eq!((failure.type_name(), failure.is_non_retryable()), (Some("STORE_UNAVAILABLE"), false));
    }
}
