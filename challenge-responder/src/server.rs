//! The HTTP server of the role.

use crate::answer::{Known, Responder, WATCH_PATIENCE};
use crate::challenges::{Challenges, challenge_events};
use crate::question::{AskedHost, Token};
use crate::settings::{ResponderError, Settings};
use crate::tokens::{PreflightTokens, TokenTable};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

/// How long open requests may take to end after the order to stop; longer than any of them waits.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs the role until SIGTERM or SIGINT, then lets open requests end.
///
/// # Errors
/// [`ResponderError`] when the settings cannot be used or the port cannot be had. A source that does not answer yet is no
/// error: the role then lives and is not ready.
pub async fn run(settings: Settings) -> Result<(), ResponderError> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate()).map_err(ResponderError::Signals)?,
        signal(SignalKind::interrupt()).map_err(ResponderError::Signals)?,
    );
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    run_until(settings, stop).await
}

/// Like [`run`], until `stop` is ready.
///
/// # Errors
/// As [`run`].
pub async fn run_until(
    settings: Settings,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ResponderError> {
    if settings.kube.is_none() && settings.database_url.is_none() {
        return Err(ResponderError::NoSource);
    }
    let (health, ready) = (&settings.health_path, &settings.ready_path);
    if health == ready || !health.starts_with('/') || !ready.starts_with('/') {
        return Err(ResponderError::HealthPaths { health: health.clone(), ready: ready.clone() });
    }
    let table = settings.database_url.as_ref().map(TokenTable::new).transpose()?.map(Arc::new);
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|source| ResponderError::Listen { address: settings.listen, source })?;
    let challenges = settings.kube.as_ref().map(|_| Arc::new(Challenges::default()));
    let watch = settings.kube.clone().zip(challenges.clone()).map(|(client, challenges)| {
        let events = challenge_events(client, settings.challenge_namespace.as_deref());
        tokio::spawn(async move { challenges.feed(events).await })
    });
    tracing::info!(
        address = %settings.listen,
        challenges = settings.kube.is_some(),
        tokens = table.is_some(),
        "challenge responder is listening"
    );
    let tokens = table.clone().map(|table| table as Arc<dyn PreflightTokens>);
    let responder = Arc::new(Responder::new(challenges, tokens, WATCH_PATIENCE));
    let served = serve(listener, router(responder, health, ready), stop).await;
    if let Some(watch) = watch {
        watch.abort();
    }
    if let Some(table) = table {
        table.close().await;
    }
    served
}

/// The routes: the challenge path, and the two health paths.
pub fn router(responder: Arc<Responder>, health: &str, ready: &str) -> Router {
    Router::new()
        .route("/.well-known/acme-challenge/{token}", any(challenge))
        .route(health, get(async || "ok\n"))
        .route(ready, get(is_ready))
        .with_state(responder)
}

/// Serves until `stop`, then at most [`DRAIN`] longer.
async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ResponderError> {
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        // The receiver is gone only when the server is, and then nobody waits.
        let _ = stopping.send(());
    });
    let mut server = std::pin::pin!(server.into_future());
    tokio::select! {
        ended = &mut server => ended.map_err(ResponderError::Serve),
        _ = stopped => match timeout(DRAIN, server).await {
            Ok(ended) => ended.map_err(ResponderError::Serve),
            Err(_) => {
                tracing::warn!("requests were still open when the time to drain was over");
                Ok(())
            }
        },
    }
}

/// GET only: an authority asks for nothing else (RFC 8555 §8.3).
async fn challenge(
    State(responder): State<Arc<Responder>>,
    method: Method,
    Path(token): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if method != Method::GET {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET")]).into_response();
    }
    // An absolute-form target replaces the header (RFC 9112 §3.2.2).
    let host = uri.host().map(str::to_owned).or_else(|| one_host(&headers));
    let (Some(host), Some(token)) = (host.as_deref().and_then(AskedHost::parse), Token::parse(&token)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match responder.look_up(&host, &token).await {
        Known::Body(body) => {
            let headers = [
                (CONTENT_TYPE, "text/plain; charset=utf-8"),
                (CACHE_CONTROL, "no-store"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, body).into_response()
        }
        Known::Absent => StatusCode::NOT_FOUND.into_response(),
        Known::CouldNotTell => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// The `Host` header, if there is exactly one.
fn one_host(headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().map(str::to_owned),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

async fn is_ready(State(responder): State<Arc<Responder>>) -> Response {
    if responder.is_ready().await {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}
