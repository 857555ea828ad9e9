//! The sample application: answers for every tenant, and shows what reached it through the edge. The sample shop is beside it.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

/// Serves until the process is ended.
pub(super) async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    tracing::info!(%address, "sample application is answering");
    Ok(axum::serve(listener, routes()).await?)
}

fn routes() -> Router {
    Router::new()
        .route("/client-portal/dashboard", get(dashboard))
        .route("/.well-known/portal-probe", get(probe))
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(super::sample_shop::routes())
        .fallback(other)
}

/// The page that a tenant's `/` leads to.
async fn dashboard(headers: HeaderMap) -> Response {
    let host = escaped(&text(&headers, header::HOST.as_str()));
    let page = format!("<!doctype html><title>Client portal</title><h1>Client portal of {host}</h1>\n");
    let body = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page);
    (echo(&headers), body).into_response()
}

/// What the edge probe asks for: small, and never cached.
async fn probe(headers: HeaderMap) -> Response {
    let host = text(&headers, header::HOST.as_str());
    (echo(&headers), [(header::CACHE_CONTROL, "no-store")], format!("portal-probe {host}\n")).into_response()
}

/// Everything else is not found, as in an application that has other pages.
async fn other(request: Request) -> Response {
    let path = escaped(request.uri().path());
    (StatusCode::NOT_FOUND, echo(request.headers()), format!("no page {path}\n")).into_response()
}

/// Host and protocol as they arrived: tests read here that the edge leaves the one alone and sets the other once.
fn echo(headers: &HeaderMap) -> [(&'static str, String); 3] {
    let protocol: Vec<String> = (headers.get_all("x-forwarded-proto").iter())
        .map(|value| value.to_str().unwrap_or_default().to_owned())
        .collect();
    [
        ("x-sample-host", text(headers, header::HOST.as_str())),
        ("x-forwarded-proto", protocol.join(", ")),
        ("x-sample-application", "tenantry".to_owned()),
    ]
}

/// A header's value, for a header of ours.
fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// A host name in a page needs no escaping; what a client sends as one might.
fn escaped(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "-._:/~%".contains(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_host_does_not_reach_the_page() {
        assert_eq!(escaped("portal.acme.test:443"), "portal.acme.test:443");
        assert_eq!(escaped("<b>x"), "bx");
    }
}
