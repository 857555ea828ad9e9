//! Prometheus metrics. Labels come from closed sets only: routes of the router, statuses, error codes.

use crate::error_code::ErrorCode;
use crate::state::AppState;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};
use std::time::Instant;

/// Seconds: below 5 ms is what a healthy service does, 100 ms is slow, 3 s is the wait for a connection.
const BUCKETS: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 3.0];

/// The metrics of one service.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    /// Replays of a stored answer.
    pub replayed: IntCounter,
    /// Attempts to use a code that failed.
    pub failed_attempts: IntCounter,
    /// 1 while failed attempts in total are above the alert.
    pub under_attack: IntGauge,
    /// Credentials that were used from two sources within a day.
    pub split_credentials: IntCounter,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// A name was registered twice.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new(
                "license_api_requests_total",
                "Answers by route, status and error code. Act when 5xx lasts: /readyz names the part that fails.",
            ),
            &["route", "status", "code"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("license_api_request_seconds", "Time to answer, by route.").buckets(BUCKETS.to_vec()),
            &["route"],
        )?;
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let replayed = counter("license_api_replayed_total", "Answers that were given before, for the same key.")?;
        let failed_attempts = counter(
            "license_api_failed_attempts_total",
            "Attempts to use a code that failed. Above 1,000 an hour somebody guesses: look at the sources.",
        )?;
        let split_credentials = counter(
            "license_api_split_credentials_total",
            "Check-ins of a credential from a second source within a day. Ask the customer, or revoke the appliance.",
        )?;
        let under_attack = IntGauge::new(
            "license_api_under_attack",
            "1 while failed attempts in total are above the alert and budgets are reduced.",
        )?;
        registry.register(Box::new(under_attack.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { registry, requests, seconds, replayed, failed_attempts, under_attack, split_credentials })
    }

    /// The routes of the metrics port.
    pub fn router(self) -> Router {
        Router::new().route("/metrics", get(scrape)).with_state(self)
    }

    fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

async fn scrape(State(metrics): State<Metrics>) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "could not write the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Counts an answer. A path that no route matches has one label for all of them.
pub(crate) async fn count(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let began = Instant::now();
    let response = next.run(request).await;
    let code = response.extensions().get::<ErrorCode>().map_or("", |code| code.as_str());
    let metrics = &state.metrics;
    metrics.requests.with_label_values(&[&route, response.status().as_str(), code]).inc();
    metrics.seconds.with_label_values(&[&route]).observe(began.elapsed().as_secs_f64());
    tracing::debug!(route, status = response.status().as_u16(), code, "answered");
    response
}
