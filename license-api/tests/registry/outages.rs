//! A database that does not answer is 503 with `Retry-After`, never a 4xx.

use crate::world::{World, essentials, with_settings, with_world};
use license_api::db::begin;
use license_api::settings::Settings;

#[tokio::test]
async fn a_full_server_is_an_outage() {
    with_world(async |world: &World| {
        // SQLSTATE 53300: no connection is left for the role.
        world.execute(&format!("ALTER ROLE {} CONNECTION LIMIT 0", world.role)).await;
        let reply = world.post("/register-tenant", essentials("s-1")).await;
        reply.refused(503, "temporarily_unavailable");
        assert_eq!(reply.headers["retry-after"], "5");
        world.execute(&format!("ALTER ROLE {} CONNECTION LIMIT -1", world.role)).await;
        world.essentials("s-1").await;
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_is_an_outage_and_the_next_request_succeeds() {
    with_world(async |world: &World| {
        world.essentials("s-1").await;
        let role = &world.role;
        let cut = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{role}'");
        assert_ne!(world.value(&cut).await, "0");
        let mut replies = Vec::new();
        for number in 0..20 {
            let reply = world.post("/register-tenant", essentials(&format!("n-{number}"))).await;
            let done = reply.status == 201;
            replies.push(reply.status.as_u16());
            if done {
                break;
            }
        }
        assert_eq!(replies.pop(), Some(201));
        assert!(replies.iter().all(|status| *status == 503), "{replies:?}");
    })
    .await;
}

#[tokio::test]
async fn a_request_beyond_the_limit_is_turned_away_at_once() {
    let narrow = Settings { concurrency_max: 1, ..Settings::default() };
    with_settings(narrow, async |world: &World| {
        // The first request waits for the table; the second finds no place.
        let mut holder = begin(&world.admin, "begin").await.unwrap();
        sqlx::query("LOCK TABLE tenant_registry IN ACCESS EXCLUSIVE MODE").execute(&mut *holder).await.unwrap();
        let first = world.post("/register-tenant", essentials("s-1"));
        let rest = async {
            let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tenant_registry'::regclass";
            loop {
                let text = format!("SELECT ({waiting}) > 0");
                let is_waiting: bool =
                    sqlx::query_scalar(sqlx::AssertSqlSafe(text)).fetch_one(&world.admin).await.unwrap();
                if is_waiting {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let refused = world.post("/register-tenant", essentials("s-2")).await;
            refused.refused(503, "temporarily_unavailable");
            assert!(refused.headers.contains_key("retry-after"));
            world.ask(http::Method::GET, "/healthz", &[], "").await.is(200);
            holder.rollback().await.unwrap();
        };
        let (first, ()) = futures::future::join(first, rest).await;
        first.is(201);
    })
    .await;
}
