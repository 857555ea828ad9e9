//! The real workflows in a worker inside of this process, with the activities of the world.

use super::engines::Engines;
use super::tenancies::Tenancies;
use anyhow::Context as _;
use contract::names::{PORTAL_DOMAIN_QUEUE, TENANT_LIFECYCLE_QUEUE, TENANT_QUEUE};
use std::thread::JoinHandle;
use std::time::Duration;
use temporalio_client::Client;
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio::sync::oneshot;
use workflows::portal_domain::PortalDomain;
use workflows::sweep::PortalDomainSweep;
use workflows::tenant::{TenantCreation, TenantRepair};

/// A worker on a thread of its own, as the binary runs it; `Worker::run` is not `Send`.
pub(super) struct InProcess {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl InProcess {
    /// The worker of the portal domains.
    pub(super) fn of_domains(client: Client, engines: Engines) -> anyhow::Result<Self> {
        Self::start(client, move || {
            let mut options = options(PORTAL_DOMAIN_QUEUE);
            options.register_workflow::<PortalDomain>()?.register_workflow::<PortalDomainSweep>()?;
            options.register_activities(engines);
            Ok(options)
        })
    }

    /// The worker of the creations.
    pub(super) fn of_creations(client: Client, tenancies: Tenancies) -> anyhow::Result<Self> {
        Self::start(client, move || {
            let mut options = options(TENANT_QUEUE);
            options.register_workflow::<TenantCreation>()?.register_activities(tenancies);
            Ok(options)
        })
    }

    /// The worker of the repairs.
    pub(super) fn of_repairs(client: Client, tenancies: Tenancies) -> anyhow::Result<Self> {
        Self::start(client, move || {
            let mut options = options(TENANT_LIFECYCLE_QUEUE);
            options.register_workflow::<TenantRepair>()?.register_activities(tenancies);
            Ok(options)
        })
    }

    fn start(
        client: Client,
        options: impl FnOnce() -> anyhow::Result<WorkerOptions> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("days-worker".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(drive(client, options()?, stopped))
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Ends the worker; says why when it had ended by itself.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        drop(self.stop.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result.context("the worker"),
            Some(Err(_)) => anyhow::bail!("the worker's thread panicked"),
            None => Ok(()),
        }
    }
}

/// Options of a worker that ends soon: a lost activity must not hold the end of a test up.
fn options(queue: &str) -> WorkerOptions {
    WorkerOptions::new(queue).graceful_shutdown_period(Duration::from_secs(1)).build()
}

async fn drive(client: Client, options: WorkerOptions, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let runtime = RuntimeOptions::builder().heartbeat_interval(None).build().map_err(anyhow::Error::msg)?;
    let runtime = Runtime::from_current_tokio(runtime)?;
    let mut worker = Worker::new(&runtime, client, options)?;
    let shutdown = worker.shutdown_handle();
    tokio::spawn(async move {
        let _ = stopped.await;
        shutdown();
    });
    worker.run().await?;
    Ok(())
}
