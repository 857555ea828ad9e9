//! The licence API, as an operator calls it: with a service secret, one call for each command.

use crate::clients::licensing as clients;
use crate::config::{Reader, RegistryAccess, Source};
use crate::exit::{Exit, Failure};
use ::licensing::{RegistryApi, RegistryFault};
use outbound::{CallError, IdempotencyKey};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// A client of the service.
pub(super) struct Service(RegistryApi);

impl Service {
    /// Reads `ALGA_LICENSE_SERVICE_URL` and the service secret: `ALGA_LICENSE_SERVICE_SECRET_FILE`, else
    /// `ALGA_LICENSE_SERVICE_SECRET`.
    ///
    /// # Errors
    /// `No` with every problem of these settings.
    pub(super) fn of(source: &Source) -> Result<Self, Failure> {
        let mut reader = Reader::new(source);
        let access = RegistryAccess::read(&mut reader);
        if access.secret.is_none() && reader.problems() == 0 {
            reader.problem("ALGA_LICENSE_SERVICE_SECRET_FILE", "is required: the service asks for a secret");
        }
        reader.finish(()).map_err(|problems| Failure::of(Exit::No, problems))?;
        let api = clients::registry(&access)?;
        Ok(Self(api.expect("an absent address or secret is a problem")))
    }

    /// Sends a request that changes something. Without a key of the caller's every call is a request of its own.
    pub(super) async fn post(&self, path: &[&str], body: &impl Serialize, key: Option<&str>) -> Result<Value, Failure> {
        let made = Uuid::new_v4().to_string();
        let key = IdempotencyKey::new(key.unwrap_or(&made));
        self.0.post(path, body, Some(&key)).await.map_err(failed)
    }

    /// Reads.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        self.0.get(path, query).await.map_err(failed)
    }
}

fn failed(fault: RegistryFault) -> Failure {
    match fault {
        RegistryFault::Call(error) => refused(error),
        RegistryFault::Secret(error) => Failure::new(Exit::No, format!("ALGA_LICENSE_SERVICE_SECRET: {error}")),
    }
}

/// What the service's refusal means for whoever asked.
fn refused(error: CallError) -> Failure {
    let (exit, remedy) = match &error {
        CallError::NotAsked { .. } | CallError::Transient { .. } | CallError::OutcomeUnknown { .. } => {
            (Exit::Unreachable, "the same command again is safe with --key; see `curl <service>/readyz`")
        }
        CallError::Unreadable { .. } | CallError::TooLarge { .. } => {
            (Exit::Internal, "is ALGA_LICENSE_SERVICE_URL right?")
        }
        CallError::Rejected { code, .. } => match code {
            Some("unauthorized") => (Exit::Refused, "the service secret is not valid for this route"),
            Some("ambiguous_contact") => (
                Exit::Refused,
                "several tenants have this address: choose one of `tenantry license tenants list --query ADDRESS` and name it with --tenant",
            ),
            Some("tenant_not_found" | "entitlement_not_found" | "appliance_not_found") => {
                (Exit::NotFound, "see `tenantry license tenants list`")
            }
            Some(
                "invalid_request" | "invalid_edition" | "invalid_seats" | "invalid_transport" | "tier_not_sellable",
            ) => (Exit::Usage, "correct the argument that is named; names have at most 100 characters and no links"),
            Some(_) | None => (Exit::Refused, "see docs/runbook-licences.md"),
        },
    };
    let text = format!("{error}; {remedy}");
    Failure::new(exit, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit_of(code: Option<&'static str>, status: u16) -> Exit {
        refused(CallError::Rejected { host: "license.example".to_owned(), status, code }).exit
    }

    #[test]
    fn a_refusal_has_the_exit_code_of_its_kind() {
        assert_eq!(exit_of(Some("tenant_not_found"), 404), Exit::NotFound);
        assert_eq!(exit_of(Some("invalid_edition"), 400), Exit::Usage);
        assert_eq!(exit_of(Some("unauthorized"), 401), Exit::Refused);
        assert_eq!(exit_of(None, 409), Exit::Refused);
        let lost = CallError::OutcomeUnknown { host: "license.example".to_owned() };
        assert_eq!(refused(lost).exit, Exit::Unreachable);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Service::of(&Source::of([])).err().expect("no secret").error.to_string();
        assert!(error.contains("ALGA_LICENSE_SERVICE_SECRET_FILE"), "{error}");
        let set = [
            ("ALGA_LICENSE_SERVICE_URL", "http://license.example"),
            ("ALGA_LICENSE_SERVICE_SECRET", "s".repeat(32).as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let error = Service::of(&Source::of(set)).err().expect("no https").error.to_string();
        assert!(error.contains("ALGA_LICENSE_SERVICE_URL: must be an https URL"), "{error}");
    }
}
