//! The sample appliance: its own database, its own Temporal namespace, and a worker process of its own.

use anyhow::Context as _;
use harness::{Rig, eventually};
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

pub(crate) struct Appliance {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) database: sqlx::PgPool,
    temporal: Client,
    worker: Option<Child>,
    log: std::path::PathBuf,
}

impl Appliance {
    pub(crate) async fn of(rig: &Rig) -> anyhow::Result<Self> {
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
    pub(crate) fn start_worker(&mut self, rig: &Rig) -> anyhow::Result<()> {
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
    pub(crate) async fn kill_worker(&mut self) -> anyhow::Result<()> {
        let mut worker = self.worker.take().context("no worker runs")?;
        Ok(worker.kill().await?)
    }

    pub(crate) fn worker_log(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// Starts a workflow as a client of another language does: plain JSON.
    pub(crate) async fn start(&self, workflow: &'static str, id: &str, input: &Value) -> anyhow::Result<()> {
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
    pub(crate) async fn in_activity(&self, id: &str, activity: &str) -> anyhow::Result<()> {
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
    pub(crate) async fn result(&self, id: &str) -> anyhow::Result<Value> {
        let handle = self.temporal.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        let ended = handle.get_result(WorkflowGetResultOptions::default());
        let raw = tokio::time::timeout(Duration::from_secs(90), ended).await.context("the run goes on")??;
        let payload = raw.payloads.first().context("no result")?;
        Ok(serde_json::from_slice(&payload.data)?)
    }

    /// Everything that stands in a run's history, as the server keeps it.
    pub(crate) async fn history(&self, id: &str) -> anyhow::Result<String> {
        let handle = self.temporal.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        let events = handle.fetch_history(WorkflowFetchHistoryOptions::default()).into_events().await?;
        Ok(serde_json::to_string(&events)?)
    }

    /// Temporal, in the appliance's namespace.
    pub(crate) fn temporal(&self) -> &Client {
        &self.temporal
    }
}
