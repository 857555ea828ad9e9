//! `tenantry worker`: one OS thread per task queue, and around them what keeps the process truthful and stoppable.
//!
//! Order of a start: settings (one error lists every problem), telemetry, health and metrics ports, then the outside systems,
//! none of which ends the process by being away. Order of a stop: not ready, stop polling, let work finish within the grace
//! period; a second signal ends the process at once, with code 1. A worker that ends without being asked to ends the process
//! with code 70, so that it is restarted.

mod check_ins;
mod monitor;
mod ports;
mod schedule;
mod thread;

use crate::clients::{rotation, temporal};
use crate::config::{QueueRole, Source, WorkerSettings};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::health::{Health, System};
use crate::register::Activities;
use crate::telemetry::census::FleetGauges;
use crate::telemetry::logs::Reader;
use crate::telemetry::metrics::{Metrics, SdkMetrics};
use crate::telemetry::{logs, traces};
use licensing::LicensingCounters;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::time::Duration;
use tenancy::TenancyCounters;
use thread::{Plan, QueueThread};
use tokio::sync::watch;

/// Time between the end of the workers' own grace and the end of the process: for last completions and traces.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Runs the worker until it is told to stop.
///
/// # Errors
/// `No` for settings, `Internal` when a worker ended by itself or did not end in time.
pub(crate) async fn run(source: &Source) -> Result<Exit, Failure> {
    let settings = WorkerSettings::parse(source).map_err(|problems| Failure::of(Exit::No, problems))?;
    let build = settings.temporal.build_id.clone();
    let provider = match &settings.process.otlp_endpoint {
        Some(endpoint) => Some(traces::provider(endpoint, &build).or_exit(Exit::No, "could not set up traces")?),
        None => None,
    };
    logs::install(&settings.process.log_level, Reader::Machine, provider.as_ref());
    announce(&settings);

    let health = Health::new(settings.temporal.queues.iter().map(|queue| queue.name.clone()));
    let sdk = SdkMetrics::start().or_exit(Exit::Internal, "could not start the SDK's metrics")?;
    let as_admin = settings.database.as_ref().is_some_and(|database| database.worker_is_admin);
    let metrics =
        Metrics::new(health.clone(), &sdk, &build, as_admin).or_exit(Exit::Internal, "could not register metrics")?;
    let (fleet, counters) = (metrics.fleet(), (metrics.tenancy(), metrics.licensing()));
    ports::serve(&settings.process, health.clone(), metrics).await?;

    let (stop, stopped) = watch::channel(false);
    let mut threads = Vec::new();
    let ended_early = tokio::select! {
        outcome = serve((source, &settings), &health, &sdk, (provider.as_ref(), fleet, counters), &stopped, &mut threads) => Some(outcome?),
        signal = stop_signal() => {
            tracing::info!("received {signal}: draining for at most {} s", settings.process.drain.as_secs());
            None
        }
    };
    health.drain();
    let _ = stop.send(true);
    // Whoever asks twice does not want to wait: what runs is repeated elsewhere under its keys.
    tokio::spawn(async {
        let signal = stop_signal().await;
        tracing::warn!("received {signal} again: ending at once");
        std::process::exit(i32::from(Exit::No.code()));
    });
    let drained = tokio::time::timeout(settings.process.drain, thread::join_all(&mut threads)).await;
    if let Some(provider) = provider {
        // Exports what is left; a collector that is away must not hold the end up.
        let _ = tokio::time::timeout(LAST_WORDS, tokio::task::spawn_blocking(move || provider.shutdown())).await;
    }
    if let Some(ended) = ended_early {
        return Err(Failure::new(Exit::Internal, ended));
    }
    match drained {
        Ok(Ok(())) => Ok(Exit::Ok),
        Ok(Err(text)) => Err(Failure::new(Exit::Internal, text)),
        Err(_) => Err(Failure::new(Exit::Internal, "work was still running when the grace period ended")),
    }
}

/// Connects, starts the threads, and returns when one of them ends: with the text that says which and why.
async fn serve(
    (source, settings): (&Source, &WorkerSettings),
    health: &Health,
    sdk: &SdkMetrics,
    (provider, fleet, counters): (Option<&SdkTracerProvider>, FleetGauges, (TenancyCounters, LicensingCounters)),
    stopped: &watch::Receiver<bool>,
    threads: &mut Vec<QueueThread>,
) -> Result<String, Failure> {
    let activities = Activities::build(settings, counters).await?;
    rotation::follow(source.clone(), activities.database().cloned(), activities.live().cloned());
    monitor::watch_database(health, activities.database());
    if let Some(pool) = activities.database() {
        fleet.watch(pool.clone());
    }
    monitor::watch_cluster(health, activities.cluster());
    let meter = sdk.client_meter().or_exit(Exit::Internal, "could not start the SDK's telemetry")?;
    let client = temporal::connect_patiently(&settings.temporal, meter, provider.map(traces::plugin)).await?;
    monitor::wait_for_namespace(&client).await;
    health.answered(System::Temporal);
    monitor::watch_temporal(health, &client);
    for queue in &settings.temporal.queues {
        let plan = Plan {
            queue: queue.clone(),
            client: client.clone(),
            telemetry: sdk.telemetry(),
            settings: thread::Limits::of(settings),
            activities: activities.clone(),
        };
        let thread = thread::start(plan, health.clone(), stopped.clone());
        threads.push(thread.or_exit(Exit::Internal, "could not start a worker thread")?);
    }
    if let Some(queue) = settings.temporal.queues.iter().find(|queue| queue.role == QueueRole::PortalDomain) {
        schedule::keep(client.clone(), queue.name.clone());
    }
    let tenants = settings.temporal.queues.iter().find(|queue| queue.role == QueueRole::Tenant);
    if let (Some(queue), Some(site)) = (tenants, activities.site()) {
        check_ins::keep(client, queue.name.clone(), site.clone());
    }
    Ok(thread::first_end(threads).await)
}

/// Says once what this process is, and loudly what must never be seen in production.
fn announce(settings: &WorkerSettings) {
    let queues: Vec<&str> = settings.temporal.queues.iter().map(|queue| queue.name.as_str()).collect();
    tracing::info!(
        build = %settings.temporal.build_id, temporal = %settings.temporal.address, queues = ?queues,
        "starting the worker, build {}", settings.temporal.build_id
    );
    if settings.portal.as_ref().is_some_and(|portal| !portal.network.is_production()) {
        tracing::warn!(
            "DEVELOPMENT NETWORK: TENANTRY_DEV_NETWORK admits sample zones and loopback addresses; never set it in production"
        );
    }
    if settings.database.as_ref().is_some_and(|database| database.worker_is_admin) {
        tracing::warn!(
            "the worker signs in as DB_USER_ADMIN because TENANTRY_DB_USER is not set; give it a role of its own"
        );
    }
}

/// Ends when the process is asked to stop.
pub(crate) async fn stop_asked() {
    stop_signal().await;
}

async fn stop_signal() -> &'static str {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .expect("the runtime has its signal driver on");
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = tokio::signal::ctrl_c() => "SIGINT",
    }
}
