//! Rotations of the service secret and of the signing key under load: no request fails, every licence verifies (licensing
//! contract, L-07 and L-17).

use crate::world::{DAY, ROLE_PASSWORD, T0, World, essentials, key_files, paid, service, with_world};
use axum::Router;
use axum::body::Body;
use credentials::KeyId;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use license::built_in::{TEST_KEYS, built_in, development_root};
use license::signer::{DevelopmentSigner, LicenseSigner as _, sign_keyset};
use license::verifier::Verifier;
use license_api::clock::Clock;
use license_api::db::pool;
use license_api::keys::Keys;
use license_api::secrets::{SecretSources, WatchedSecrets};
use license_api::settings::{KeyFiles, Settings};
use model::license::budget::BudgetRules;
use model::license::claims::TenantId;
use model::license::keyset::{Keyset, KeysetClaims, Source};
use model::license::token::{Audience, Terms, UncheckedToken};
use model::license::token_keys::TrustedKey;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tower::ServiceExt as _;
use uuid::Uuid;

const WORKERS: usize = 6;
/// Requests of each worker in each phase.
const EACH: usize = 5;
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(5);
/// Longest wait for a change of a file to be seen.
const PATIENCE: Duration = Duration::from_secs(60);
const OLD: &str = "the-old-secret-of-a-rotation";
const NEW: &str = "the-new-secret-of-a-rotation";
/// The public text of the development key: see `license::built_in`.
const OLD_KEY: &str = "tenantry-development-license-key-1";
const NEW_KEY: &str = "the key after the rotation of a test";

async fn send(app: &Router, method: Method, path: &str, secret: &str, body: &Value) -> (u16, Value) {
    let body = if method == Method::GET { Body::empty() } else { Body::from(body.to_string()) };
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {secret}"));
    let response = app.clone().oneshot(request.body(body).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

/// Replaces a file as a whole, as a mounted one is.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

/// What the workers of a load share.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    failures: Mutex<Vec<String>>,
    rounds: [AtomicUsize; WORKERS],
}

impl Load {
    fn fail(&self, what: String) {
        self.failures.lock().unwrap().push(what);
    }

    fn counts(&self) -> Vec<usize> {
        self.rounds.iter().map(|count| count.load(Ordering::SeqCst)).collect()
    }

    /// Waits until every worker has done so many rounds more, or something failed.
    async fn turns(&self) {
        let before = self.counts();
        let done = || self.counts().iter().zip(&before).all(|(now, before)| *now >= before + EACH);
        while !done() && self.failures.lock().unwrap().is_empty() {
            tokio::time::sleep(LOOK).await;
        }
    }

    #[track_caller]
    fn end(&self) {
        self.stop.store(true, Ordering::SeqCst);
        let failures = self.failures.lock().unwrap().clone();
        assert_eq!(failures, Vec::<String>::new());
    }
}

/// Connections as many as there are workers, opened one after the other: see `World::connect`.
async fn connected(world: &World) -> PgPool {
    let pool = pool(world.options.clone().username(&world.role).password(ROLE_PASSWORD), WORKERS as u32);
    let mut open = Vec::new();
    for _ in 0..WORKERS {
        open.push(pool.acquire().await.unwrap());
    }
    pool
}

async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < PATIENCE, "the change of a file was not seen");
        tokio::time::sleep(LOOK).await;
    }
}

