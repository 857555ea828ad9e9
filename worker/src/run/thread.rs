//! One OS thread per task queue, with a current-thread runtime that only its SDK worker uses.
//!
//! `Worker::run` is not `Send`, and a workflow that blocks stops everything on its thread: so queues do not share one. A
//! current-thread runtime saves a fifth of the CPU per task (fewer threads to wake); activities run on it too, since ours
//! wait for the network and compute little. Ports and monitors run on the process's own runtime and notice a stuck thread.

use crate::config::{Deployment, Queue, QueueRole, WorkerSettings};
use crate::health::{Health, QueueState};
use crate::register::{self, Activities};
use crate::scope;
use crate::telemetry::activity_span::ActivitySpans;
use futures::future::select_all;
use std::time::Duration;
use temporalio_client::Client;
use temporalio_common::telemetry::TelemetryOptions;
use temporalio_common::worker::{VersioningBehavior, WorkerDeploymentOptions, WorkerDeploymentVersion};
use temporalio_sdk::runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder};
use temporalio_sdk::runtime::{PollerBehavior, RuntimeOptions};
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio::sync::{oneshot, watch};

/// Long polls per kind of task. Fewer cost CPU and make the tail longer, more change nothing.
const POLLERS: usize = 5;

/// How often a thread says that its runtime turns.
const TURN_EVERY: Duration = Duration::from_secs(1);

/// The part of the grace period that is left for completions after running activities were cancelled.
const AFTER_CANCEL: Duration = Duration::from_secs(5);

/// Bounds of one SDK worker.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    workflows: usize,
    activities: usize,
    cached: usize,
    grace: Duration,
    deployment: Option<Deployment>,
    build_id: String,
}

impl Limits {
    /// From the settings.
    pub(super) fn of(settings: &WorkerSettings) -> Self {
        let drain = settings.process.drain;
        Self {
            // The SDK needs two slots and two polls to keep a cache.
            workflows: settings.process.max_concurrent_workflows.max(2),
            activities: settings.process.max_concurrent_activities,
            cached: settings.process.max_cached_workflows,
            grace: drain.saturating_sub(AFTER_CANCEL).max(drain / 2),
            deployment: settings.temporal.deployment.clone(),
            build_id: settings.temporal.build_id.clone(),
        }
    }
}

/// What a thread runs.
pub(super) struct Plan {
    /// The queue.
    pub(super) queue: Queue,
    /// The process's one connection.
    pub(super) client: Client,
    /// The SDK's meter.
    pub(super) telemetry: TelemetryOptions,
    /// Bounds.
    pub(super) settings: Limits,
    /// Activities of the process.
    pub(super) activities: Activities,
}

/// A running thread.
pub(super) struct QueueThread {
    queue: String,
    end: oneshot::Receiver<Result<(), String>>,
}

/// Starts the thread.
///
/// # Errors
/// The system gives no thread.
pub(super) fn start(plan: Plan, health: Health, stopped: watch::Receiver<bool>) -> std::io::Result<QueueThread> {
    let queue = plan.queue.name.clone();
    let (tell, end) = oneshot::channel();
    std::thread::Builder::new().name(thread_name(&queue)).spawn({
        let queue = queue.clone();
        move || {
            // Dropped without a word when the thread panics, which the other side understands.
            let result = drive(plan, &health, stopped);
            health.queue(&queue, QueueState::Ended);
            let _ = tell.send(result.map_err(|error| format!("{error:#}")));
        }
    })?;
    Ok(QueueThread { queue, end })
}

/// Linux shows 15 bytes of a thread's name.
fn thread_name(queue: &str) -> String {
    queue.chars().take(15).collect()
}

