//! Clients that hang up while they are served.

use crate::world::{SECRET, World, with_settings, with_world};
use futures::poll;
use license_api::db::begin;
use license_api::server;
use license_api::settings::Settings;
use model::license::budget::BudgetRules;
use serde_json::json;
use sqlx::Row as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

/// Every connection of the service is in no transaction: there, the time of the transaction is that of the statement.
async fn all_are_outside(world: &World) {
    let mut open = Vec::new();
    for _ in 0..world.state.pool.options().get_max_connections() {
        let mut conn = world.state.pool.acquire().await.unwrap();
        // The simple protocol: a statement that is prepared first has a later time than the transaction that prepared it.
        let row = sqlx::raw_sql("SELECT now() = statement_timestamp()").fetch_one(&mut *conn).await.unwrap();
        assert!(row.get::<bool, _>(0), "connection {} of the pool is in a transaction", open.len());
        open.push(conn);
    }
}

#[tokio::test]
async fn a_begin_that_is_dropped_leaves_no_transaction_open() {
    with_world(async |world: &World| {
        world.connect().await;
        for polls in (0..8).cycle().take(400) {
            let mut begun = pin!(begin(&world.state.pool, "begin"));
            for _ in 0..polls {
                if poll!(begun.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        all_are_outside(world).await;
    })
    .await;
}

/// Serves the registry of the test, and gives the address.
async fn serve(world: &World) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server::run(listener, world.state.clone(), world.state.drain.clone().cancelled_owned()));
    address
}

/// Sends a request and resets the connection after a while.
async fn hang_up(address: SocketAddr, request: String, after: Duration) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_zero_linger().unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    // A sleep of the runtime ends at whole milliseconds.
    tokio::task::spawn_blocking(move || std::thread::sleep(after)).await.unwrap();
}

fn post(path: &str, source: usize, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: license\r\nauthorization: Bearer {SECRET}\r\nx-forwarded-for: 10.0.{}.{}\r\n\
         content-length: {}\r\n\r\n{body}",
        source / 250,
        source % 250,
        body.len()
    )
}

fn roomy() -> Settings {
    let budgets = BudgetRules::parse("source=100000/900,network=100000/900,region=100000/900,alert=100000/900");
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    Settings { budgets: budgets.unwrap(), trusted_proxies, ..Settings::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hang_ups_disturb_nobody_else() {
    with_settings(roomy(), async |world: &World| {
        world.connect().await;
        let address = serve(world).await;
        let mut codes = Vec::new();
        for _ in 0..20 {
            codes.push(world.paid().await.2);
        }
        let (_, _, held) = world.paid().await;
        let redemption = json!({ "claim_code": held.text, "appliance_id": "appliance-0" }).to_string();
        let company = json!({ "company_name": "Acme", "contact_email": "it@acme.example", "edition": "essentials" });
        let company = company.to_string();
        for n in 0..200_usize {
            let request = match n % 4 {
                0 => post("/register", n, &redemption),
                1 => post("/register-tenant", n, &company),
                2 => post("/claim-codes", n, r#"{"stripe_sub_id":"sub_none"}"#),
                _ => format!("GET /tenants HTTP/1.1\r\nhost: license\r\nauthorization: Bearer {SECRET}\r\n\r\n"),
            };
            let after = Duration::from_micros(200 + u64::try_from(n * 37 % 200).unwrap() * 19);
            hang_up(address, request, after).await;
        }
        for (n, code) in codes.iter().enumerate() {
            world.redeemed(code, &format!("appliance-{n}")).await;
        }
        all_are_outside(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_client_hangs_up_is_done_all_the_same() {
    with_world(async |world: &World| {
        let address = serve(world).await;
        let mut holder = begin(&world.admin, "begin").await.unwrap();
        sqlx::query("LOCK TABLE tenant_registry IN ACCESS EXCLUSIVE MODE").execute(&mut *holder).await.unwrap();
        let company = json!({ "company_name": "Acme", "contact_email": "it@acme.example", "edition": "essentials" });
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_zero_linger().unwrap();
        stream.write_all(post("/register-tenant", 0, &company.to_string()).as_bytes()).await.unwrap();
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tenant_registry'::regclass";
        while world.value(waits).await != "1" {
            tokio::task::yield_now().await;
        }
        drop(stream);
        // Long enough for the service to see it; a request that ends by it is gone from the queue of the lock.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(world.value(waits).await, "1");
        holder.rollback().await.unwrap();
        // The end of the service waits for what nobody else waits for.
        world.state.drain.cancel();
        let written = "SELECT count(*) FROM audit_log WHERE action = 'tenant.registered'";
        let began = std::time::Instant::now();
        while world.value(written).await != "1" {
            assert!(began.elapsed() < Duration::from_secs(10), "the tenant was not registered");
            tokio::task::yield_now().await;
        }
    })
    .await;
}
