//! Secrets over the Kubernetes API: server-side apply, field by field, under one field manager.

use super::fields::{Fields, Scope, SecretStore, SecretsError};
use super::names::Place;
use async_trait::async_trait;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt as _};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The one field manager (licensing contract, L-20).
const MANAGER: &str = "tenantry";

/// Longest wait for one answer.
const CALL_MAX: Duration = Duration::from_secs(15);

/// Reads and writes before a Secret that keeps changing is given up. Its other writers are the setup service and a job that
/// runs once, so a second round is rare.
const ROUNDS_MAX: usize = 5;

/// Secrets of one cluster.
///
/// A server-side apply replaces all that its manager owns: a field that an apply leaves out is removed. So a write of some
/// fields first reads which ones are ours, and applies those with it, against the version that was read.
#[derive(Clone)]
pub struct KubernetesSecrets {
    client: Client,
    call_max: Duration,
}

/// What became of one round.
enum Round<T> {
    Done(T),
    /// 409: read again.
    Changed,
}

impl KubernetesSecrets {
    /// Works with this client; each call waits 15 s at most.
    pub const fn new(client: Client) -> Self {
        Self::with_call_max(client, CALL_MAX)
    }

    /// Works with this client and another limit for one call.
    pub const fn with_call_max(client: Client, call_max: Duration) -> Self {
        Self { client, call_max }
    }

    fn api(&self, place: Place) -> Api<Secret> {
        Api::namespaced(self.client.clone(), place.namespace)
    }

    async fn found(&self, place: Place) -> Result<Option<Secret>, SecretsError> {
        let api = self.api(place);
        match self.bounded("read", place, api.get_opt(place.name)).await? {
            Round::Done(found) => Ok(found),
            Round::Changed => Err(SecretsError::Changed { what: "read", place }),
        }
    }

    async fn apply(
        &self,
        place: Place,
        found: Option<&Secret>,
        data: &BTreeMap<&str, Value>,
    ) -> Result<Round<()>, SecretsError> {
        let mut object = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": place.name, "namespace": place.namespace },
            "data": data,
        });
        if let Some(version) = found.and_then(|secret| secret.resource_version()) {
            object["metadata"]["resourceVersion"] = json!(version);
        }
        let api = self.api(place);
        // Fields of §10 are ours, whoever wrote them before; others are not named here.
        let params = PatchParams::apply(MANAGER).force();
        Ok(match self.bounded("write", place, api.patch(place.name, &params, &Patch::Apply(&object))).await? {
            Round::Done(_) => Round::Done(()),
            Round::Changed => Round::Changed,
        })
    }

    async fn bounded<T>(
        &self,
        what: &'static str,
        place: Place,
        call: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<Round<T>, SecretsError> {
        let Ok(answer) = tokio::time::timeout(self.call_max, call).await else {
            return Err(SecretsError::Unavailable { what, place });
        };
        let error = match answer {
            Ok(value) => return Ok(Round::Done(value)),
            Err(error) => error,
        };
        let kube::Error::Api(status) = error else { return Err(SecretsError::Unavailable { what, place }) };
        match status.code {
            409 => Ok(Round::Changed),
            status @ 400..=428 => Err(SecretsError::Refused { what, place, status }),
            status @ 430..=499 => Err(SecretsError::Refused { what, place, status }),
            _ => Err(SecretsError::Unavailable { what, place }),
        }
    }
}

#[async_trait]
impl SecretStore for KubernetesSecrets {
    async fn read(&self, place: Place, key: &'static str) -> Result<Option<SecretString>, SecretsError> {
        Ok(self.found(place).await?.and_then(|secret| value_of(&secret, key)))
    }

