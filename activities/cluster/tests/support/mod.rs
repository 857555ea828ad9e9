//! An API server in process: objects in a map, resource versions, preconditions, and faults on request.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Response, StatusCode, Uri};
use futures::StreamExt;
use kube::{Client, Config};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// The server; it ends with the test's runtime.
#[derive(Clone, Default)]
pub(crate) struct FakeApi(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Value>,
    version: u64,
    faults: VecDeque<(String, u16)>,
    outage: Option<(String, u16)>,
    calls: Vec<String>,
}

impl FakeApi {
    /// Starts it and gives a client.
    pub(crate) async fn start() -> (Self, Client) {
        let fake = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(handle).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let config = Config::new(format!("http://{address}").parse().unwrap());
        (fake, Client::try_from(config).unwrap())
    }

    /// Stores an object under its path, such as `/api/v1/namespaces/msp/secrets/x`.
    pub(crate) fn put(&self, path: &str, mut object: Value) {
        let mut inner = self.0.lock().unwrap();
        inner.version += 1;
        let mut parts = path.rsplit('/');
        object["metadata"]["name"] = json!(parts.next());
        let namespace = path.split_once("/namespaces/").and_then(|(_, rest)| rest.split('/').next());
        object["metadata"]["namespace"] = json!(namespace);
        object["metadata"]["resourceVersion"] = json!(inner.version.to_string());
        object["metadata"]["uid"] = json!(format!("uid-{}", inner.version));
        inner.objects.insert(path.to_owned(), object);
    }

    /// The object at a path.
    pub(crate) fn at(&self, path: &str) -> Option<Value> {
        self.0.lock().unwrap().objects.get(path).cloned()
    }

    /// Answers the next matching call (`PATCH secrets`) with a status code.
    pub(crate) fn fail_next(&self, call: &str, code: u16) {
        self.0.lock().unwrap().faults.push_back((call.to_owned(), code));
    }

    /// Answers every matching call with a status code until [`FakeApi::heal`].
    pub(crate) fn fail_always(&self, call: &str, code: u16) {
        self.0.lock().unwrap().outage = Some((call.to_owned(), code));
    }

    /// Ends what `fail_always` began.
    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().outage = None;
    }

    /// Every call so far: method, path and dry run.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().calls.clone()
    }
}

async fn handle(State(fake): State<FakeApi>, method: Method, uri: Uri, body: Bytes) -> Response<Body> {
    let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
    if query.contains("watch=true") {
        // Silent for ever: a test that wants an event lists again.
        let silent = futures::stream::pending::<Result<Bytes, std::io::Error>>().boxed();
        return Response::new(Body::from_stream(silent));
    }
    let (code, answer) = fake.0.lock().unwrap().answer(&method, &path, &query, &body);
    let body = Body::from(answer.to_string());
    Response::builder()
        .status(StatusCode::from_u16(code).unwrap())
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
}

impl Inner {
    fn answer(&mut self, method: &Method, path: &str, query: &str, body: &[u8]) -> (u16, Value) {
        let dry = query.contains("dryRun=All");
        self.calls.push(format!("{method} {path}{}", if dry { " dry" } else { "" }));
        let matches =
            |call: &str| call.split_once(' ').is_some_and(|(m, p)| *m == *method.as_str() && path.contains(p));
        if let Some((_, code)) = self.outage.as_ref().filter(|(call, _)| matches(call)) {
            return (*code, status(*code));
        }
        if self.faults.front().is_some_and(|(call, _)| matches(call)) {
            let (_, code) = self.faults.pop_front().unwrap();
            return (code, status(code));
        }
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        match (method.as_str(), self.objects.get(path).cloned()) {
            ("GET", Some(object)) => (200, object),
            ("GET", None) if is_collection(path) => (200, self.list(path)),
            ("PATCH", existing) => self.patch(path, existing, body, dry),
            ("DELETE", Some(object)) => {
                let wanted = body.pointer("/preconditions/uid").and_then(Value::as_str);
                if wanted.is_some_and(|uid| object["metadata"]["uid"] != uid) {
                    return (409, status(409));
                }
                self.objects.remove(path);
                (200, object)
            }
            _ => (404, status(404)),
        }
    }

    fn patch(&mut self, path: &str, existing: Option<Value>, mut body: Value, dry: bool) -> (u16, Value) {
        let wanted = body.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(str::to_owned);
        let current = existing.as_ref().and_then(|e| e["metadata"]["resourceVersion"].as_str()).map(str::to_owned);
        if wanted.is_some() && wanted != current {
            return (409, status(409));
        }
        if let Some(existing) = &existing {
            let keep = |key: &str| existing["metadata"][key].clone();
            (body["metadata"]["uid"], body["metadata"]["resourceVersion"]) = (keep("uid"), keep("resourceVersion"));
            (body["metadata"]["name"], body["metadata"]["namespace"]) = (keep("name"), keep("namespace"));
            if *existing == body {
                return (200, body);
            }
        }
        if dry {
            return (200, body);
        }
        self.version += 1;
        body["metadata"]["resourceVersion"] = json!(self.version.to_string());
        if existing.is_none() {
            body["metadata"]["uid"] = json!(format!("uid-{}", self.version));
        }
        self.objects.insert(path.to_owned(), body.clone());
        (200, body)
    }

    /// Of a namespace, or of all of them.
    fn list(&self, path: &str) -> Value {
        let (base, plural) = path.rsplit_once('/').unwrap();
        let here = |key: &str| {
            key.strip_prefix(base).is_some_and(|rest| {
                let rest = rest.rsplit_once('/').map_or("", |(parent, _)| parent);
                rest.ends_with(&format!("/{plural}"))
            })
        };
        let items: Vec<&Value> = self.objects.iter().filter(|(k, _)| here(k)).map(|(_, v)| v).collect();
        json!({ "kind": "List", "apiVersion": "v1", "metadata": { "resourceVersion": self.version.to_string() }, "items": items })
    }
}

fn is_collection(path: &str) -> bool {
    let known = [
        "certificates",
        "certificaterequests",
        "orders",
        "challenges",
        "gateways",
        "virtualservices",
        "httproutes",
        "listenersets",
        "validatingwebhookconfigurations",
        "events",
    ];
    path.rsplit('/').next().is_some_and(|last| known.contains(&last))
}

fn status(code: u16) -> Value {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        _ => "Other",
    };
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": "by test" })
}
