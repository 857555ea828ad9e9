//! The licence API, as an operator calls it: with a service secret, one call for each command.

use crate::clients::licensing as clients;
use crate::config::{self, Reader, RegistryAccess, Source};
use crate::exit::{Exit, Failure};
use ::licensing::{RegistryApi, RegistryFault};
use outbound::{CallError, IdempotencyKey};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// How often a request may come.
#[derive(Debug, Clone, Copy)]
pub(super) enum Repeats<'a> {
    /// As often as one likes: the effect is the same.
    Freely,
    /// As often as one likes under the key of `--key`. Without one every call is a request of its own.
    Under(Option<&'a str>),
    /// Every call has an effect of its own.
    Once,
}

impl<'a> Repeats<'a> {
    const fn key(self) -> Option<&'a str> {
        match self {
            Self::Under(key) => key,
            Self::Freely | Self::Once => None,
        }
    }

    /// What to do when nobody knows what became of a request.
    const fn advice(self) -> &'static str {
        match self {
            Self::Freely | Self::Under(Some(_)) => "the same command again is safe; see `curl <service>/readyz`",
            Self::Under(None) => "the same command again is safe with --key; see `curl <service>/readyz`",
            Self::Once => "look at `tenantry license tenants list` before you repeat it; see `curl <service>/readyz`",
        }
    }
}

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
        // Not needed here, but a value that says nothing is a mistake for every command of licences.
        let _ = config::loopback(&mut reader);
        if access.secret.is_none() && reader.problems() == 0 {
            reader.problem("ALGA_LICENSE_SERVICE_SECRET_FILE", "is required: the service asks for a secret");
        }
        reader.finish(()).map_err(|problems| Failure::of(Exit::No, problems))?;
        let api = clients::registry(&access)?;
        Ok(Self(api.expect("an absent address or secret is a problem")))
    }

    /// Sends a request that changes something, under a key.
    pub(super) async fn post(
        &self,
        path: &[&str],
        body: &impl Serialize,
        repeats: Repeats<'_>,
    ) -> Result<Value, Failure> {
        let made = Uuid::new_v4().to_string();
        let key = IdempotencyKey::new(repeats.key().unwrap_or(&made));
        self.0.post(path, body, Some(&key)).await.map_err(|fault| failed(fault, repeats))
    }

    /// Sends a request whose body names its entity, such as a submission: every repeat is the same one, also with more in it.
    pub(super) async fn post_entity(&self, path: &[&str], body: &impl Serialize) -> Result<Value, Failure> {
        self.0.post(path, body, None).await.map_err(|fault| failed(fault, Repeats::Freely))
    }

    /// Reads.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        self.0.get(path, query).await.map_err(|fault| failed(fault, Repeats::Freely))
    }

    /// The statement of licence keys; the service has none before the first is published.
    pub(super) async fn keys(&self) -> Result<Value, Failure> {
        match self.0.get(&["keys"], &[]).await {
            Err(RegistryFault::Call(CallError::Rejected { status: 404, .. })) => {
                let text = "no statement of licence keys is published (TENANTRY_LICENSE_KEYSET_FILE of the service)";
                Err(Failure::new(Exit::NotFound, text))
            }
            answer => answer.map_err(|fault| failed(fault, Repeats::Freely)),
        }
    }
}

fn failed(fault: RegistryFault, repeats: Repeats<'_>) -> Failure {
    match fault {
        RegistryFault::Call(error) => refused(&error, repeats),
        RegistryFault::Secret(error) => Failure::new(Exit::No, format!("ALGA_LICENSE_SERVICE_SECRET: {error}")),
    }
}

/// What the service's refusal means for whoever asked.
fn refused(error: &CallError, repeats: Repeats<'_>) -> Failure {
    let (exit, remedy) = match error {
        CallError::Transient { retry_after, .. } if error.status() == Some(429) => {
            let wait = retry_after.map(|wait| format!(" in {} s", wait.as_secs().max(1))).unwrap_or_default();
            let text = format!("{error}; ask again{wait}: a tenant gets three reissues a day, at least a minute apart");
            return Failure::new(Exit::Refused, text);
        }
        CallError::NotAsked { .. } | CallError::Transient { .. } | CallError::OutcomeUnknown { .. } => {
            (Exit::Unreachable, repeats.advice())
        }
        CallError::Unreadable { .. } | CallError::TooLarge { .. } => {
            (Exit::Internal, "is ALGA_LICENSE_SERVICE_URL right?")
        }
        CallError::Rejected { code, .. } => remedy_of(*code),
    };
    Failure::new(exit, format!("{error}; {remedy}"))
}

