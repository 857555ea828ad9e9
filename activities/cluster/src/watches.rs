//! One set of watches per worker: who claims which host, and the requests, Orders and Challenges of every certificate.
//!
//! A question is answered from memory, so a look at one domain costs a constant number of calls however many exist. Nothing
//! is answered before the first listing is complete, or while a watch keeps failing.

use crate::api::{Calls, text, to_value};
use crate::kind::Kind;
use futures::StreamExt;
use kube::api::{Api, DynamicObject, ListParams};
use kube::runtime::watcher::{self, Event, watcher};
use model::portal::edge::{ClaimKind, Conflict, EdgeIndex, EdgeScope, ObjectRef, OwnObjects, claims};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Namespaces and names that a listing showed.
type Seen = BTreeSet<(String, String)>;

/// First pause after a watch failed.
const RETRY_MIN: Duration = Duration::from_millis(200);
/// Longest pause between two attempts of a failing watch.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// A watch that failed within this time is not trusted. Above [`RETRY_MAX`], so a watch that keeps failing never is.
const TRUST_AFTER: Duration = Duration::from_secs(8);
/// How often a kind that the cluster does not know is asked for again.
const ABSENT_RETRY: Duration = Duration::from_secs(60);

/// The watches; they start with the first question and end with the last handle.
#[derive(Clone)]
pub(crate) struct Watches(Arc<Inner>);

struct Inner {
    calls: Calls,
    scope: EdgeScope,
    cert_namespace: String,
    state: Mutex<State>,
    changed: watch::Sender<()>,
    tasks: OnceLock<Mutex<JoinSet<()>>>,
}

#[derive(Default)]
struct State {
    edge: EdgeIndex,
    objects: BTreeMap<Kind, BTreeMap<String, BTreeMap<String, Packed>>>,
    keys: BTreeMap<(Kind, String), String>,
    complete: BTreeSet<Kind>,
    failed: BTreeMap<Kind, Instant>,
}

/// What the watches know of one certificate.
#[derive(Debug, Default)]
pub(crate) struct Issuance {
    pub(crate) requests: Vec<Value>,
    pub(crate) orders: Vec<Value>,
    pub(crate) challenges: Vec<Value>,
}

const ISSUANCE: [Kind; 3] = [Kind::Request, Kind::Order, Kind::Challenge];

impl Watches {
    pub(crate) fn new(calls: Calls, scope: EdgeScope, cert_namespace: String) -> Self {
        Self(Arc::new(Inner {
            calls,
            scope,
            cert_namespace,
            state: Mutex::default(),
            changed: watch::Sender::new(()),
            tasks: OnceLock::new(),
        }))
    }

    /// Starts the watches, once. Needs a runtime.
    pub(crate) fn start(&self) {
        self.0.tasks.get_or_init(|| {
            let mut tasks = JoinSet::new();
            for claim in ClaimKind::ALL {
                tasks.spawn(run(Arc::downgrade(&self.0), Kind::of_claim(claim), Some(claim)));
            }
            for kind in ISSUANCE {
                tasks.spawn(run(Arc::downgrade(&self.0), kind, None));
            }
            Mutex::new(tasks)
        });
    }

    /// Waits until every claim is known, at most `patience`. `false` when it is not, or no longer.
    pub(crate) async fn edge_ready(&self, patience: Duration) -> bool {
        self.ready(&ClaimKind::ALL.map(Kind::of_claim), patience).await
    }

    /// The same for requests, Orders and Challenges.
    pub(crate) async fn issuance_ready(&self, patience: Duration) -> bool {
        self.ready(&ISSUANCE, patience).await
    }

