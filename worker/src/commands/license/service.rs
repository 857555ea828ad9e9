//! The licence API, as an operator calls it: with a service secret, one call for each command.

use crate::config::{Reader, Source};
use crate::exit::{Exit, Failure, OrExit as _};
use outbound::{
    BaseUrl, Body, Call, CallError, Caller, Cleartext, Codes, IdempotencyKey, Limits, Meaning, Want, bearer,
};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Where the service is when nothing is set (licensing contract, section 8).
const URL_DEFAULT: &str = "https://license.nineminds.com";

/// Refusals that an operator acts upon (licensing contract, section 5.2).
const CODES: Codes = Codes {
    at: &["/code"],
    known: &[
        ("ambiguous_contact", Meaning::Final),
        ("appliance_not_found", Meaning::Final),
        ("entitlement_inactive", Meaning::Final),
        ("entitlement_not_found", Meaning::Final),
        ("idempotency_conflict", Meaning::Final),
        ("invalid_edition", Meaning::Final),
        ("invalid_request", Meaning::Final),
        ("invalid_seats", Meaning::Final),
        ("invalid_transport", Meaning::Final),
        ("no_active_entitlement", Meaning::Final),
        ("tenant_exists", Meaning::Final),
        ("tenant_mismatch", Meaning::Final),
        ("tenant_not_found", Meaning::Final),
        ("tenant_required", Meaning::Final),
        ("tenant_suspended", Meaning::Final),
        ("tier_not_sellable", Meaning::Final),
        ("unauthorized", Meaning::Final),
    ],
};

/// A client of the service.
pub(super) struct Service {
    base: BaseUrl,
    caller: Caller,
    secret: SecretString,
}

impl Service {
    /// Reads `ALGA_LICENSE_SERVICE_URL` and the service secret: `ALGA_LICENSE_SERVICE_SECRET_FILE`, else
    /// `ALGA_LICENSE_SERVICE_SECRET`.
    ///
    /// # Errors
    /// `No` with every problem of these settings.
    pub(super) fn of(source: &Source) -> Result<Self, Failure> {
        let mut reader = Reader::new(source);
        let url = reader.text_or("ALGA_LICENSE_SERVICE_URL", URL_DEFAULT);
        let base = BaseUrl::parse(&url, Cleartext::LoopbackOnly);
        if base.is_err() {
            reader.problem("ALGA_LICENSE_SERVICE_URL", "must be an https URL, or http to this machine");
        }
        let secret = match source.value("ALGA_LICENSE_SERVICE_SECRET_FILE") {
            Some(_) => reader.secret_in_file("ALGA_LICENSE_SERVICE_SECRET_FILE"),
            None => reader.secret("ALGA_LICENSE_SERVICE_SECRET"),
        };
        if secret.is_none() && reader.problems() == 0 {
            reader.problem("ALGA_LICENSE_SERVICE_SECRET_FILE", "is required: the service asks for a secret");
        }
        reader.finish(()).map_err(|problems| Failure::of(Exit::No, problems))?;
        let caller = Caller::new(Limits::default()).or_exit(Exit::Internal, "could not make an HTTPS client")?;
        Ok(Self {
            base: base.expect("a base that cannot be read is a problem"),
            caller,
            secret: SecretString::from(secret.expect("an absent secret is a problem").expose()),
        })
    }

    /// Sends a request that changes something. Without a key of the caller's every call is a request of its own.
    pub(super) async fn post(&self, path: &[&str], body: &impl Serialize, key: Option<&str>) -> Result<Value, Failure> {
        let made = Uuid::new_v4().to_string();
        let call = Call::post(self.base.endpoint(path), Body::json(body), Want::Body);
        self.send(call.key(&IdempotencyKey::new(key.unwrap_or(&made)))).await
    }

    /// Reads.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        self.send(Call::get(self.base.endpoint(path).with_query(query))).await
    }

    async fn send(&self, call: Call) -> Result<Value, Failure> {
        let secret =
            bearer("ALGA_LICENSE_SERVICE_SECRET", &self.secret).or_exit(Exit::No, "the secret is no secret")?;
        let reply = self.caller.send(call.header("authorization", secret).codes(CODES)).await.map_err(refused)?;
        reply.json().map_err(refused)
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