/// The exit code of a refusal, and what helps, by the code of the service.
pub(super) fn remedy_of(code: Option<&str>) -> (Exit, &'static str) {
    match code {
        Some("unauthorized") => (Exit::Refused, "the service secret is not valid for this route"),
        Some("ambiguous_contact") => (
            Exit::Refused,
            "several tenants have this address: choose one of `tenantry license tenants list --query ADDRESS` and name it with --tenant",
        ),
        Some("tenant_not_found") => (Exit::NotFound, "see `tenantry license tenants list`"),
        Some("entitlement_not_found") => (
            Exit::NotFound,
            "no subscription of this id is known: `tenantry license tenants show` names a tenant's own, and \
             `tenantry license entitle` makes one",
        ),
        Some("appliance_not_found") => {
            (Exit::NotFound, "the subscription has no such appliance: `tenantry license tenants show` lists a tenant's")
        }
        Some("invalid_request") => (
            Exit::Usage,
            "check the arguments: names have at most 100 characters and no links, an address has the form name@host.domain, \
             an id has no blanks, and a key 16 to 128 of A-Z a-z 0-9 . _ : -",
        ),
        Some("invalid_edition") => (Exit::Usage, "the edition must be essentials or pro"),
        Some("invalid_seats") => (Exit::Usage, "seats must be a number above 0; left out, they are unlimited"),
        Some("invalid_transport") => (Exit::Usage, "the transport must be connected or airgap"),
        Some("tier_not_sellable") => (Exit::Usage, "only pro is sold"),
        Some("tenant_required") => (Exit::Usage, "name the tenant with --tenant: an airgap licence is bound to it"),
        Some("idempotency_conflict") => (
            Exit::Refused,
            "this submission or key stands for another request: use another one, or repeat the first request unchanged",
        ),
        Some("tenant_exists") => (
            Exit::Refused,
            "a tenant of this id is registered: `tenantry license reissue --tenant` gives it a new code, `tenantry license entitle` \
             a subscription; or leave --tenant out for another tenant",
        ),
        Some("no_active_entitlement") => (
            Exit::Refused,
            "the tenant's subscription is not active, so no code can be made: `tenantry license entitle` gives it another one; its \
             appliances are ended one by one with `tenantry license appliance revoke`",
        ),
        Some("entitlement_inactive") => (
            Exit::Refused,
            "the subscription has ended for good: `tenantry license entitle` makes another one for the tenant",
        ),
        Some("tenant_mismatch") => (Exit::Refused, "the subscription belongs to another tenant"),
        Some("tenant_suspended") => {
            (Exit::Refused, "the tenant is suspended or cancelled: `tenantry license tenants set-status` lifts it")
        }
        Some(_) | None => (Exit::Refused, "see docs/runbook-licences.md"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit_of(code: Option<&'static str>, status: u16) -> Exit {
        refused(&CallError::Rejected { host: "license.example".to_owned(), status, code }, Repeats::Freely).exit
    }

    #[test]
    fn a_refusal_has_the_exit_code_of_its_kind() {
        assert_eq!(exit_of(Some("tenant_not_found"), 404), Exit::NotFound);
        assert_eq!(exit_of(Some("invalid_edition"), 400), Exit::Usage);
        assert_eq!(exit_of(Some("unauthorized"), 401), Exit::Refused);
        assert_eq!(exit_of(None, 409), Exit::Refused);
        let lost = CallError::OutcomeUnknown { host: "license.example".to_owned() };
        assert_eq!(refused(&lost, Repeats::Freely).exit, Exit::Unreachable);
        for (repeats, key) in
            [(Repeats::Freely, false), (Repeats::Under(Some("k")), false), (Repeats::Under(None), true)]
        {
            assert_eq!(refused(&lost, repeats).to_string().contains("--key"), key, "{repeats:?}");
        }
        assert!(refused(&lost, Repeats::Once).to_string().contains("before you repeat it"));
    }

    #[test]
    fn a_limit_says_when_to_ask_again_and_every_refusal_what_helps() {
        let limited = CallError::Transient {
            host: "license.example".to_owned(),
            cause: outbound::Cause::Status(429),
            retry_after: Some(std::time::Duration::from_secs(42)),
        };
        let failure = refused(&limited, Repeats::Under(None));
        assert_eq!(failure.exit, Exit::Refused);
        assert!(failure.to_string().contains("ask again in 42 s"), "{failure}");
        for code in
            ["idempotency_conflict", "tenant_exists", "no_active_entitlement", "tenant_mismatch", "tenant_suspended"]
        {
            let error = CallError::Rejected { host: "license.example".to_owned(), status: 409, code: Some(code) };
            assert!(!refused(&error, Repeats::Freely).to_string().contains("docs/"), "{code}");
        }
    }

    #[test]
    fn every_mistake_has_a_sentence_of_its_own() {
        let codes = [
            "invalid_request",
            "invalid_edition",
            "invalid_seats",
            "invalid_transport",
            "tier_not_sellable",
            "tenant_required",
            "tenant_not_found",
            "entitlement_not_found",
            "appliance_not_found",
        ];
        let sentences: std::collections::BTreeSet<&str> = codes.iter().map(|code| remedy_of(Some(code)).1).collect();
        assert_eq!(sentences.len(), codes.len());
        assert!(remedy_of(Some("entitlement_not_found")).1.contains("license entitle"));
        let exists = remedy_of(Some("tenant_exists")).1;
        assert!(exists.contains("license reissue") && exists.contains("license entitle"), "{exists}");
        for code in ["invalid_edition", "invalid_seats", "invalid_transport"] {
            assert_eq!(remedy_of(Some(code)).0, Exit::Usage, "{code}");
        }
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
        let source = Source::of(set).with_default("ALGA_LICENSE_ALLOW_LOOPBACK", "maybe");
        let error = Service::of(&source).err().expect("no https").error.to_string();
        assert!(error.contains("ALGA_LICENSE_ALLOW_LOOPBACK: must be true or false"), "{error}");
        assert!(error.contains("ALGA_LICENSE_SERVICE_URL: must be an https URL"), "{error}");
    }
}
