//! Prometheus metrics on one port: ours, then those of the SDK.
//!
//! The SDK's exporter binds a port of its own and keeps its registry to itself, so it listens on loopback at any free port,
//! and our `/metrics` asks it and appends its answer. Both are text of the same format with disjoint names.

use crate::health::{Health, QueueState};
use crate::telemetry::census::FleetGauges;
use ::licensing::LicensingCounters;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Encoder as _, GaugeVec, IntGauge, Opts, Registry, TextEncoder};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use temporalio_common::telemetry::metrics::{CoreMeter, TemporalMeter};
use temporalio_common::telemetry::{PrometheusExporterOptions, TelemetryOptions, start_prometheus_metric_exporter};
use tenancy::TenancyCounters;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Longest that the SDK's own exporter may take to answer; it is in this process.
const SDK_ANSWER_MAX: Duration = Duration::from_secs(2);

/// The SDK's meter and where its exporter listens.
pub(crate) struct SdkMetrics {
    meter: Arc<dyn CoreMeter>,
    address: SocketAddr,
}

impl SdkMetrics {
    /// Starts the SDK's exporter on a free loopback port. Needs a Tokio runtime.
    ///
    /// # Errors
    /// No port could be bound.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let options = PrometheusExporterOptions::builder()
            .socket_addr(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .use_seconds_for_durations(true)
            .unit_suffix(true)
            .counters_total_suffix(true)
            .build();
        let server = start_prometheus_metric_exporter(options)?;
        Ok(Self { meter: server.meter, address: server.bound_addr })
    }

    /// Options for each runtime of the SDK: one meter for all of them, and no logger, because the process has one.
    pub(crate) fn telemetry(&self) -> TelemetryOptions {
        TelemetryOptions::builder().metrics(Arc::clone(&self.meter)).build()
    }

    /// The meter for the client's calls.
    pub(crate) fn client_meter(&self) -> anyhow::Result<Option<TemporalMeter>> {
        Ok(temporalio_common::telemetry::telemetry_init(self.telemetry())?.get_temporal_metric_meter())
    }
}

/// Our own metrics.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    fleet: FleetGauges,
    tenancy: TenancyCounters,
    licensing: LicensingCounters,
    ready: IntGauge,
    queue_up: GaugeVec,
    resident: IntGauge,
    health: Health,
    sdk: SocketAddr,
}

impl Metrics {
    /// Registers our metrics. Labels are queues and the build: few, and never a tenant or a host.
    ///
    /// # Errors
    /// A name was registered twice.
    pub(crate) fn new(health: Health, sdk: &SdkMetrics, build_id: &str, as_admin: bool) -> anyhow::Result<Self> {
        let registry = Registry::new();
        let ready = IntGauge::new(
            "tenantry_ready",
            "1 while the worker answers ready. Act when 0 for more than a minute: GET /ready names the check.",
        )?;
        let queue_up = GaugeVec::new(
            Opts::new(
                "tenantry_queue_polling",
                "1 while the worker thread of this queue polls. Act when 0: the process should have been restarted.",
            ),
            &["queue"],
        )?;
        let resident = IntGauge::new(
            "process_resident_memory_bytes",
            "Resident memory. The SDK keeps about 0.35 kB per activity for the life of a worker: restart above the budget.",
        )?;
        let build = GaugeVec::new(Opts::new("tenantry_build_info", "The running build."), &["version", "build_id"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION"), build_id]).set(1.0);
        let superuser = IntGauge::new(
            "tenantry_database_superuser",
            "1 while the worker signs in with the administrator's role. Act when 1: set TENANTRY_DB_USER.",
        )?;
        superuser.set(i64::from(as_admin));
        registry.register(Box::new(ready.clone()))?;
        registry.register(Box::new(queue_up.clone()))?;
        registry.register(Box::new(resident.clone()))?;
        registry.register(Box::new(build))?;
        registry.register(Box::new(superuser.clone()))?;
        registry.register(Box::new(store::pool_wait()))?;
        let fleet = FleetGauges::register(&registry)?;
        let tenancy = TenancyCounters::register(&registry)?;
        let licensing = LicensingCounters::register(&registry)?;
        Ok(Self { fleet, tenancy, licensing, registry, ready, queue_up, resident, health, sdk: sdk.address })
    }

    /// The gauges of the fleet, which need the database.
    pub(crate) fn fleet(&self) -> FleetGauges {
        self.fleet.clone()
    }

    /// The counters of tenant provisioning.
    pub(crate) fn tenancy(&self) -> TenancyCounters {
        self.tenancy.clone()
    }

    /// The counters of licensing.
    pub(crate) fn licensing(&self) -> LicensingCounters {
        self.licensing.clone()
    }

    /// The routes of the metrics port.
    pub(crate) fn router(self) -> Router {
        Router::new().route("/metrics", get(scrape)).with_state(self)
    }

    fn own_text(&self) -> anyhow::Result<String> {
        self.ready.set(i64::from(self.health.ready().is_ok()));
        for (queue, state) in self.health.queues() {
            self.queue_up.with_label_values(&[&queue]).set(f64::from(u8::from(state == QueueState::Polling)));
        }
        self.resident.set(resident_bytes().unwrap_or(0));
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

async fn scrape(State(metrics): State<Metrics>) -> Response {
    let own = match metrics.own_text() {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(error = %error, "could not write the metrics");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let sdk = tokio::time::timeout(SDK_ANSWER_MAX, read_sdk(metrics.sdk)).await;
    let sdk = match sdk {
        Ok(Ok(text)) => text,
        Ok(Err(_)) | Err(_) => String::from("# the SDK's exporter did not answer\n"),
    };
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], own + &sdk).into_response()
}

/// One HTTP/1.0 request, whose answer ends with the connection: no client library is needed for a peer in this process.
async fn read_sdk(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    body.ok_or_else(|| std::io::Error::other("no body"))
}

/// Resident memory in bytes, where the kernel tells it (Linux: proc_pid_statm(5), second field, in pages of 4 KiB).
fn resident_bytes() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    text.split_whitespace().nth(1)?.parse::<i64>().ok().map(|pages| pages * 4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_port_serves_ours_and_the_sdks() {
        let health = Health::new(["portal-domain-workflows".to_owned()]);
        let sdk = SdkMetrics::start().expect("exporter");
        let metrics = Metrics::new(health, &sdk, "abc", true).expect("registered");
        let response = scrape(State(metrics)).await;
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("body");
        let text = String::from_utf8(body.to_vec()).expect("utf-8");
        assert!(text.contains("tenantry_ready 0"), "{text}");
        assert!(text.contains("tenantry_database_superuser 1"), "{text}");
        assert!(text.contains("tenantry_database_pool_wait_seconds_count"), "{text}");
        assert!(text.contains("tenantry_mails_total{result=\"sent\"} 0"), "{text}");
        assert!(text.contains("tenantry_queue_polling{queue=\"portal-domain-workflows\"} 0"), "{text}");
        assert!(!text.contains("did not answer"), "{text}");
    }
}
