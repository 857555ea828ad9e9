//! Stripe, the shop and the provider of mail on a good day: each answers at once, and requests are counted, not kept.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The price that every checkout bought.
pub(crate) const PRICE: &str = "price_bench";

/// One server for all of them. It ends when it is dropped.
pub(crate) struct Outside {
    base_url: String,
    asked: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Outside {
    /// Starts it on an ephemeral port of loopback.
    ///
    /// # Errors
    /// Loopback gives no port.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let asked = Arc::new(AtomicU64::new(0));
        let served = axum::serve(listener, routes(Arc::clone(&asked)));
        let task = tokio::spawn(async move {
            // It serves until it is dropped.
            let _ = served.await;
        });
        Ok(Self { base_url, asked, task })
    }

    /// `http://127.0.0.1:<port>`.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Requests so far.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The paths of the contract, section 8, and Stripe's.
fn routes(asked: Arc<AtomicU64>) -> Router {
    Router::new()
        .route("/v1/checkout/sessions/{id}", get(session))
        .route("/v1/subscriptions/{id}", post(|state| answer(state, json!({}))))
        .route("/api/internal/checkout-session-status", post(|state| answer(state, json!({}))))
        .route("/api/webhooks/temporal", post(|state| answer(state, json!({}))))
        .route("/emails", post(|state| answer(state, json!({ "id": "4ef9a417-02e9-4d39-ad75-9611e0fcc33c" }))))
        .with_state(asked)
}

async fn answer(State(asked): State<Arc<AtomicU64>>, body: Value) -> Json<Value> {
    asked.fetch_add(1, Ordering::Relaxed);
    Json(body)
}

/// A checkout session `cs_WORD`: three licences, with ids made of the word.
async fn session(state: State<Arc<AtomicU64>>, Path(id): Path<String>) -> Json<Value> {
    let word = id.trim_start_matches("cs_");
    let item = json!({ "id": format!("si_{word}"), "price": { "id": PRICE }, "quantity": 3 });
    let address = json!({ "line1": "1 Sample Street", "city": "Sampleton", "country": "GB" });
    let body = json!({
        "id": id,
        "customer": { "id": format!("cus_{word}") },
        "customer_details": { "address": address, "phone": "+44 20 7946 0000" },
        "subscription": { "id": format!("sub_{word}"), "items": { "data": [item], "has_more": false } },
    });
    answer(state, body).await
}
