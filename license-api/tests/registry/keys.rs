//! Public routes, and the shapes of what is not there.

use crate::world::{World, key_line, part, with_world};
use axum::body::Body;
use http::Method;
use license::codes::WatchedCodeKeys;
use license_api::registry::{ForgottenKeys, require_known_keys};

#[tokio::test]
async fn the_keyset_statement_is_served_as_it_was_published() {
    with_world(async |world: &World| {
        let body = world.ask(Method::GET, "/keys", &[], Body::empty()).await.is(200);
        let published = std::fs::read_to_string(world.folder.path().join("keyset")).unwrap();
        assert_eq!(body["keyset"].as_str().unwrap(), published.trim());
        assert_eq!(part(published.trim(), 0)["typ"], "license-keyset+jwt");
    })
    .await;
}

#[tokio::test]
async fn health_is_said_without_a_secret_and_readiness_asks_the_database() {
    with_world(async |world: &World| {
        let get = async |path: &str| world.ask(Method::GET, path, &[], Body::empty()).await;
        assert_eq!(get("/healthz").await.is(200)["status"], "ok");
        assert_eq!(get("/readyz").await.is(200)["status"], "ok");
        world.execute("DELETE FROM schema_migrations").await;
        assert_eq!(get("/readyz").await.is(503)["status"], "schema");
        world.state.drain.cancel();
        assert_eq!(get("/readyz").await.is(503)["status"], "draining");
        world.state.pool.close().await;
        assert_eq!(get("/healthz").await.is(200)["status"], "ok");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_has_the_shape_of_an_error() {
    with_world(async |world: &World| {
        world.get("/nothing").await.refused(404, "not_found");
        world.get("/sign").await.refused(405, "method_not_allowed");
        let document = world.get("/openapi.json").await.is(200);
        assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
        for path in license_api::router::SCOPES {
            assert!(document["paths"].get(path).is_some(), "{path}");
        }
        assert!(license_api::openapi::document().contains("/readyz"));
    })
    .await;
}

#[tokio::test]
async fn keys_of_live_codes_must_not_be_forgotten() {
    with_world(async |world: &World| {
        world.essentials("s-1").await;
        let pool = &world.state.pool;
        let folder = world.folder.path();
        let keys = |mint: &str, lookup: &str| {
            std::fs::write(folder.join("mint2"), mint).unwrap();
            std::fs::write(folder.join("lookup2"), lookup).unwrap();
            WatchedCodeKeys::open(folder.join("mint2"), folder.join("lookup2")).unwrap().current()
        };
        let (m1, l1, m2, l2) = (key_line("m1", 1), key_line("l1", 2), key_line("m2", 11), key_line("l2", 12));
        let forgotten = |key_id: &str| Err(ForgottenKeys { key_id: key_id.to_owned() });
        assert_eq!(require_known_keys(pool, &keys(&format!("{m1}{m2}"), &format!("{l1}{l2}"))).await, Ok(()));
        assert_eq!(require_known_keys(pool, &keys(&m2, &l1)).await, forgotten("m1"));
        assert_eq!(require_known_keys(pool, &keys(&m1, &l2)).await, forgotten("l1"));
        world.execute("UPDATE claim_codes SET consumed_at = now()").await;
        assert_eq!(require_known_keys(pool, &keys(&m2, &l2)).await, Ok(()));
    })
    .await;
}
