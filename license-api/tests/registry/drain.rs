//! The end of a service: open requests are answered, new ones are not taken, and metrics have bounded labels.

use crate::world::{SECRET, World, essentials, with_world};
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use license_api::db::begin;
use license_api::server;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

async fn send(address: SocketAddr) -> std::io::Result<String> {
    let body = essentials("s-1").to_string();
    let head = format!(
        "POST /register-tenant HTTP/1.1\r\nhost: license\r\nauthorization: Bearer {SECRET}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Waits until a statement waits for the table.
async fn until_one_waits(world: &World) {
    let waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'tenant_registry'::regclass)";
    while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&world.admin).await.unwrap() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_open_request_is_answered_before_the_end() {
    with_world(async |world: &World| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let service = tokio::spawn(server::run(listener, world.state.clone(), shutdown));
        let mut holder = begin(&world.admin, "begin").await.unwrap();
        sqlx::query("LOCK TABLE tenant_registry IN ACCESS EXCLUSIVE MODE").execute(&mut *holder).await.unwrap();
        let request = tokio::spawn(send(address));
        until_one_waits(world).await;
        stop.send(()).unwrap();
        world.state.drain.cancelled().await;
        assert_eq!(world.ask(Method::GET, "/readyz", &[], Body::empty()).await.is(503)["status"], "draining");
        holder.rollback().await.unwrap();
        let answer = request.await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        service.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn metrics_name_routes_and_never_their_parameters() {
    with_world(async |world: &World| {
        let tenant = world.essentials("s-1").await["tenant_id"].as_str().unwrap().to_owned();
        world.get(&format!("/tenants/{tenant}")).await.is(200);
        world.get("/nothing/at/all").await.refused(404, "not_found");
        world.get("/tenants?limit=0").await.refused(400, "invalid_request");
        let router = world.state.metrics.clone().router();
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let bytes = router.oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        for line in [
            r#"license_api_requests_total{code="",route="/register-tenant",status="201"} 1"#,
            r#"license_api_requests_total{code="",route="/tenants/{tenant_id}",status="200"} 1"#,
            r#"license_api_requests_total{code="not_found",route="unmatched",status="404"} 1"#,
            r#"license_api_requests_total{code="invalid_request",route="/tenants",status="400"} 1"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains(&tenant) && !text.contains("nothing"), "{text}");
    })
    .await;
}
