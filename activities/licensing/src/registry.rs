//! A client of the licence API's service routes: one call is one attempt, with the service secret.

use outbound::{BaseUrl, Body, Call, CallError, Caller, Codes, IdempotencyKey, Meaning, SecretFault, Want, bearer};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// Refusals that somebody acts upon (licensing contract, section 5.2).
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

/// Why a call brought nothing. Holds no byte of an answer beside a known code.
#[derive(Debug, thiserror::Error)]
pub enum RegistryFault {
    /// The secret cannot stand in a header.
    #[error("ALGA_LICENSE_SERVICE_SECRET: {0}")]
    Secret(#[from] SecretFault),
    /// The call.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// The code of a refusal that somebody acts upon.
pub const fn refusal_of(error: &CallError) -> Option<&'static str> {
    match error {
        CallError::Rejected { code, .. } => *code,
        CallError::NotAsked { .. }
        | CallError::Transient { .. }
        | CallError::OutcomeUnknown { .. }
        | CallError::Unreadable { .. }
        | CallError::TooLarge { .. } => None,
    }
}

/// The service routes at one address. Cheap to clone.
#[derive(Clone)]
pub struct RegistryApi {
    base: BaseUrl,
    caller: Arc<Caller>,
    secret: SecretString,
}

impl fmt::Debug for RegistryApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryApi").field("base", &self.base).finish_non_exhaustive()
    }
}

impl RegistryApi {
    /// A client with this secret.
    pub const fn new(base: BaseUrl, caller: Arc<Caller>, secret: SecretString) -> Self {
        Self { base, caller, secret }
    }

    /// Sends a request that changes something. Without a key the request is its own entity's, such as a submission.
    ///
    /// # Errors
    /// See [`RegistryFault`].
    pub async fn post<A: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        key: Option<&IdempotencyKey>,
    ) -> Result<A, RegistryFault> {
        let call = Call::post(self.base.endpoint(path), Body::json(body), Want::Body);
        self.send(match key {
            Some(key) => call.key(key),
            None => call,
        })
        .await
    }

    /// Reads.
    ///
    /// # Errors
    /// See [`RegistryFault`].
    pub async fn get<A: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<A, RegistryFault> {
        self.send(Call::get(self.base.endpoint(path).with_query(query))).await
    }

    async fn send<A: DeserializeOwned>(&self, call: Call) -> Result<A, RegistryFault> {
        let secret = bearer("ALGA_LICENSE_SERVICE_SECRET", &self.secret)?;
        let reply = self.caller.send(call.header("authorization", secret).codes(CODES)).await?;
        Ok(reply.json()?)
    }
}
