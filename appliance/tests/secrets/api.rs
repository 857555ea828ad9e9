//! As much of an API server as Secrets need: versions, server-side apply with owners, merge patch, create, and faults.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Response, Uri};
use kube::{Client, Config};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

#[derive(Default, Clone)]
struct Stored {
    data: BTreeMap<String, String>,
    /// By manager, as applied.
    owners: BTreeMap<String, BTreeSet<String>>,
    version: u64,
}

#[derive(Default)]
struct Inner {
    secrets: BTreeMap<String, Stored>,
    faults: VecDeque<(Method, u16)>,
    writes: usize,
}

/// The server; it ends with the test's runtime.
#[derive(Clone, Default)]
pub(crate) struct FakeApi(Arc<Mutex<Inner>>);

impl FakeApi {
    /// Starts it and gives a client.
    pub(crate) async fn start() -> (Self, Client) {
        let fake = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(handle).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        outbound::testkit::install_tls_provider();
        (fake, Client::try_from(Config::new(format!("http://{address}").parse().unwrap())).unwrap())
    }

    /// Stores a field as somebody else, with an update that owns nothing by apply.
    pub(crate) fn put(&self, path: &str, key: &str, value: &str) {
        let mut inner = self.0.lock().unwrap();
        let stored = inner.secrets.entry(path.to_owned()).or_default();
        stored.data.insert(key.to_owned(), data_encoding::BASE64.encode(value.as_bytes()));
        stored.version += 1;
    }

    /// The fields of a Secret.
    pub(crate) fn data(&self, path: &str) -> BTreeMap<String, String> {
        let inner = self.0.lock().unwrap();
        let data = inner.secrets.get(path).map(|stored| stored.data.clone()).unwrap_or_default();
        let text = |value: &String| String::from_utf8(data_encoding::BASE64.decode(value.as_bytes()).unwrap()).unwrap();
        data.iter().map(|(key, value)| (key.clone(), text(value))).collect()
    }

    /// Version of a Secret: it moves with every change.
    pub(crate) fn version(&self, path: &str) -> u64 {
        self.0.lock().unwrap().secrets.get(path).map_or(0, |stored| stored.version)
    }

    /// Writes that were asked for.
    pub(crate) fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }

    /// Answers the next calls of a method with a status.
    pub(crate) fn fail(&self, method: Method, status: u16, times: usize) {
        self.0.lock().unwrap().faults.extend(std::iter::repeat_n((method, status), times));
    }
}

async fn handle(State(fake): State<FakeApi>, method: Method, uri: Uri, body: Bytes) -> Response<Body> {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let query = uri.query().unwrap_or_default();
    let (status, answer) = fake.0.lock().unwrap().answer(&method, uri.path(), query, &body);
    let answer = Body::from(answer.to_string());
    Response::builder().status(status).header("content-type", "application/json").body(answer).unwrap()
}

impl Inner {
    fn answer(&mut self, method: &Method, path: &str, query: &str, body: &Value) -> (u16, Value) {
        if self.faults.front().is_some_and(|(faulty, _)| faulty == method) {
            let (_, status) = self.faults.pop_front().unwrap();
            return (status, failure(status));
        }
        if method == Method::GET {
            return self.secrets.get(path).map_or((404, failure(404)), |stored| (200, shown(path, stored)));
        }
        self.writes += 1;
        let manager = query.split('&').find_map(|pair| pair.strip_prefix("fieldManager=")).unwrap_or_default();
        assert_eq!(manager, "tenantry", "one field manager");
        if method == Method::POST {
            let path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
            if self.secrets.contains_key(&path) {
                return (409, failure(409));
            }
            let stored = Stored { data: texts(&body["data"]), version: 1, ..Stored::default() };
            let answer = shown(&path, &stored);
            self.secrets.insert(path, stored);
            return (201, answer);
        }
        let mut stored = self.secrets.get(path).cloned().unwrap_or_default();
        let wanted = body.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        if wanted.is_some_and(|wanted| wanted != stored.version.to_string()) {
            return (409, failure(409));
        }
        let before = (stored.data.clone(), stored.owners.clone());
        if body.get("apiVersion").is_some() {
            apply(&mut stored, manager, texts(&body["data"]));
        } else {
            for (key, value) in body["data"].as_object().unwrap() {
                assert!(value.is_null(), "merge patches only remove");
                stored.data.remove(key);
                for keys in stored.owners.values_mut() {
                    keys.remove(key);
                }
            }
        }
        if before != (stored.data.clone(), stored.owners.clone()) {
            stored.version += 1;
        }
        let answer = shown(path, &stored);
        self.secrets.insert(path.to_owned(), stored);
        (200, answer)
    }
}

/// A field that its only owner leaves out is removed (Kubernetes documentation, "Server-Side Apply").
fn apply(stored: &mut Stored, manager: &str, data: BTreeMap<String, String>) {
    let before = stored.owners.remove(manager).unwrap_or_default();
    for key in before.iter().filter(|key| !data.contains_key(*key)) {
        stored.data.remove(key);
    }
    stored.owners.insert(manager.to_owned(), data.keys().cloned().collect());
    stored.data.extend(data);
}

fn texts(data: &Value) -> BTreeMap<String, String> {
    data.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn shown(path: &str, stored: &Stored) -> Value {
    let managed: Vec<Value> = stored
        .owners
        .iter()
        .map(|(manager, keys)| {
            let fields: Map<String, Value> = keys.iter().map(|key| (format!("f:{key}"), json!({}))).collect();
            json!({
                "manager": manager, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                "fieldsV1": { "f:data": fields },
            })
        })
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Secret", "data": stored.data,
        "metadata": {
            "name": path.rsplit('/').next(), "namespace": path.split('/').nth(4),
            "resourceVersion": stored.version.to_string(), "managedFields": managed,
        },
    })
}

fn failure(code: u16) -> Value {
    let message = "CANARY by test";
    let reason = if code == 404 { "NotFound" } else { "Other" };
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message })
}