/// Rotates a service secret while workers register tenants; `write` puts a current and a previous secret into files.
async fn rotate_secret(world: &World, sources: SecretSources, write: impl Fn(&str, Option<&str>)) {
    write(OLD, None);
    let secrets = WatchedSecrets::open(sources, Instant::now()).unwrap();
    let files = key_files(world.folder.path()).await;
    let clock: Arc<dyn Clock> = Arc::new(crate::world::Standing);
    let keys = Keys::with_signer(Arc::new(license::built_in::development_signer()), &files, &clock).unwrap();
    let pool = connected(world).await;
    let app = service(pool.clone(), secrets, keys, Settings::default());
    let load = Arc::new(Load::default());
    let secret_of = Arc::new(Mutex::new([OLD; WORKERS]));
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (app, load, secret_of) = (app.clone(), Arc::clone(&load), Arc::clone(&secret_of));
            tokio::spawn(async move {
                while !load.stop.load(Ordering::SeqCst) {
                    let secret = secret_of.lock().unwrap()[worker];
                    let body = essentials(&Uuid::new_v4().to_string());
                    let (status, answer) = send(&app, Method::POST, "/register-tenant", secret, &body).await;
                    if status != 201 {
                        load.fail(format!("worker {worker}: {status} {answer}"));
                    }
                    load.rounds[worker].fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let accepted =
        async |secret: &str| send(&app, Method::GET, "/tenants?limit=1", secret, &Value::Null).await.0 == 200;
    load.turns().await;
    assert!(!accepted(NEW).await);
    write(NEW, Some(OLD));
    until(async || accepted(NEW).await).await;
    load.turns().await;
    for worker in 0..WORKERS {
        secret_of.lock().unwrap()[worker] = NEW;
        if worker == WORKERS / 2 {
            load.turns().await;
        }
    }
    load.turns().await;
    write(NEW, None);
    until(async || !accepted(OLD).await).await;
    load.turns().await;
    load.end();
    for worker in workers {
        worker.await.unwrap();
    }
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_a_named_secret_is_rotated() {
    with_world(async |world: &World| {
        let path = world.folder.path().join("rotated");
        let sources = SecretSources { named_file: Some(path.clone()), ..SecretSources::default() };
        rotate_secret(world, sources, |current, previous| {
            replace(
                &path,
                &json!({ "shop": { "secret": current, "previous": previous, "routes": ["*"] } }).to_string(),
            );
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_the_secret_in_two_files_is_rotated() {
    with_world(async |world: &World| {
        let (current_file, previous_file) = (world.folder.path().join("current"), world.folder.path().join("previous"));
        let sources = SecretSources {
            current_file: Some(current_file.clone()),
            previous_file: Some(previous_file.clone()),
            ..SecretSources::default()
        };
        // The old secret is in one of the files at every moment.
        rotate_secret(world, sources, |current, previous| {
            replace(&previous_file, previous.unwrap_or(current));
            replace(&current_file, current);
        })
        .await;
    })
    .await;
}

/// An `ECPrivateKey` of the curve P-256 in PEM (RFC 5915 §3) whose scalar is the hash of a text.
fn pem(text: &str) -> String {
    const HEAD: [u8; 7] = [0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
    const CURVE: [u8; 12] = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let der = data_encoding::BASE64.encode(&[&HEAD[..], &Sha256::digest(text), &CURVE].concat());
    let (first, second) = der.split_at(64);
    format!("-----BEGIN EC PRIVATE KEY-----\n{first}\n{second}\n-----END EC PRIVATE KEY-----\n")
}

async fn publish(path: &Path, version: u64, keys: Vec<(String, TrustedKey)>) {
    let claims = KeysetClaims { version, issued_at: T0 - 10, expires_at: T0 + DAY, keys };
    replace(path, &sign_keyset(&development_root(), &claims).await.unwrap());
}

/// What an appliance knows: the newest statement that it was given, and nothing unsigned.
fn trusted(statement: &Value) -> Result<(u64, model::license::token_keys::TrustSet), String> {
    let text = statement["keyset"].as_str().ok_or("no statement")?;
    let built_in = built_in(TEST_KEYS);
    let keyset =
        Keyset::verify(text, &built_in.roots, &Verifier::new(1), Source::Delivered, T0).map_err(|e| e.to_string())?;
    Ok((keyset.version(), built_in.trust(Some(&keyset))))
}

/// One appliance's way: the statement, a paid registration, the redemption, a check-in; both licences are verified. Gives the
/// key ids of both and the appliance's credential.
async fn way(app: &Router) -> Result<(String, String, String), String> {
    let ok = |what: &str, (status, body): (u16, Value)| match status {
        200 | 201 => Ok(body),
        _ => Err(format!("{what}: {status} {body}")),
    };
    let name = Uuid::new_v4().to_string();
    let (_, trust) = trusted(&ok("keys", send(app, Method::GET, "/keys", "", &Value::Null).await)?)?;
    let order = send(app, Method::POST, "/register-tenant", OLD, &paid(&name, Some(&format!("sub_{name}")))).await;
    let code = ok("register-tenant", order)?["install_code"].clone();
    let redeem = json!({ "claim_code": code, "appliance_id": name });
    let redeemed = ok("register", send(app, Method::POST, "/register", "", &redeem).await)?;
    let tenant = TenantId::parse(redeemed["tenant_id"].as_str().unwrap_or_default()).map_err(|e| e.to_string())?;
    let terms = Terms { now: T0, audience: Audience::Tenant(&tenant) };
    let first = UncheckedToken::new(redeemed["first_jwt"].as_str().unwrap_or_default());
    let first = first.verify(&trust, &Verifier::new(0), terms).map_err(|e| format!("first licence: {e:?}"))?;
    let credential = redeemed["appliance_credential"].as_str().unwrap_or_default().to_owned();
    let checked = ok("check-in", check_in(app, &credential).await)?;
    // A check-in brings its statement along.
    let (_, trust) = trusted(&checked)?;
    let again = UncheckedToken::new(checked["jwt"].as_str().unwrap_or_default());
    let again = again.verify(&trust, &Verifier::new(0), terms).map_err(|e| format!("licence of a check-in: {e:?}"))?;
    Ok((first.kid().to_owned(), again.kid().to_owned(), credential))
}

async fn check_in(app: &Router, credential: &str) -> (u16, Value) {
    send(app, Method::POST, "/check-in", "", &json!({ "appliance_credential": credential })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_licence_verifies_while_the_signing_key_is_rotated() {
    with_world(async |world: &World| {
        let folder = world.folder.path();
        let files = KeyFiles { signing: folder.join("signing"), ..key_files(folder).await };
        let statement = files.keyset.clone().unwrap();
        replace(&files.signing, &pem(OLD_KEY));
        let clock: Arc<dyn Clock> = Arc::new(crate::world::Standing);
        let keys = Keys::open(&files, &clock).unwrap();
        let secrets = SecretSources { current: Some(OLD.into()), ..SecretSources::default() };
        // Attempts of all workers are from one address.
        let budgets = BudgetRules::parse("source=1000/900,network=1000/900,region=1000/900").unwrap();
        let settings = Settings { budgets, ..Settings::default() };
        let pool = connected(world).await;
        let app = service(pool.clone(), WatchedSecrets::open(secrets, Instant::now()).unwrap(), keys, settings);
        let load = Arc::new(Load::default());
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let (app, load) = (app.clone(), Arc::clone(&load));
                tokio::spawn(async move {
                    while !load.stop.load(Ordering::SeqCst) {
                        if let Err(what) = way(&app).await {
                            load.fail(format!("worker {worker}: {what}"));
                        }
                        load.rounds[worker].fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let (kid, _, early) = way(&app).await.unwrap();
        assert_eq!(kid, "v1-test");
        load.turns().await;

        // The new public key is published first, and nothing is signed with it yet.
        let new = DevelopmentSigner::from_text(KeyId::parse("v2-test").unwrap(), NEW_KEY).unwrap();
        let new = ("v2-test".to_owned(), TrustedKey::always(new.public_key()));
        publish(&statement, 2, vec![new.clone()]).await;
        let version = async || trusted(&send(&app, Method::GET, "/keys", "", &Value::Null).await.1).unwrap().0;
        until(async || version().await == 2).await;
        load.turns().await;
        assert_eq!(way(&app).await.unwrap().0, "v1-test");

        // Then the key of the file changes, and its id with it.
        replace(&files.signing, &pem(NEW_KEY));
        until(async || way(&app).await.unwrap().0 == "v2-test").await;
        load.turns().await;
        let resigned = check_in(&app, &early).await.1;
        assert_eq!(crate::world::part(resigned["jwt"].as_str().unwrap(), 0)["kid"], "v2-test");

        // At last the old key is retired. What was signed with it goes; what is signed now stays.
        let old = license::built_in::development_signer().public_key();
        let retired = TrustedKey { revoked: true, ..TrustedKey::always(old) };
        publish(&statement, 3, vec![("v1-test".to_owned(), retired), new]).await;
        until(async || version().await == 3).await;
        load.turns().await;
        load.end();
        for worker in workers {
            worker.await.unwrap();
        }
        pool.close().await;
    })
    .await;
}
