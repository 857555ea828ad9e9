//! Connections of clients: how many there are, how long the head of a request may take, and how they end.

use crate::settings::Settings;
use crate::state::AppState;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Connections when nothing is set: eight for each request that is worked on at once. Each has at most one body of 16 KiB.
pub const CONNECTIONS_MAX_DEFAULT: usize = 4_096;
/// Longest time for the head of a request to arrive, also of the next one on a connection that is kept, and for its body when
/// nothing is set: 16 KiB in ten seconds are 13 kbit/s.
pub const ARRIVAL_MAX_DEFAULT: Duration = Duration::from_secs(10);
/// Open files that are no connections of clients: those to the database, keys, listeners, logs.
const FILES_KEPT: usize = 128;

/// Serves connections until the service was asked to stop. Then none is accepted any more, and each ends after the request that it has. Every
/// connection is a task that the end of the service waits for.
///
/// When there are as many connections as the settings say, or as many as the process may have files open, the next one waits in the system's
/// queue until another ends.
pub(crate) async fn serve(mut listener: TcpListener, router: Router, state: &AppState) {
    let Settings { connections_max, arrival_max, .. } = state.settings;
    let places = Arc::new(Semaphore::new(connections_max.min(files_max().saturating_sub(FILES_KEPT)).max(1)));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(arrival_max);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("the places are never closed");
            (place, Listener::accept(&mut listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            biased;
            () = state.drain.cancelled() => return,
            next = next => next,
        };
        let (http, router, drain) = (http.clone(), router.clone(), state.drain.clone());
        state.open().spawn(async move {
            connection(&http, stream, router, peer, &drain).await;
            drop(place);
        });
    }
}

/// Serves one connection to its end. What breaks one is the client's matter.
async fn connection(
    http: &http1::Builder,
    stream: TcpStream,
    router: Router,
    peer: SocketAddr,
    drain: &CancellationToken,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(Body::new))
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = drain.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection ended early: {error}");
    }
}

/// How many files the process may have open (proc_pid_limits(5)); no bound where that is not told.
fn files_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    soft_limit(&limits).unwrap_or(usize::MAX)
}

fn soft_limit(limits: &str) -> Option<usize> {
    limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_open_files_is_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             95862                95862                processes \n\
                      Max open files            1024                 1048576              files     \n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(soft_limit(&limits.replace("1024 ", "unlimited")), None);
        assert_eq!(soft_limit(""), None);
        assert!(files_max() > FILES_KEPT);
    }
}
