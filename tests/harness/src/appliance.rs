//! The sample appliance: its own database, its own Temporal namespace, and a worker process of its own.

use crate::rig::Rig;
use crate::wait::eventually;
use anyhow::Context as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, UntypedWorkflow, Url, WorkflowDescribeOptions,
    WorkflowFetchHistoryOptions, WorkflowGetResultOptions, WorkflowStartOptions,
};
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_common::protos::temporal::api::enums::v1::PendingActivityState;
use tokio::process::{Child, Command};

/// Namespace and queue of an appliance's worker.
const NAMESPACE: &str = "appliance";
const QUEUE: &str = "tenant-workflows";

/// What an appliance runs: a worker beside its own database, and a client of its Temporal.
pub struct Appliance {
    /// Variables that worker and command line use.
    pub variables: BTreeMap<String, String>,
    /// The database as its owner.
    pub database: sqlx::PgPool,
    temporal: Client,
    worker: Option<Child>,
    log: std::path::PathBuf,
}

impl Appliance {
    /// The appliance of a stack; its worker does not run yet.
    ///
    /// # Errors
    /// The stack has none.
    pub async fn of(rig: &Rig) -> anyhow::Result<Self> {
        let variables = devstack::variables_of_appliance(&rig.environment).context("the stack has no appliance")?;
        let options =
            ConnectionOptions::new(format!("http://{}", variables["TEMPORAL_ADDRESS"]).parse::<Url>()?).build();
        let connection = Connection::connect(options).await?;
        let temporal = Client::new(connection, ClientOptions::new(NAMESPACE).build())?;
        let database = sqlx::PgPool::connect_lazy(&variables["DATABASE_URL"])?;
        let log = rig.stack.root().join("logs/worker-appliance.log");
        Ok(Self { variables, database, temporal, worker: None, log })
    }

    /// Starts the worker, as `tenantry dev env --appliance` would have it.
    ///
    /// # Errors
    /// There is no executable.
    pub fn start_worker(&mut self, rig: &Rig) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let child = Command::new(&rig.binary)
            .arg("worker")
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        self.worker = Some(child);
        Ok(())
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill_worker(&mut self) -> anyhow::Result<()> {
        let mut worker = self.worker.take().context("no worker runs")?;
        Ok(worker.kill().await?)
    }

    /// What the worker has logged since its first start.
    ///
    /// # Errors
    /// It was never started.
    pub fn worker_log(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// The worker's process.
    ///
    /// # Errors
    /// It does not run.
    pub fn worker(&self) -> anyhow::Result<i32> {
        let pid = self.worker.as_ref().and_then(Child::id).context("no worker runs")?;
        Ok(i32::try_from(pid)?)
    }

    /// Starts a workflow as a client of another language does: plain JSON.
    ///
    /// # Errors
    /// Temporal refused.
    pub async fn start(&self, workflow: &'static str, id: &str, input: &Value) -> anyhow::Result<()> {
        let payload = Payload {
            metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
            data: serde_json::to_vec(input)?,
            ..Payload::default()
        };
        let options = WorkflowStartOptions::new(QUEUE, id).build();
        self.temporal.start_workflow(UntypedWorkflow::new(workflow), RawValue::new(vec![payload]), options).await?;
        Ok(())
    }

    /// Waits until the run's activity of this type is under way.
    ///
    /// # Errors
    /// It is not within 60 s.
    pub async fn in_activity(&self, id: &str, activity: &str) -> anyhow::Result<()> {
        let handle = self.temporal.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        eventually(&format!("{activity} is under way"), Duration::from_secs(60), || async {
            let shown = handle.describe(WorkflowDescribeOptions::default()).await.map_err(|error| error.to_string())?;
            let pending = &shown.raw_description.pending_activities;
            let under_way = pending.iter().any(|pending| {
                pending.activity_type.as_ref().is_some_and(|name| name.name == activity)
                    && pending.state == PendingActivityState::Started as i32
            });
            if under_way { Ok(()) } else { Err(format!("{} pending", pending.len())) }
        })
        .await
    }

    /// The result of a run.
    ///
    /// # Errors
    /// It failed, or goes on for 90 s.
    pub async fn result(&self, id: &str) -> anyhow::Result<Value> {
        let handle = self.temporal.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        let ended = handle.get_result(WorkflowGetResultOptions::default());
        let raw = tokio::time::timeout(Duration::from_secs(90), ended).await.context("the run goes on")??;
        let payload = raw.payloads.first().context("no result")?;
        Ok(serde_json::from_slice(&payload.data)?)
    }

    /// Everything that stands in a run's history, as the server keeps it.
    ///
    /// # Errors
    /// Temporal refused.
    pub async fn history(&self, id: &str) -> anyhow::Result<String> {
        let handle = self.temporal.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        let events = handle.fetch_history(WorkflowFetchHistoryOptions::default()).into_events().await?;
        Ok(serde_json::to_string(&events)?)
    }

    /// Temporal, in the appliance's namespace.
    pub fn temporal(&self) -> &Client {
        &self.temporal
    }
}
