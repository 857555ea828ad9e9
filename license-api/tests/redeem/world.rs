//! A registry of one test, and requests to it.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use credentials::KeyId;
use futures::FutureExt as _;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use license::signer::{DevelopmentSigner, LicenseSigner as _};
use license::verifier::Verifier;
use license_api::clock::Clock;
use license_api::db::{AppRole, connect_options, migrate, pool};
use license_api::keys::{Keys, Signing};
use license_api::metrics::Metrics;
use license_api::random::SystemRandom;
use license_api::registry::codes::{NewCode, Origin, insert_claim_code};
use license_api::router::router;
use license_api::secrets::{SecretSources, WatchedSecrets};
use license_api::settings::{KeyFiles, Settings};
use license_api::state::{AppState, Parts};
use model::license::claims::TenantId;
use model::license::install_code::CodeLength;
use model::license::token::{Audience, Terms, UncheckedToken};
use model::license::token_keys::{TestKeys, TrustSet, TrustedKey};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

/// The service's clock at the start of every test, in unix seconds.
pub(crate) const T0: i64 = 1_800_000_000;
pub(crate) const DAY: i64 = 86_400;
pub(crate) const SECRET: &str = "the-service-secret-of-a-test";
const KEY: &str = "a development key of a test";

/// A clock that is set by hand.
#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn unix_seconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) struct World {
    pub(crate) admin: PgPool,
    pub(crate) state: AppState,
    pub(crate) app: Router,
    pub(crate) files: KeyFiles,
    service: PgConnectOptions,
    clock: Arc<HandClock>,
    _folder: tempfile::TempDir,
}

/// A code as the customer has it.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) id: Uuid,
    pub(crate) text: String,
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

    /// Status and code of a refusal; `ok` for a success.
    pub(crate) fn told(&self) -> (u16, String) {
        let code = self.json()["code"].as_str().unwrap_or("ok").to_owned();
        (self.status.as_u16(), code)
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.told(), (status, code.to_owned()), "{}", String::from_utf8_lossy(&self.bytes));
    }

    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.bytes));
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
    let (database, role) = (format!("license_redeem_{suffix}"), format!("l_{suffix}"));
    let mut maintenance = server.connect().await.unwrap();
    maintenance.execute(AssertSqlSafe(format!("CREATE DATABASE {database}"))).await.unwrap();
    let options = server.clone().database(&database);
    let admin = pool(options.clone(), 4);
    let app_role = AppRole::new(&role, Some("a password".into())).unwrap();
    migrate(&admin, &app_role, &mut credentials::system_random()).await.unwrap();
    let service = options.username(&role).password("a password");
    let world = World::new(admin, service, settings);
    let outcome = AssertUnwindSafe(test(&world)).catch_unwind().await;
    world.state.pool.close().await;
    world.admin.close().await;
    maintenance.execute(AssertSqlSafe(format!("DROP DATABASE {database} WITH (FORCE)"))).await.unwrap();
    maintenance.execute(AssertSqlSafe(format!("DROP ROLE IF EXISTS {role}"))).await.unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

fn key_line(id: &str, first: u8) -> String {
    let bytes: [u8; 32] = std::array::from_fn(|index| first.wrapping_add(u8::try_from(index).unwrap()));
    format!("{id} {}\n", data_encoding::BASE64.encode(&bytes))
}

pub(crate) fn signer(kid: &str) -> Arc<DevelopmentSigner> {
    Arc::new(DevelopmentSigner::from_text(KeyId::parse(kid).unwrap(), KEY).unwrap())
}

impl World {
    fn new(admin: PgPool, service: PgConnectOptions, settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let files = KeyFiles {
            signing: folder.path().join("none"),
            kid: "v1-test".to_owned(),
            mint: write("mint", key_line("m1", 1)),
            lookup: write("lookup", key_line("l1", 2)),
            sealing: write("sealing", key_line("hash", 3) + &key_line("s1", 4)),
            keyset: None,
        };
        let clock = Arc::new(HandClock(AtomicI64::new(T0)));
        let state = state(pool(service.clone(), 20), &files, &clock, settings, "v1-test");
        Self { admin, app: router(state.clone()), state, files, service, clock, _folder: folder }
    }

    /// The same registry behind a service that signs with another key id.
    pub(crate) fn signing_with(&self, kid: &str) -> Router {
        let settings = self.state.settings.clone();
        router(state(self.state.pool.clone(), &self.files, &self.clock, settings, kid))
    }

    /// The same registry behind a service with one connection, whose driver tells of every statement.
    pub(crate) fn telling_statements(&self) -> Router {
        // What `license_api::db::pool` sets, but for the silence about statements.
        let pool = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
        let pool = pool.connect_lazy_with(self.service.clone());
        router(state(pool, &self.files, &self.clock, self.state.settings.clone(), "v1-test"))
    }

    /// Opens every connection of the service, one after the other. A busy machine opens twenty at once, each with its many
    /// rounds of hashing, more slowly than a request may wait for one.
    pub(crate) async fn connect(&self) {
        let mut open = Vec::new();
        for _ in 0..self.state.pool.options().get_max_connections() {
            open.push(self.state.pool.acquire().await.unwrap());
        }
    }

    pub(crate) fn set_time(&self, now: i64) {
        self.clock.0.store(now, Ordering::SeqCst);
    }

    pub(crate) async fn execute(&self, text: &str) {
        self.admin.execute(AssertSqlSafe(text.to_owned())).await.unwrap();
    }

