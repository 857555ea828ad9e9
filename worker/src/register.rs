//! Which workflows and activities a queue has. The one place that names them; replay registers the same workflows.

use crate::clients::{cluster, database};
use crate::config::{QueueRole, Role, WorkerSettings};
use crate::exit::Failure;
use sqlx::PgPool;
use temporalio_sdk::WorkerOptions;
use temporalio_sdk::workflow_replayer::WorkflowReplayerOptions;

/// The activities of this process with their clients. Cheap to clone; built before anything answers.
#[derive(Clone, Default)]
pub(crate) struct Activities {
    portal: Option<PortalActivities>,
}

#[derive(Clone)]
struct PortalActivities {
    database: PgPool,
    cluster: kube::Client,
}

impl Activities {
    /// Builds the clients of the queues that are served. Nothing is connected yet.
    ///
    /// # Errors
    /// A setting cannot be used, such as a kubeconfig without a context.
    pub(crate) async fn build(settings: &WorkerSettings) -> Result<Self, Failure> {
        let (Some(database), Some(portal)) = (&settings.database, &settings.portal) else { return Ok(Self::default()) };
        let slots = u32::try_from(settings.process.max_concurrent_activities).unwrap_or(u32::MAX).saturating_mul(2);
        let pool = database::lazy_pool(database, Role::Worker, database.pool_max.unwrap_or(slots))?;
        let cluster = cluster::client(portal.kubeconfig.as_deref()).await?;
        Ok(Self { portal: Some(PortalActivities { database: pool, cluster }) })
    }

    /// The pool, when a queue needs the database.
    pub(crate) fn database(&self) -> Option<&PgPool> {
        self.portal.as_ref().map(|portal| &portal.database)
    }

    /// The cluster's client, when a queue needs it.
    pub(crate) fn cluster(&self) -> Option<&kube::Client> {
        self.portal.as_ref().map(|portal| &portal.cluster)
    }
}

/// Registers what a queue serves.
///
/// # Errors
/// Two workflows share a name.
pub(crate) fn on_worker(_options: &mut WorkerOptions, role: QueueRole, _activities: &Activities) -> anyhow::Result<()> {
    match role {
        QueueRole::PortalDomain | QueueRole::Tenant => Ok(()),
    }
}

/// Registers every workflow of this build, whatever its queue.
///
/// # Errors
/// Two workflows share a name.
pub(crate) fn on_replayer(_options: &mut WorkflowReplayerOptions) -> anyhow::Result<()> {
    Ok(())
}
