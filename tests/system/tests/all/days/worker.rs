//! The real workflows in a worker inside of this process, with the activities of the world.

use super::engines::Engines;
use anyhow::Context as _;
use contract::names::PORTAL_DOMAIN_QUEUE;
use std::thread::JoinHandle;
use std::time::Duration;
use temporalio_client::Client;
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio::sync::oneshot;
use workflows::portal_domain::PortalDomain;
use workflows::sweep::PortalDomainSweep;

/// A worker on a thread of its own, as the binary runs it; `Worker::run` is not `Send`.
pub(super) struct InProcess {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl InProcess {
    pub(super) fn start(client: Client, engines: Engines) -> anyhow::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("days-worker".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(drive(client, engines, stopped))
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

async fn drive(client: Client, engines: Engines, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let options = RuntimeOptions::builder().heartbeat_interval(None).build().map_err(anyhow::Error::msg)?;
    let runtime = Runtime::from_current_tokio(options)?;
    // A lost activity must not hold the end of a test up.
    let mut options = WorkerOptions::new(PORTAL_DOMAIN_QUEUE).graceful_shutdown_period(Duration::from_secs(1)).build();
    options.register_workflow::<PortalDomain>()?.register_workflow::<PortalDomainSweep>()?.register_activities(engines);
    let mut worker = Worker::new(&runtime, client, options)?;
    let shutdown = worker.shutdown_handle();
    tokio::spawn(async move {
        let _ = stopped.await;
        shutdown();
    });
    worker.run().await?;
    Ok(())
}
