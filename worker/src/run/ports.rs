//! The health port and the metrics port.

use crate::config::ProcessSettings;
use crate::exit::{Exit, Failure};
use crate::health::Health;
use crate::telemetry::metrics::Metrics;
use axum::Router;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Binds both ports and serves them for the life of the process.
///
/// # Errors
/// `Refused` when a port is in use; the text names it and its variable.
pub(super) async fn serve(process: &ProcessSettings, health: Health, metrics: Metrics) -> Result<(), Failure> {
    if process.health_enabled {
        let address = SocketAddr::new(process.bind_address, process.health_port);
        listen(address, "HEALTH_CHECK_PORT", health.router()).await?;
    }
    let address = SocketAddr::new(process.bind_address, process.metrics_port);
    listen(address, "METRICS_PORT", metrics.router()).await
}

async fn listen(address: SocketAddr, variable: &'static str, router: Router) -> Result<(), Failure> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let text = format!("could not listen on {address}; choose another port with {variable}");
        Failure::of(Exit::Refused, anyhow::Error::new(error).context(text))
    })?;
    if let Ok(bound) = listener.local_addr() {
        tracing::info!(address = %bound, "{variable} listens on {bound}");
    }
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(error = %error, "{variable} stopped listening");
        }
    });
    Ok(())
}
