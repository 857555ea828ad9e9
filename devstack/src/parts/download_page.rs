//! The download page: the stable address that a mail can hold for as long as its code lives. Whoever asks gets a link into the
//! store that was signed for this visit, because a link holds for seven days at most (licensing contract, section 11). It knows
//! no codes; its answers hold a link and nothing else, and its log not even that.

use std::net::SocketAddr;
use std::time::SystemTime;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use license::object_store::ObjectStore;
use secrecy::SecretString;

/// Path of the page.
pub(crate) const DOWNLOAD_PATH: &str = "/appliance";
/// How long a link holds, in seconds. A download begins at once and may be resumed; later the page gives another link.
const LINK_SECONDS: i64 = 3_600;

/// Tells the time.
type Clock = fn() -> SystemTime;

/// Serves until the process is ended. The store is the one of the settings `OBJECT_STORE_*`.
pub(super) async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let store = ObjectStore::from_settings(|name| std::env::var(name).ok().map(SecretString::from))?;
    let store = store.context("OBJECT_STORE_ENDPOINT is not set")?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    tracing::info!(%address, "download page is answering");
    Ok(axum::serve(listener, routes(store, SystemTime::now)).await?)
}

fn routes(store: ObjectStore, clock: Clock) -> Router {
    Router::new()
        .route(DOWNLOAD_PATH, get(download))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state((store, clock))
}

/// Leads to the image. The link is nothing that a cache, or the next page as a referrer, should keep.
async fn download(State((store, clock)): State<(ObjectStore, Clock)>) -> Response {
    let link = store.link(LINK_SECONDS, clock().into());
    let headers = [
        (header::LOCATION, link),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;
    use std::time::Duration;

    fn store() -> ObjectStore {
        let value = |name: &'static str| {
            Some(SecretString::from(match name {
                "OBJECT_STORE_ENDPOINT" => "http://127.0.0.1:20001",
                "OBJECT_STORE_SECRET_KEY" => "a secret of the store",
                "APPLIANCE_ISO_KEY" => return None,
                _ => "word",
            }))
        };
        ObjectStore::from_settings(value).unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_visit_gets_a_link_of_its_own_time() {
        let visit = async |clock: Clock| {
            let answer = download(State((store(), clock))).await;
            assert_eq!(answer.status(), StatusCode::SEE_OTHER);
            answer.headers().clone()
        };
        let link = |headers: &HeaderMap| headers[header::LOCATION].to_str().unwrap().to_owned();
        let first = visit(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)).await;
        let later = visit(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_601)).await;
        assert!(link(&first).starts_with("http://127.0.0.1:20001/word/appliance/current/alga-appliance.iso?"));
        assert!(link(&first).contains("&X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600&"), "{}", link(&first));
        assert_ne!(link(&first), link(&later));
        assert_eq!(first[header::CACHE_CONTROL], "no-store");
        assert!(!format!("{first:?}").contains("a secret"));
    }
}
