//! The one mapping from errors to failures of activities. The types are those of the licensing contract, section 8, and a few of
//! ours; a type is never renamed.

use crate::registry::{RegistryFault, refusal_of};
use appliance::code::{FailureCode, Remedy};
use model::tenant::failure::TRANSIENT;
use outbound::CallError;
use outbound::backoff::Backoff;
use std::time::Duration;
use store::StoreError;
use store::tenant::TenantError;
use temporalio_sdk::ApplicationFailure;
use temporalio_sdk::activities::ActivityError;

/// The licence API refuses, and a repeat gets the same answer.
pub(crate) const REGISTRATION_REJECTED: &str = "registration_rejected";
/// A setting is missing.
pub(crate) const CONFIGURATION: &str = "configuration";
/// The mail is not sent: the provider refuses, or nobody knows whether it was.
pub(crate) const MAIL_NOT_SENT: &str = "mail_not_sent";
/// The address was sent as many codes as it may be within a day.
pub(crate) const TOO_MANY_MAILS: &str = "too_many_mails";
/// The code has ended before it was mailed.
pub(crate) const CODE_ENDED: &str = "code_ended";
/// A secret came in a payload that was not encrypted, and the settings refuse that.
pub(crate) const PLAINTEXT_REFUSED: &str = "plaintext_refused";

/// A failure that no repeat cures.
pub(crate) fn final_failure(kind: &'static str, text: impl Into<String>) -> ActivityError {
    let failure = ApplicationFailure::builder(text.into()).type_name(kind.to_owned()).non_retryable(true).build();
    ActivityError::application(failure)
}

/// A failure that a later try may cure, after at least `after` where somebody said so.
pub(crate) fn transient(kind: &str, text: impl Into<String>, after: Option<Duration>) -> ActivityError {
    let builder = ApplicationFailure::builder(text.into()).type_name(kind.to_owned());
    ActivityError::application(builder.maybe_next_retry_delay(after).build())
}

/// What came of a call of the service routes: outages are tried again, every other refusal is final.
pub(crate) fn of_registry(error: &RegistryFault, attempt: u32) -> ActivityError {
    let RegistryFault::Call(call) = error else { return final_failure(CONFIGURATION, error.to_string()) };
    if let Some(after) = call.retry_in(Backoff::STEP, attempt, &mut rand::rng()) {
        return transient(TRANSIENT, call.to_string(), told(call).map(|_| after));
    }
    let remedy = match refusal_of(call) {
        Some("unauthorized") => "; the service secret is not valid for this route",
        Some(_) | None => "",
    };
    final_failure(REGISTRATION_REJECTED, format!("{call}{remedy}"))
}

/// Whether the service named a time; otherwise the retry policy decides.
const fn told(call: &CallError) -> Option<Duration> {
    match call {
        CallError::NotAsked { retry_after, .. } => Some(*retry_after),
        CallError::Transient { retry_after, .. } => *retry_after,
        CallError::OutcomeUnknown { .. }
        | CallError::Unreadable { .. }
        | CallError::TooLarge { .. }
        | CallError::Rejected { .. } => None,
    }
}

/// What went wrong in the worker's own records.
pub(crate) fn of_store(error: &TenantError) -> ActivityError {
    match error {
        TenantError::Store(error @ StoreError::Unavailable { .. }) => {
            transient(error.type_name(), error.to_string(), None)
        }
        TenantError::Store(StoreError::Rejected { .. } | StoreError::Unreadable { .. }) | TenantError::Final { .. } => {
            final_failure(CONFIGURATION, error.to_string())
        }
    }
}

/// What went wrong on the appliance: the code is the type, its sentence the text.
pub(crate) fn of_code(code: FailureCode, after: Option<Duration>) -> ActivityError {
    match code.remedy() {
        Remedy::Retry => transient(code.as_str(), code.sentence(), after),
        Remedy::Correct | Remedy::Final => final_failure(code.as_str(), code.sentence()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(error: ActivityError) -> (String, bool) {
        let ActivityError::Application(failure) = error else { panic!("an application failure") };
        (failure.type_name().unwrap_or_default().to_owned(), failure.is_non_retryable())
    }

    #[test]
    fn the_types_of_the_contract_are_final() {
        for code in [
            "not_self_host",
            "invalid_claim_code",
            "expired_claim_code",
            "consumed_claim_code",
            "superseded_claim_code",
            "registration_rejected",
            "tenant_mismatch",
            "invalid_license_response",
            "invalid_license",
            "expired_license",
            "tenant_required",
            "no_license_on_code",
            "entitlement_inactive",
            "tenant_suspended",
            "idempotency_conflict",
        ] {
            let found = FailureCode::ALL.into_iter().find(|known| known.as_str() == code).expect("a code of this list");
            assert_eq!(parts(of_code(found, None)), (code.to_owned(), true));
        }
    }

    #[test]
    fn an_outage_is_tried_again_and_keeps_its_name() {
        for code in [FailureCode::ServiceUnavailable, FailureCode::TooManyAttempts, FailureCode::DatabaseUnavailable] {
            assert_eq!(parts(of_code(code, Some(Duration::from_secs(60)))), (code.as_str().to_owned(), false));
        }
    }

    #[test]
    fn a_refusal_of_the_service_is_final_and_an_outage_is_not() {
        let host = || "license.example".to_owned();
        let rejected = CallError::Rejected { host: host(), status: 400, code: Some("invalid_request") };
        assert_eq!(parts(of_registry(&rejected.into(), 1)), (REGISTRATION_REJECTED.to_owned(), true));
        let unknown = CallError::OutcomeUnknown { host: host() };
        assert_eq!(parts(of_registry(&unknown.into(), 1)), (TRANSIENT.to_owned(), false));
    }
}