    /// The only value of a query, as text; empty for NULL and for no row.
    pub(crate) async fn value(&self, text: &str) -> String {
        let text = format!("SELECT coalesce((SELECT v::text FROM ({text}) AS q (v)), '')");
        sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&self.admin).await.unwrap()
    }

    pub(crate) async fn tenant(&self, edition: &str) -> Uuid {
        let text = "INSERT INTO tenant_registry (edition, company_name, contact_email) \
                    VALUES ($1, 'Acme', 'it@acme.example') RETURNING tenant_id";
        sqlx::query_scalar(text).bind(edition).fetch_one(&self.admin).await.unwrap()
    }

    /// An entitlement with 25 seats.
    pub(crate) async fn entitlement(&self, tenant: Option<Uuid>) -> Uuid {
        let text = "INSERT INTO entitlements (stripe_sub_id, tenant_id, customer, tier, seats, transport) \
                    VALUES ($1, $2, 'Acme', 'pro', 25, 'connected') RETURNING id";
        let sub = format!("sub_{}", Uuid::new_v4().simple());
        sqlx::query_scalar(text).bind(sub).bind(tenant).fetch_one(&self.admin).await.unwrap()
    }

    pub(crate) async fn code(&self, tenant: Option<Uuid>, entitlement: Option<Uuid>) -> Code {
        let mut conn = self.state.pool.acquire().await.unwrap();
        let new = NewCode {
            tenant,
            entitlement,
            origin: Origin::Registration,
            length: CodeLength::default(),
            ttl_seconds: 3_600,
        };
        let minted = insert_claim_code(&mut conn, &self.state.keys.codes(), &SystemRandom, new).await.unwrap();
        Code { id: minted.id, text: minted.code.expose().to_owned() }
    }

    /// A paid tenant and its code.
    pub(crate) async fn paid(&self) -> (Uuid, Uuid, Code) {
        let tenant = self.tenant("pro").await;
        let entitlement = self.entitlement(Some(tenant)).await;
        let code = self.code(Some(tenant), Some(entitlement)).await;
        (tenant, entitlement, code)
    }

    /// An essentials tenant and its code.
    pub(crate) async fn essentials(&self) -> (Uuid, Code) {
        let tenant = self.tenant("essentials").await;
        (tenant, self.code(Some(tenant), None).await)
    }

    pub(crate) async fn register(&self, body: Value) -> Reply {
        self.register_from("192.0.2.1", None, body).await
    }

    pub(crate) async fn register_with(&self, key: &str, body: Value) -> Reply {
        self.register_from("192.0.2.1", Some(key), body).await
    }

    pub(crate) async fn register_from(&self, source: &str, key: Option<&str>, body: Value) -> Reply {
        let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        post(&self.app, "/register", source, &headers, body.to_string()).await
    }

    /// Redeems a code and gives the answer.
    pub(crate) async fn redeemed(&self, code: &Code, appliance: &str) -> Value {
        self.register(json!({ "claim_code": code.text, "appliance_id": appliance })).await.ok()
    }

    pub(crate) async fn check_in(&self, body: Value) -> Reply {
        post(&self.app, "/check-in", "192.0.2.1", &[], body.to_string()).await
    }

    pub(crate) async fn check_in_from(&self, source: &str, body: Value) -> Reply {
        post(&self.app, "/check-in", source, &[], body.to_string()).await
    }

    /// A request of a service, with its secret.
    pub(crate) async fn ask_as_service(&self, path: &str, body: Value) -> Reply {
        let headers = [("authorization", &*format!("Bearer {SECRET}"))];
        post(&self.app, path, "10.0.0.1", &headers, body.to_string()).await
    }

    /// The claims of a licence, after its signature was verified for its tenant.
    pub(crate) fn claims(&self, token: &str, tenant: Uuid) -> Value {
        let key = TrustedKey::always(signer("v1-test").public_key());
        let trust = TrustSet::new([(header_kid(token), key)], TestKeys::Accepted);
        let tenant = TenantId::parse(&tenant.to_string()).unwrap();
        let terms = Terms { now: self.clock.unix_seconds(), audience: Audience::Tenant(&tenant) };
        UncheckedToken::new(token).verify(&trust, &Verifier::new(4), terms).unwrap();
        part(token, 1)
    }
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

pub(crate) fn header_kid(token: &str) -> String {
    part(token, 0)["kid"].as_str().unwrap().to_owned()
}

fn state(pool: PgPool, files: &KeyFiles, clock: &Arc<HandClock>, settings: Settings, kid: &str) -> AppState {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    let secrets = SecretSources { current: Some(SECRET.into()), ..SecretSources::default() };
    let keys = Keys::with_signer(signer(kid), files, &clock).unwrap();
    assert!(matches!(keys.signing, Signing::Given(_)));
    AppState::new(Parts {
        pool,
        secrets: WatchedSecrets::open(secrets, Instant::now()).unwrap(),
        keys,
        downloads: None,
        clock,
        random: Arc::new(SystemRandom),
        settings,
        metrics: Metrics::new().unwrap(),
        drain: CancellationToken::new(),
    })
}

pub(crate) async fn post(
    app: &Router,
    path: &str,
    source: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Reply {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(body.into()).unwrap();
    let peer = SocketAddr::new(source.parse().unwrap(), 40_000);
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    Reply { status: parts.status, headers: parts.headers, bytes }
}
