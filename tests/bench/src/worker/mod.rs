//! The Rust half of the comparison with Node: plain workflows on a worker with the settings of `worker/src/run/thread.rs`
//! (one current-thread runtime, five pollers, 500 cached runs, no gzip, no heartbeats, the SDK's metrics on), and the default
//! of ten slots. `bench-worker QUEUE`; the server is `TEMPORAL_ADDRESS`.

mod workflows;

use anyhow::Context as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression, Url};
use temporalio_common::telemetry::metrics::CoreMeter;
use temporalio_common::telemetry::{PrometheusExporterOptions, TelemetryOptions, start_prometheus_metric_exporter};
use temporalio_sdk::runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder};
use temporalio_sdk::runtime::{PollerBehavior, RuntimeOptions};
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tracing_subscriber::EnvFilter;

/// `MAX_CONCURRENT_WORKFLOWS` and `MAX_CONCURRENT_ACTIVITIES` as they come.
const SLOTS: usize = 10;
/// As in `worker/src/run/thread.rs`.
const CACHED_RUNS: usize = 500;
/// As in `worker/src/run/thread.rs`.
const POLLERS: usize = 5;
/// The SDK formats every completion at `info`.
const LOGS: &str = "info,temporalio_sdk_core=warn,temporalio_sdk=warn,temporalio_client=warn,temporalio_common=warn";

/// Runs the worker until SIGTERM.
///
/// # Errors
/// No queue or no server was named, or the worker failed.
pub fn run() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(EnvFilter::new(LOGS)).init();
    let queue = std::env::args().nth(1).context("usage: bench-worker QUEUE")?;
    let address = std::env::var("TEMPORAL_ADDRESS").context("TEMPORAL_ADDRESS is not set")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(&queue, &address))
}

async fn serve(queue: &str, address: &str) -> anyhow::Result<()> {
    let exporter = PrometheusExporterOptions::builder().socket_addr(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).build();
    let meter: Arc<dyn CoreMeter> = start_prometheus_metric_exporter(exporter)?.meter;
    let telemetry = TelemetryOptions::builder().metrics(meter).build();
    let options = RuntimeOptions::builder().telemetry_options(telemetry).heartbeat_interval(None).build();
    let sdk = Runtime::from_current_tokio(options.map_err(anyhow::Error::msg)?)?;
    let connection = ConnectionOptions::new(format!("http://{address}").parse::<Url>()?)
        .connect_timeout(Duration::from_secs(5))
        .grpc_compression(GrpcCompression::None)
        .dns_load_balancing(None)
        .build();
    let client = Client::new(Connection::connect(connection).await?, ClientOptions::new("default").build())?;
    let mut options = worker_options(queue);
    options
        .register_workflow::<workflows::BenchRegistration>()?
        .register_workflow::<workflows::BenchLoop>()?
        .register_workflow::<workflows::BenchDomain>()?
        .register_activities(workflows::Activities);
    let mut worker = Worker::new(&sdk, client, options)?;
    let shutdown = worker.shutdown_handle();
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        terminate.recv().await;
        shutdown();
    });
    worker.run().await?;
    Ok(())
}

fn worker_options(queue: &str) -> WorkerOptions {
    let tuner = TunerHolder::builder()
        .workflow_task_slot_supplier(FixedSizeSlotSupplier::new(SLOTS))
        .activity_task_slot_supplier(FixedSizeSlotSupplier::new(SLOTS))
        .local_activity_task_slot_supplier(FixedSizeSlotSupplier::new(SLOTS))
        .nexus_task_slot_supplier(FixedSizeSlotSupplier::new(1))
        .build();
    WorkerOptions::new(queue)
        .max_cached_workflows(CACHED_RUNS)
        .tuner(tuner)
        .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(POLLERS))
        .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(POLLERS))
        .graceful_shutdown_period(Duration::from_secs(5))
        .build()
}