fn drive(plan: Plan, health: &Health, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let queue = plan.queue.name.clone();
    runtime.block_on(async move {
        let options = RuntimeOptions::builder().telemetry_options(plan.telemetry).heartbeat_interval(None);
        let sdk = Runtime::from_current_tokio(options.build().map_err(anyhow::Error::msg)?)?;
        let mut options = worker_options(&plan.queue, &plan.settings);
        register::on_worker(&mut options, &plan.queue, &plan.client, &plan.activities)?;
        let mut worker = Worker::new(&sdk, plan.client, options)?;

        // The handle panics outside of a Tokio context, so it is called in here.
        let shutdown = worker.shutdown_handle();
        tokio::spawn({
            let (health, queue) = (health.clone(), queue.clone());
            async move {
                // An error means that the process is ending anyway.
                let _ = stopped.wait_for(|stop| *stop).await;
                health.queue(&queue, QueueState::Draining);
                shutdown();
            }
        });
        tokio::spawn({
            let (health, queue) = (health.clone(), queue.clone());
            async move {
                loop {
                    health.turned(&queue);
                    tokio::time::sleep(TURN_EVERY).await;
                }
            }
        });
        health.queue(&queue, QueueState::Polling);
        tracing::info!(queue = %queue, "polling {queue}");
        worker.run().await?;
        Ok(())
    })
}

fn worker_options(queue: &Queue, limits: &Limits) -> WorkerOptions {
    let tuner = TunerHolder::builder()
        .workflow_task_slot_supplier(FixedSizeSlotSupplier::new(limits.workflows))
        .activity_task_slot_supplier(FixedSizeSlotSupplier::new(limits.activities))
        .local_activity_task_slot_supplier(FixedSizeSlotSupplier::new(limits.activities))
        .nexus_task_slot_supplier(FixedSizeSlotSupplier::new(1))
        .build();
    WorkerOptions::new(queue.name.clone())
        .deployment_options(deployment(queue, limits))
        .max_cached_workflows(limits.cached)
        .tuner(tuner)
        .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(POLLERS))
        .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(POLLERS))
        .graceful_shutdown_period(limits.grace)
        .workflow_interceptor(scope::interceptor())
        .activity_inbound_interceptor(ActivitySpans)
        .build()
}

/// Domains and repairs live for months: they move to the newest version by themselves, and patches keep their histories
/// replayable. A creation ends within half an hour: it stays with the version that began it.
fn deployment(queue: &Queue, limits: &Limits) -> WorkerDeploymentOptions {
    let behaviour = match queue.role {
        QueueRole::PortalDomain | QueueRole::TenantLifecycle => VersioningBehavior::AutoUpgrade,
        QueueRole::Tenant => VersioningBehavior::Pinned,
    };
    let version =
        |name: &str, build: &str| WorkerDeploymentVersion::builder().deployment_name(name).build_id(build).build();
    match &limits.deployment {
        Some(deployment) => WorkerDeploymentOptions::new(version(&deployment.name, &deployment.build_id))
            .use_worker_versioning(true)
            .default_versioning_behavior(behaviour)
            .build(),
        None => WorkerDeploymentOptions::new(version("tenantry", &limits.build_id)).build(),
    }
}

fn describe(queue: &str, end: Result<Result<(), String>, oneshot::error::RecvError>) -> Result<(), String> {
    match end {
        Ok(Ok(())) => Ok(()),
        Ok(Err(text)) => Err(format!("worker of queue {queue} failed: {text}")),
        Err(_) => Err(format!("worker thread of queue {queue} panicked")),
    }
}

/// Waits for the first thread that ends, which none should; takes it out and says which and why.
pub(super) async fn first_end(threads: &mut Vec<QueueThread>) -> String {
    if threads.is_empty() {
        return "no queue is polled".to_owned();
    }
    let (end, index, _) = select_all(threads.iter_mut().map(|thread| &mut thread.end)).await;
    let thread = threads.remove(index);
    match describe(&thread.queue, end) {
        Ok(()) => format!("worker of queue {} ended without being asked to", thread.queue),
        Err(text) => text,
    }
}

/// Waits until every thread ended.
///
/// # Errors
/// What the first failed one said.
pub(super) async fn join_all(threads: &mut Vec<QueueThread>) -> Result<(), String> {
    let mut result = Ok(());
    for thread in threads.drain(..) {
        let end = describe(&thread.queue, thread.end.await);
        result = result.and(end);
    }
    result
}