    async fn put(&self, place: Place, fields: &Fields, scope: Scope) -> Result<(), SecretsError> {
        for _ in 0..ROUNDS_MAX {
            let found = self.found(place).await?;
            let mut data = match scope {
                Scope::These => found.as_ref().map(kept).unwrap_or_default(),
                Scope::All => BTreeMap::new(),
            };
            for (key, value) in fields.iter().filter(|(_, value)| !value.expose_secret().is_empty()) {
                data.insert((*key).to_owned(), encoded(value.expose_secret().as_bytes()));
            }
            let data = data.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
            match self.apply(place, found.as_ref(), &data).await? {
                Round::Done(()) => return Ok(()),
                Round::Changed => {}
            }
        }
        Err(SecretsError::Changed { what: "write", place })
    }

    async fn put_once(&self, place: Place, key: &'static str, value: &SecretString) -> Result<bool, SecretsError> {
        for _ in 0..ROUNDS_MAX {
            let found = self.found(place).await?;
            let round = match &found {
                Some(secret) if value_of(secret, key).is_some() => return Ok(false),
                Some(secret) => {
                    let mut data = kept(secret);
                    data.insert(key.to_owned(), encoded(value.expose_secret().as_bytes()));
                    let data = data.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
                    self.apply(place, found.as_ref(), &data).await?
                }
                None => {
                    // An apply would also write over a Secret that appears in this moment; a create does not.
                    let bytes = ByteString(value.expose_secret().as_bytes().to_vec());
                    let mut secret =
                        Secret { data: Some(BTreeMap::from([(key.to_owned(), bytes)])), ..Secret::default() };
                    secret.metadata.name = Some(place.name.to_owned());
                    let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
                    let api = self.api(place);
                    match self.bounded("write", place, api.create(&params, &secret)).await? {
                        Round::Done(_) => Round::Done(()),
                        Round::Changed => Round::Changed,
                    }
                }
            };
            match round {
                Round::Done(()) => return Ok(true),
                Round::Changed => {}
            }
        }
        Err(SecretsError::Changed { what: "write", place })
    }

    async fn remove(&self, place: Place, key: &'static str) -> Result<(), SecretsError> {
        for _ in 0..ROUNDS_MAX {
            let Some(found) = self.found(place).await? else { return Ok(()) };
            if !found.data.as_ref().is_some_and(|data| data.contains_key(key)) {
                return Ok(());
            }
            // An apply could only give up our own share of the field; a merge patch takes it away.
            let patch = json!({ "metadata": { "resourceVersion": found.resource_version() }, "data": { key: null } });
            let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
            let api = self.api(place);
            match self.bounded("write", place, api.patch(place.name, &params, &Patch::Merge(&patch))).await? {
                Round::Done(_) => return Ok(()),
                Round::Changed => {}
            }
        }
        Err(SecretsError::Changed { what: "write", place })
    }
}

/// A field that holds something.
fn value_of(secret: &Secret, key: &str) -> Option<SecretString> {
    let bytes = &secret.data.as_ref()?.get(key)?.0;
    std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty()).map(SecretString::from)
}

/// The fields that our manager applied, with their values.
fn kept(secret: &Secret) -> BTreeMap<String, Value> {
    let owned: BTreeSet<String> =
        secret.managed_fields().iter().filter(|entry| is_ours(entry)).flat_map(keys).collect();
    let data = secret.data.iter().flatten();
    data.filter(|(key, _)| owned.contains(*key)).map(|(key, value)| (key.clone(), encoded(&value.0))).collect()
}

fn is_ours(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(MANAGER) && entry.operation.as_deref() == Some("Apply")
}

/// The keys of `data` in the form of the API server: `{"f:data": {"f:KEY": {}}}`.
fn keys(entry: &ManagedFieldsEntry) -> Vec<String> {
    let fields = entry.fields_v1.as_ref().and_then(|fields| fields.0.get("f:data")).and_then(Value::as_object);
    fields.into_iter().flatten().filter_map(|(key, _)| key.strip_prefix("f:").map(str::to_owned)).collect()
}

fn encoded(bytes: &[u8]) -> Value {
    Value::String(data_encoding::BASE64.encode(bytes))
}
