//! A registry of one test, and requests of services to it.

use axum::Router;
use axum::body::Body;
use futures::FutureExt as _;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use license::built_in::{development_root, development_signer};
use license::object_store::ObjectStore;
use license::signer::sign_keyset;
use license_api::clock::Clock;
use license_api::db::{AppRole, connect_options, migrate, pool};
use license_api::keys::Keys;
use license_api::metrics::Metrics;
use license_api::random::SystemRandom;
use license_api::router::router;
use license_api::secrets::{SecretSources, WatchedSecrets};
use license_api::settings::{KeyFiles, Settings};
use license_api::state::{AppState, Parts};
use model::license::keyset::KeysetClaims;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

/// The service's clock, which stands still, in unix seconds.
pub(crate) const T0: i64 = 1_800_000_000;
pub(crate) const DAY: i64 = 86_400;
pub(crate) const SECRET: &str = "the-service-secret-of-a-test";
pub(crate) const CONSOLE: &str = "the-secret-of-the-console-of-a-test";
pub(crate) const ROLE_PASSWORD: &str = "pass word'$\\ of a test";

pub(crate) struct Standing;

impl Clock for Standing {
    fn unix_seconds(&self) -> i64 {
        T0
    }
}

pub(crate) struct World {
    pub(crate) admin: PgPool,
    pub(crate) options: PgConnectOptions,
    pub(crate) role: String,
    pub(crate) state: AppState,
    pub(crate) app: Router,
    pub(crate) folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["code"].as_str()), (status, Some(code)), "{body}");
        assert!(body["error"].as_str().is_some_and(|text| text.ends_with('.')), "{body}");
        body
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    pub(crate) fn is_replay(&self) -> bool {
        self.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    }
}

/// Runs a test on a fresh registry and drops it afterwards, also when the test fails.
pub(crate) async fn with_world(test: impl AsyncFnOnce(&World)) {
    with_settings(Settings::default(), test).await;
}