    async fn ready(&self, kinds: &[Kind], patience: Duration) -> bool {
        self.start();
        let mut changed = self.0.changed.subscribe();
        let all = async {
            while !kinds.iter().all(|k| self.0.state().trusted(*k)) {
                if changed.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(patience, all).await.unwrap_or(false)
    }

    /// The first foreign claim on a host. Ask [`Watches::edge_ready`] first.
    pub(crate) fn conflict(&self, host: &str, own: &OwnObjects) -> Option<Conflict> {
        self.0.state().edge.conflict(host, own, &self.0.scope)
    }

    /// Requests and Orders of a Certificate, and Challenges for its host. Ask [`Watches::issuance_ready`] first.
    pub(crate) fn issuance(&self, certificate: &str, host: &str) -> Issuance {
        let state = self.0.state();
        let of = |kind: Kind, key: &str| {
            let named = state.objects.get(&kind).and_then(|m| m.get(key));
            named.map(|m| m.values().map(Packed::open).collect()).unwrap_or_default()
        };
        Issuance {
            requests: of(Kind::Request, certificate),
            orders: of(Kind::Order, certificate),
            challenges: of(Kind::Challenge, host),
        }
    }

    /// Versions of the same objects: they differ when one of them changed.
    pub(crate) fn versions(&self, certificate: &str, host: &str) -> Vec<Box<str>> {
        let state = self.0.state();
        let keys = [(Kind::Request, certificate), (Kind::Order, certificate), (Kind::Challenge, host)];
        let named = keys.iter().filter_map(|(kind, key)| state.objects.get(kind).and_then(|m| m.get(*key)));
        named.flat_map(|m| m.values()).map(|packed| packed.version.clone()).collect()
    }

    /// Wakes when anything changed.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.start();
        self.0.changed.subscribe()
    }
}

impl Inner {
    fn api(&self, kind: Kind, claim: Option<ClaimKind>) -> Api<DynamicObject> {
        self.calls.api(kind, claim.is_none().then_some(self.cert_namespace.as_str()))
    }

    fn absent(&self, kind: Kind, claim: Option<ClaimKind>) {
        let mut state = self.state();
        state.keep_only(kind, claim, &BTreeSet::new());
        state.complete.insert(kind);
        state.failed.remove(&kind);
        drop(state);
        self.changed.send_replace(());
    }

    fn failed(&self, kind: Kind) {
        self.state().failed.insert(kind, Instant::now());
        self.changed.send_replace(());
    }

    fn take(&self, kind: Kind, claim: Option<ClaimKind>, event: Event<DynamicObject>, seen: &mut Seen) {
        let plain = |mut object: DynamicObject| {
            object.metadata.managed_fields = None;
            to_value(object)
        };
        let mut state = self.state();
        match event {
            Event::Init => seen.clear(),
            Event::InitApply(object) => {
                let object = plain(object);
                let id = |p| text(&object, p).to_owned();
                seen.insert((id("/metadata/namespace"), id("/metadata/name")));
                state.put(kind, claim, &object, &self.scope);
            }
            Event::InitDone => {
                state.keep_only(kind, claim, seen);
                state.complete.insert(kind);
                state.failed.remove(&kind);
                seen.clear();
            }
            Event::Apply(object) => state.put(kind, claim, &plain(object), &self.scope),
            Event::Delete(object) => state.forget(kind, claim, &plain(object)),
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// A panic while the lock is held would leave at worst an entry that the next event replaces.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn trusted(&self, kind: Kind) -> bool {
        self.complete.contains(&kind) && self.failed.get(&kind).is_none_or(|at| at.elapsed() > TRUST_AFTER)
    }

    fn put(&mut self, kind: Kind, claim: Option<ClaimKind>, object: &Value, scope: &EdgeScope) {
        if let Some(claim) = claim {
            self.edge.put(&reference(claim, object), claims(claim, object, scope));
            return;
        }
        let name = text(object, "/metadata/name").to_owned();
        // A Challenge names no Certificate, only the host.
        let key = match kind == Kind::Challenge {
            true => text(object, "/spec/dnsName"),
            false => text(object, "/metadata/annotations/cert-manager.io~1certificate-name"),
        };
        self.forget_issuance(kind, &name);
        self.keys.insert((kind, name.clone()), key.to_owned());
        self.objects.entry(kind).or_default().entry(key.to_owned()).or_default().insert(name, Packed::of(object));
    }

    fn forget(&mut self, kind: Kind, claim: Option<ClaimKind>, object: &Value) {
        match claim {
            Some(claim) => self.edge.forget(&reference(claim, object)),
            None => self.forget_issuance(kind, text(object, "/metadata/name")),
        }
    }

    fn forget_issuance(&mut self, kind: Kind, name: &str) {
        let Some(key) = self.keys.remove(&(kind, name.to_owned())) else { return };
        let Some(of_kind) = self.objects.get_mut(&kind) else { return };
        if let Some(of_key) = of_kind.get_mut(&key) {
            of_key.remove(name);
            if of_key.is_empty() {
                of_kind.remove(&key);
            }
        }
    }

    /// After a listing: what it did not show is gone.
    fn keep_only(&mut self, kind: Kind, claim: Option<ClaimKind>, seen: &Seen) {
        match claim {
            Some(claim) => {
                for object in self.edge.objects(claim) {
                    if !seen.contains(&(object.namespace.clone(), object.name.clone())) {
                        self.edge.forget(&object);
                    }
                }
            }
            None => {
                let names: BTreeSet<&str> = seen.iter().map(|(_, name)| name.as_str()).collect();
                let gone = self.keys.keys().filter(|(k, n)| *k == kind && !names.contains(n.as_str()));
                let gone: Vec<String> = gone.map(|(_, n)| n.clone()).collect();
                for name in gone {
                    self.forget_issuance(kind, &name);
                }
            }
        }
    }
}

/// What a classification reads of an object, as text: thousands of them are kept, and a few are asked for at a time.
struct Packed {
    version: Box<str>,
    json: Box<str>,
}

impl Packed {
    /// Without what nobody reads: requests and Orders carry the signing request and every certificate of the chain, Challenges
    /// the key authorization.
    fn of(object: &Value) -> Self {
        let mut slim = object.clone();
        let part = |slim: &mut Value, name: &str, keep: fn(&str) -> bool| {
            if let Some(part) = slim.get_mut(name).and_then(Value::as_object_mut) {
                part.retain(|key, _| keep(key));
            }
        };
        part(&mut slim, "spec", |key| matches!(key, "dnsName" | "issuerRef"));
        part(&mut slim, "status", |key| !matches!(key, "certificate" | "ca" | "finalizeURL" | "url"));
        Self { version: text(object, "/metadata/resourceVersion").into(), json: slim.to_string().into() }
    }

