//! Ports, logs, limits and the mode of the process.

use super::source::Reader;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Settings of the process itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessSettings {
    /// `NODE_ENV=production`: turns on the stricter checks.
    pub(crate) production: bool,
    /// `LOG_LEVEL`, in the words of `tracing`.
    pub(crate) log_level: String,
    /// `ENABLE_HEALTH_CHECK`.
    pub(crate) health_enabled: bool,
    /// `HEALTH_CHECK_PORT`; 0 takes any free port and logs it.
    pub(crate) health_port: u16,
    /// `METRICS_PORT`; 0 takes any free port and logs it.
    pub(crate) metrics_port: u16,
    /// `TENANTRY_BIND_ADDRESS`: where health and metrics listen.
    pub(crate) bind_address: IpAddr,
    /// `MAX_CONCURRENT_ACTIVITIES`, per queue.
    pub(crate) max_concurrent_activities: usize,
    /// `MAX_CONCURRENT_WORKFLOWS`, per queue.
    pub(crate) max_concurrent_workflows: usize,
    /// `MAX_CACHED_WORKFLOWS`, per queue: runs that are active within minutes, not the fleet. A run that is not cached is
    /// replayed when it wakes; each cached one adds about 0.2 µs to every turn and some 50 kB (SDK 1.1.1, 2026-11-25).
    pub(crate) max_cached_workflows: usize,
    /// `TENANTRY_DRAIN_SECONDS`: how long a stop may take. Below the grace period of a pod (30 s).
    pub(crate) drain: Duration,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`; traces are exported when it is set.
    pub(crate) otlp_endpoint: Option<String>,
}

/// Reads `LOG_LEVEL`, in the words of `tracing` or of the earlier worker.
pub(crate) fn log_level(reader: &mut Reader<'_>, default: &str) -> String {
    let level = reader.text_or("LOG_LEVEL", default).to_ascii_lowercase();
    match level.as_str() {
        "trace" | "debug" | "info" | "warn" | "error" => level,
        "verbose" | "silly" => "debug".to_owned(),
        "fatal" => "error".to_owned(),
        _ => {
            reader.problem("LOG_LEVEL", "must be trace, debug, info, warn or error");
            default.to_owned()
        }
    }
}

impl ProcessSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let log_level = log_level(reader, "info");
        let otlp_endpoint = reader.text("OTEL_EXPORTER_OTLP_ENDPOINT");
        if otlp_endpoint.as_deref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            reader.problem("OTEL_EXPORTER_OTLP_ENDPOINT", "must be an http or https URL");
        }
        let at_least_one = "must be an integer of at least 1";
        Self {
            production: reader.text("NODE_ENV").as_deref() == Some("production"),
            log_level,
            health_enabled: reader.flag("ENABLE_HEALTH_CHECK", true),
            health_port: reader.number("HEALTH_CHECK_PORT", 8080, 0..=u16::MAX, "must be a port, 0 to 65535"),
            metrics_port: reader.number("METRICS_PORT", 9090, 0..=u16::MAX, "must be a port, 0 to 65535"),
            bind_address: reader
                .parsed("TENANTRY_BIND_ADDRESS", "must be an IP address")
                .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            max_concurrent_activities: reader.number("MAX_CONCURRENT_ACTIVITIES", 10, 1..=10_000, at_least_one),
            max_concurrent_workflows: reader.number("MAX_CONCURRENT_WORKFLOWS", 10, 1..=10_000, at_least_one),
            max_cached_workflows: reader.number("MAX_CACHED_WORKFLOWS", 500, 2..=100_000, "must be 2 to 100000"),
            drain: Duration::from_secs(reader.number(
                "TENANTRY_DRAIN_SECONDS",
                25,
                1..=3600,
                "must be 1 to 3600 seconds",
            )),
            otlp_endpoint,
        }
    }
}