pub(crate) async fn with_settings(settings: Settings, test: impl AsyncFnOnce(&World)) {
    let url = ["TEST_LICENSE_DATABASE_URL", "TEST_DATABASE_URL"].iter().find_map(|name| std::env::var(name).ok());
    let Some(url) = url else {
        println!("not run: neither TEST_LICENSE_DATABASE_URL nor TEST_DATABASE_URL is set");
        return;
    };
    let server = connect_options(&url).unwrap();
    let suffix = Uuid::new_v4().simple().to_string();
    let (database, role) = (format!("license_registry_{suffix}"), format!("l_{suffix}"));
    let mut maintenance = server.connect().await.unwrap();
    maintenance.execute(AssertSqlSafe(format!("CREATE DATABASE {database}"))).await.unwrap();
    let world = World::new(server.clone().database(&database), role.clone(), settings).await;
    let outcome = AssertUnwindSafe(test(&world)).catch_unwind().await;
    world.state.pool.close().await;
    world.admin.close().await;
    maintenance.execute(AssertSqlSafe(format!("DROP DATABASE {database} WITH (FORCE)"))).await.unwrap();
    maintenance.execute(AssertSqlSafe(format!("DROP ROLE IF EXISTS {role}"))).await.unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// A service on a registry, with secrets and keys of its own.
pub(crate) fn service(pool: PgPool, secrets: WatchedSecrets, keys: Keys, settings: Settings) -> Router {
    router(AppState::new(Parts {
        pool,
        secrets,
        keys,
        downloads: None,
        clock: Arc::new(Standing),
        random: Arc::new(SystemRandom),
        settings,
        metrics: Metrics::new().unwrap(),
        drain: CancellationToken::new(),
    }))
}

/// A line of a key file.
pub(crate) fn key_line(id: &str, first: u8) -> String {
    let bytes: [u8; 32] = std::array::from_fn(|index| first.wrapping_add(u8::try_from(index).unwrap()));
    format!("{id} {}\n", data_encoding::BASE64.encode(&bytes))
}

/// Key files in a folder, with a keyset statement.
pub(crate) async fn key_files(folder: &Path) -> KeyFiles {
    let write = |name: &str, text: String| -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let claims = KeysetClaims { version: 1, issued_at: T0 - 10, expires_at: T0 + DAY, keys: Vec::new() };
    let statement = sign_keyset(&development_root(), &claims).await.unwrap();
    KeyFiles {
        signing: folder.join("none"),
        kid: "v1-test".to_owned(),
        mint: write("mint", key_line("m1", 1)),
        lookup: write("lookup", key_line("l1", 2)),
        sealing: write("sealing", key_line("hash", 3) + &key_line("s1", 4)),
        keyset: Some(write("keyset", statement + "\n")),
    }
}

impl World {
    async fn new(options: PgConnectOptions, role: String, settings: Settings) -> Self {
        let admin = pool(options.clone(), 4);
        let app_role = AppRole::new(&role, Some(ROLE_PASSWORD.into())).unwrap();
        migrate(&admin, &app_role, &mut credentials::system_random()).await.unwrap();
        let service = pool(options.clone().username(&role).password(ROLE_PASSWORD), 20);
        let folder = tempfile::tempdir().unwrap();
        let named = json!({ "console": { "secret": CONSOLE, "routes": ["/tenants"] } });
        let named_file = folder.path().join("secrets");
        std::fs::write(&named_file, named.to_string()).unwrap();
        let secrets =
            SecretSources { current: Some(SECRET.into()), named_file: Some(named_file), ..SecretSources::default() };
        let clock: Arc<dyn Clock> = Arc::new(Standing);
        let files = key_files(folder.path()).await;
        let state = AppState::new(Parts {
            pool: service,
            secrets: WatchedSecrets::open(secrets, Instant::now()).unwrap(),
            keys: Keys::with_signer(Arc::new(development_signer()), &files, &clock).unwrap(),
            downloads: object_store(),
            clock,
            random: Arc::new(SystemRandom),
            settings,
            metrics: Metrics::new().unwrap(),
            drain: CancellationToken::new(),
        });
        Self { admin, options, role, app: router(state.clone()), state, folder }
    }

    /// Opens every connection of the service, one after the other. A busy machine opens twenty at once, each with its many
    /// rounds of hashing, more slowly than a request may wait for one.
    pub(crate) async fn connect(&self) {
        let mut open = Vec::new();
        for _ in 0..self.state.pool.options().get_max_connections() {
            open.push(self.state.pool.acquire().await.unwrap());
        }
    }

    pub(crate) async fn execute(&self, text: &str) {
        self.admin.execute(AssertSqlSafe(text.to_owned())).await.unwrap();
    }

    /// The only value of a query, as text; empty for NULL and for no row.
    pub(crate) async fn value(&self, text: &str) -> String {
        let text = format!("SELECT coalesce((SELECT v::text FROM ({text}) AS q (v)), '')");
        sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&self.admin).await.unwrap()
    }

    /// A request with any secret and key.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.app.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Reply { status: parts.status, headers: parts.headers, bytes }
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        let authorization = format!("Bearer {SECRET}");
        self.ask(Method::POST, path, &[("authorization", &authorization)], body.to_string()).await
    }

    pub(crate) async fn post_with(&self, path: &str, key: &str, body: Value) -> Reply {
        let authorization = format!("Bearer {SECRET}");
        let headers = [("authorization", authorization.as_str()), ("idempotency-key", key)];
        self.ask(Method::POST, path, &headers, body.to_string()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let authorization = format!("Bearer {SECRET}");
        self.ask(Method::GET, path, &[("authorization", &authorization)], Body::empty()).await
    }

    /// Registers an essentials tenant.
    pub(crate) async fn essentials(&self, submission: &str) -> Value {
        self.post("/register-tenant", essentials(submission)).await.is(201)
    }

    /// Registers a paid tenant with its subscription.
    pub(crate) async fn paid(&self, submission: &str, subscription: &str) -> Value {
        self.post("/register-tenant", paid(submission, Some(subscription))).await.is(201)
    }
}

pub(crate) fn essentials(submission: &str) -> Value {
    json!({
        "company_name": "Müller & Söhne", "contact_email": "it@acme.example", "edition": "essentials",
        "submission_id": submission, "unknown": true,
    })
}

pub(crate) fn paid(submission: &str, subscription: Option<&str>) -> Value {
    let mut body = json!({
        "company_name": "Acme", "contact_email": "it@acme.example", "edition": "premium", "submission_id": submission,
    });
    if let Some(subscription) = subscription {
        body["stripe_sub_id"] = json!(subscription);
        body["seats"] = json!(25);
    }
    body
}

fn object_store() -> Option<ObjectStore> {
    ObjectStore::from_settings(|name| match name {
        "OBJECT_STORE_ENDPOINT" => Some("https://store.example".into()),
        "OBJECT_STORE_REGION" => Some("eu-central-1".into()),
        "OBJECT_STORE_BUCKET" => Some("images".into()),
        "OBJECT_STORE_ACCESS_KEY" => Some("access".into()),
        "OBJECT_STORE_SECRET_KEY" => Some("a secret of the store".into()),
        _ => None,
    })
    .unwrap()
}

/// A part of a compact token, decoded.
pub(crate) fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}