    fn open(&self) -> Value {
        serde_json::from_str(&self.json).expect("it was written from a value")
    }
}

fn reference(kind: ClaimKind, object: &Value) -> ObjectRef {
    ObjectRef {
        kind,
        namespace: text(object, "/metadata/namespace").to_owned(),
        name: text(object, "/metadata/name").to_owned(),
    }
}

/// Keeps one kind watched until the last handle is gone.
async fn run(inner: Weak<Inner>, kind: Kind, claim: Option<ClaimKind>) {
    let mut pause = RETRY_MIN;
    loop {
        let Some(api) = inner.upgrade().map(|strong| strong.api(kind, claim)) else { return };
        // A kind that the cluster does not know claims nothing; it may be installed later.
        if let Err(kube::Error::Api(status)) = api.list(&ListParams::default().limit(1)).await
            && status.code == 404
        {
            let Some(()) = inner.upgrade().map(|strong| strong.absent(kind, claim)) else { return };
            tokio::time::sleep(ABSENT_RETRY).await;
            continue;
        }
        let mut events = watcher(api, watcher::Config::default()).boxed();
        let mut seen = BTreeSet::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    pause = RETRY_MIN;
                    let Some(()) = inner.upgrade().map(|strong| strong.take(kind, claim, event, &mut seen)) else {
                        return;
                    };
                }
                Err(error) => {
                    tracing::warn!(kind = kind.word(), error = summary(&error), "could not watch {}", kind.word());
                    let Some(()) = inner.upgrade().map(|strong| strong.failed(kind)) else { return };
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY_MAX);
                }
            }
        }
    }
}

/// An error without the objects that a client's error may quote.
fn summary(error: &watcher::Error) -> &'static str {
    match error {
        watcher::Error::InitialListFailed(_) => "the first listing failed",
        watcher::Error::WatchStartFailed(_) => "the watch did not start",
        watcher::Error::WatchError(_) => "the server ended the watch",
        watcher::Error::WatchFailed(_) => "the watch broke",
        watcher::Error::NoResourceVersion => "the listing had no resource version",
    }
}
