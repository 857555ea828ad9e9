//! Calls to the API server, each with a bound and a classified error.

use crate::failure::ClusterError;
use crate::kind::Kind;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions};
use kube::{Client, ResourceExt};
use model::portal::names::FIELD_MANAGER;
use serde_json::Value;
use std::future::Future;
use std::time::Duration;

/// A client with a bound on every call.
#[derive(Clone)]
pub(crate) struct Calls {
    client: Client,
    timeout: Duration,
}

/// Whether a write takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Goes through validation and admission and is dropped.
    DryRun,
    /// Is stored.
    Stored,
}

/// What the server made of a delete that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// The object is gone.
    Gone,
    /// It is marked, and stays for as long as these finalizers do.
    Held {
        /// Their names, with commas.
        finalizers: String,
    },
}

fn is_held(object: &DynamicObject) -> bool {
    object.metadata.deletion_timestamp.is_some() && object.metadata.finalizers.as_ref().is_some_and(|f| !f.is_empty())
}

impl Calls {
    pub(crate) const fn new(client: Client, timeout: Duration) -> Self {
        Self { client, timeout }
    }

    /// `namespace` is `None` for all namespaces and for kinds without one.
    pub(crate) fn api(&self, kind: Kind, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &kind.resource()),
            None => Api::all_with(self.client.clone(), &kind.resource()),
        }
    }

    /// Reads one object; `None` when it does not exist.
    pub(crate) async fn read(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, ClusterError> {
        let what = || format!("read {} {}", kind.word(), place(namespace, name));
        let api = self.api(kind, namespace);
        let found = self.bounded(kind, what, api.get_opt(name)).await?;
        Ok(found.map(to_value))
    }

    /// Reads the objects that match the selectors.
    pub(crate) async fn list(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        params: &ListParams,
    ) -> Result<Vec<Value>, ClusterError> {
        let what = || format!("list {}", kind.word());
        let api = self.api(kind, namespace);
        let found = self.bounded(kind, what, api.list(params)).await?;
        Ok(found.items.into_iter().map(to_value).collect())
    }

    /// Server-side apply, forced on what we own.
    pub(crate) async fn apply(&self, kind: Kind, object: &Value, effect: Effect) -> Result<Value, ClusterError> {
        let (namespace, name) = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
        let what = || format!("apply {} {}", kind.word(), place(Some(namespace), name));
        let params = PatchParams { dry_run: effect == Effect::DryRun, ..PatchParams::apply(FIELD_MANAGER).force() };
        let api = self.api(kind, Some(namespace));
        self.bounded(kind, what, api.patch(name, &params, &Patch::Apply(object))).await.map(to_value)
    }

    /// Merge patch; the body carries the resource version that it was computed from.
    pub(crate) async fn merge(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        body: &Value,
    ) -> Result<Value, ClusterError> {
        let what = || format!("patch {} {}", kind.word(), place(Some(namespace), name));
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let api = self.api(kind, Some(namespace));
        self.bounded(kind, what, api.patch(name, &params, &Patch::Merge(body))).await.map(to_value)
    }

    /// Deletes one object if it still is the one that was read. An object with finalizers stays until they are gone.
    pub(crate) async fn delete(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<Deletion, ClusterError> {
        let what = || format!("delete {} {}", kind.word(), place(Some(namespace), name));
        let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
        let api = self.api(kind, Some(namespace));
        let call = async {
            match api.delete(name, &params).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(Deletion::Gone),
                Err(error) => Err(error),
                // What is gone at once is answered with a status, or as it last was.
                Ok(answer) => Ok(answer.left().filter(is_held).map_or(Deletion::Gone, |object| Deletion::Held {
                    finalizers: object.metadata.finalizers.unwrap_or_default().join(","),
                })),
            }
        };
        self.bounded(kind, what, call).await
    }

    async fn bounded<T>(
        &self,
        kind: Kind,
        what: impl Fn() -> String,
        call: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterError> {
        match tokio::time::timeout(self.timeout, call).await {
            Err(_) => Err(ClusterError::Unavailable { what: what(), code: 0 }),
            Ok(answer) => answer.map_err(|e| ClusterError::of(what(), &e, kind == Kind::Secret)),
        }
    }
}

pub(crate) fn place(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

/// A dynamic object is plain data, so this cannot fail; were it to, an empty object matches nothing of ours.
pub(crate) fn to_value(object: DynamicObject) -> Value {
    let name = object.name_any();
    serde_json::to_value(object).unwrap_or_else(|_| serde_json::json!({ "metadata": { "name": name } }))
}

pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
