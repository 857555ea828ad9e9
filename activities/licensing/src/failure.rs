//! The one mapping from errors to failures of activities. The types are those of the licensing contract, section 8, and a few of
//! ours; a type is never renamed.

use crate::registry::{RegistryFault, refusal_of};
use appliance::code::{FailureCode, Remedy};
use model::tenant::failure::TRANSIENT;
use outbound::backoff::Backoff;
use outbound::{CallError, Cause};
use serde_json::json;
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
/// The tenant has got as many new codes as it may for now.
pub(crate) const TOO_MANY_REISSUES: &str = "too_many_reissues";
/// The code has ended before it was mailed.
pub(crate) const CODE_ENDED: &str = "code_ended";
/// The licence API answered without a code.
pub(crate) const NO_CODE: &str = "no_code";
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
    let code = refusal_of(call);
    let remedy = match code {
        Some("unauthorized") => "; the service secret is not valid for this route",
        Some(_) | None => "",
    };
    // The details tell the refusals of one type apart: whoever started the run has a remedy for each.
    let failure = ApplicationFailure::builder(format!("{call}{remedy}")).type_name(REGISTRATION_REJECTED.to_owned());
    ActivityError::application(failure.non_retryable(true).details(json!({ "code": code })).build())
}

/// What came of a reissue. Its limit is not waited for (licensing contract, section 15, "Limits": three a day): a reissue ends
/// the code that the customer holds, and nobody expects that hours after it was asked for.
pub(crate) fn of_reissue(error: &RegistryFault, attempt: u32) -> ActivityError {
    match error {
        RegistryFault::Call(call @ CallError::Transient { cause: Cause::Status(429), retry_after, .. }) => {
            let wait = retry_after.map_or_else(|| "later".to_owned(), |wait| format!("in {} s", wait.as_secs().max(1)));
            let text = format!(
                "{call}; a tenant gets three new codes a day, a minute apart, and the code that it has stays as it is: \
                 ask again {wait}, as a new request"
            );
            final_failure(TOO_MANY_REISSUES, text)
        }
        RegistryFault::Call(_) | RegistryFault::Secret(_) => of_registry(error, attempt),
    }
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
    #[test]
    fn the_limit_of_reissues_is_final_and_says_how_long_it_lasts() {
        let limited = |status, seconds: Option<u64>| {
            let retry_after = seconds.map(Duration::from_secs);
            RegistryFault::from(CallError::Transient {
                host: "license.example".to_owned(),
                cause: Cause::Status(status),
                retry_after,
            })
        };
        let text = |error: ActivityError| {
            let ActivityError::Application(failure) = error else { panic!("an application failure") };
            failure.to_string()
        };
        for (seconds, wait) in [(Some(82_400), "again in 82400 s"), (Some(0), "again in 1 s"), (None, "again later")] {
            let error = || of_reissue(&limited(429, seconds), 1);
            assert_eq!(parts(error()), (TOO_MANY_REISSUES.to_owned(), true));
            assert!(text(error()).contains(wait), "{}", text(error()));
        }
        // A service that is overloaded is waited for, and so is the limit of what ends no code.
        assert_eq!(parts(of_reissue(&limited(503, Some(5)), 1)), (TRANSIENT.to_owned(), false));
        assert_eq!(parts(of_registry(&limited(429, Some(5)), 1)), (TRANSIENT.to_owned(), false));
    }
}
