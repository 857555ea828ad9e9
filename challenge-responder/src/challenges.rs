//! The HTTP-01 Challenges of cert-manager, kept current by a watch.

use crate::question::{AskedHost, Token};
use futures::{Stream, StreamExt};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::WatchStreamExt;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout;

/// Pause between two attempts of a broken watch. Constant and well below the patience of a request: after an outage of the
/// API server the issuer goes on at once, and an authority that asks while we still pause costs a failed authorization
/// (measured 2026-11-25: with a pause growing to 30 s, an outage of 60 s failed the order behind it). A handful of responders
/// asking twice a second is no load for an API server.
const RETRY: Duration = Duration::from_millis(500);
/// A watch that broke within this time may miss what exists; above [`RETRY`], so a watch that keeps breaking never is trusted.
const TRUST_AFTER: Duration = Duration::from_secs(3);

type ObjectName = (String, String);
type Question = (AskedHost, Token);

/// The key authorization of one challenge. Not printable.
#[derive(Clone, PartialEq, Eq)]
struct KeyAuthorization(String);

/// Every HTTP-01 Challenge, by what an authority asks for.
#[derive(Default)]
struct Index {
    by_object: BTreeMap<ObjectName, Question>,
    by_question: BTreeMap<Question, BTreeMap<ObjectName, KeyAuthorization>>,
    broke: Option<Instant>,
}

/// The current Challenges. Shared between the watch that fills it and the requests that read it.
#[derive(Default)]
pub struct Challenges {
    index: RwLock<Index>,
    synced: AtomicBool,
    version: watch::Sender<u64>,
}

impl Challenges {
    /// Tells whether the first list has arrived.
    pub fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// Tells whether what is not known does not exist: the first list has arrived, and the watch did not break just now.
    pub fn is_complete(&self, now: Instant) -> bool {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        self.is_synced() && index.broke.is_none_or(|at| now.saturating_duration_since(at) > TRUST_AFTER)
    }

    /// The answer for a host and token, as far as it is known now.
    pub fn find(&self, host: &AskedHost, token: &Token) -> Option<String> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let objects = index.by_question.get(&(host.clone(), token.clone()))?;
        objects.values().next().map(|key| key.0.clone())
    }

    /// Waits for the answer to arrive, at most `patience`.
    pub async fn wait_for(&self, host: &AskedHost, token: &Token, patience: Duration) -> Option<String> {
        // Subscribed before the first look, so that no change falls between look and wait.
        let mut changes = self.version.subscribe();
        let arrival = async {
            loop {
                if let Some(found) = self.find(host, token) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        timeout(patience, arrival).await.ok().flatten()
    }

    /// Takes in the events of a watch until the stream ends. Errors are retried by the stream itself; what was known stays
    /// in force meanwhile.
    pub async fn feed(&self, events: impl Stream<Item = watcher::Result<Event<DynamicObject>>>) {
        let mut events = std::pin::pin!(events);
        let mut relisted = Index::default();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => relisted = Index::default(),
                Ok(Event::InitApply(object)) => relisted.put(&object),
                Ok(Event::InitDone) => {
                    self.change(|index| *index = std::mem::take(&mut relisted));
                    self.synced.store(true, Ordering::Release);
                }
                Ok(Event::Apply(object)) => self.change(|index| index.put(&object)),
                Ok(Event::Delete(object)) => self.change(|index| index.remove(&name(&object))),
                Err(error) => {
                    tracing::warn!(%error, "the watch of Challenges was interrupted, retrying");
                    self.change(|index| index.broke = Some(Instant::now()));
                }
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Index)) {
        change(&mut self.index.write().unwrap_or_else(PoisonError::into_inner));
        self.version.send_modify(|version| *version = version.wrapping_add(1));
    }
}

impl Index {
    fn put(&mut self, object: &DynamicObject) {
        let object_name = name(object);
        self.remove(&object_name);
        if let Some((question, key)) = read(object) {
            self.by_question.entry(question.clone()).or_default().insert(object_name.clone(), key);
            self.by_object.insert(object_name, question);
        }
    }

    fn remove(&mut self, object_name: &ObjectName) {
        let Some(question) = self.by_object.remove(object_name) else { return };
        if let Some(objects) = self.by_question.get_mut(&question) {
            objects.remove(object_name);
            if objects.is_empty() {
                self.by_question.remove(&question);
            }
        }
    }
}

/// The event stream of `acme.cert-manager.io/v1` Challenges. Needs the verbs get, list and watch on them, nothing else.
pub fn challenge_events(
    client: Client,
    namespace: Option<&str>,
) -> impl Stream<Item = watcher::Result<Event<DynamicObject>>> + use<> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("acme.cert-manager.io", "v1", "Challenge"));
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &kind),
        None => Api::all_with(client, &kind),
    };
    watcher(api, watcher::Config::default()).backoff(Steady)
}

/// The same pause each time, without an end.
struct Steady;

impl Iterator for Steady {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(RETRY)
    }
}

impl Backoff for Steady {
    fn reset(&mut self) {}
}

fn name(object: &DynamicObject) -> ObjectName {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Reads an HTTP-01 Challenge; `None` for other types and for objects that are not complete.
fn read(object: &DynamicObject) -> Option<(Question, KeyAuthorization)> {
    let spec = object.data.get("spec")?;
    let text = |field: &str| spec.get(field).and_then(|value| value.as_str());
    if text("type") != Some("HTTP-01") {
        return None;
    }
    let host = AskedHost::parse(text("dnsName")?)?;
    let token = Token::parse(text("token")?)?;
    let key = text("key").filter(|key| !key.is_empty())?;
    Some(((host, token), KeyAuthorization(key.to_owned())))
}

#[cfg(test)]
#[path = "challenges/tests.rs"]
mod tests;
