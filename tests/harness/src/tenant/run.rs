//! One run of a tenant workflow, as its callers see it: start, signal, query, decide, wait.

use crate::wait::eventually;
use anyhow::Context as _;
use contract::names;
use proto::v1::{RepairReply, TenantCreationStatus};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_client::{
    Client, UntypedQuery, UntypedSignal, UntypedUpdate, UntypedWorkflow, WorkflowCancelOptions,
    WorkflowDescribeOptions, WorkflowExecuteUpdateOptions, WorkflowExecutionDescription, WorkflowFetchHistoryOptions,
    WorkflowGetResultOptions, WorkflowQueryOptions, WorkflowSignalOptions, WorkflowStartOptions,
    WorkflowTerminateOptions,
};
use temporalio_common::data_converters::RawValue;
use temporalio_common::error::IncomingError;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;

/// Longest wait for the answer of a query or an update.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// What a caller starts.
#[derive(Debug, Clone)]
pub struct Start {
    /// Workflow type.
    pub workflow: &'static str,
    /// Task queue.
    pub queue: String,
    /// Arguments, as they go over the wire.
    pub arguments: Vec<Payload>,
    /// Limit of the run; the execution's is twice that. Existing callers set 30 min and 1 h.
    pub run_timeout: Duration,
}

impl Start {
    /// A creation as existing callers start it.
    pub fn creation(input: &Value) -> Self {
        Self {
            workflow: names::TENANT_CREATION_WORKFLOW,
            queue: names::TENANT_QUEUE.to_owned(),
            arguments: vec![payload(input)],
            run_timeout: Duration::from_secs(1800),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// With its result.
    Completed(Value),
    /// With a failure.
    Failed {
        /// Type.
        kind: String,
        /// Text.
        text: String,
        /// First detail.
        details: Option<Value>,
    },
    /// As cancelled.
    Cancelled,
    /// In another way, such as a timeout.
    Otherwise(String),
}

/// A run by its workflow id: the newest one.
#[derive(Clone)]
pub struct CreationRun {
    client: Client,
    /// Workflow id.
    pub id: String,
}

fn payload(value: &Value) -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: value.to_string().into_bytes(),
        ..Payload::default()
    }
}

fn raw(value: &Value) -> RawValue {
    RawValue::new(vec![payload(value)])
}

fn read<T: DeserializeOwned>(raw: &RawValue) -> anyhow::Result<T> {
    let payload = raw.payloads.first().context("an empty answer")?;
    Ok(serde_json::from_slice(&payload.data)?)
}

impl CreationRun {
    /// The run of this id.
    pub fn new(client: Client, id: &str) -> Self {
        Self { client, id: id.to_owned() }
    }

    /// Starts it.
    ///
    /// # Errors
    /// Temporal refused, also because a run of this id is open.
    pub async fn start(&self, start: Start) -> anyhow::Result<()> {
        let options = WorkflowStartOptions::new(start.queue, self.id.clone())
            .execution_timeout(2 * start.run_timeout)
            .run_timeout(start.run_timeout)
            .task_timeout(Duration::from_secs(60))
            .build();
        let workflow = UntypedWorkflow::new(start.workflow);
        self.client.start_workflow(workflow, RawValue::new(start.arguments), options).await.context("the start")?;
        Ok(())
    }

    /// The query `getState`, as JSON of the wire.
    ///
    /// # Errors
    /// Temporal refused, or nobody answered within 30 s.
    pub async fn raw_state(&self) -> anyhow::Result<Value> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(self.id.clone());
        let query = UntypedQuery::new(names::CREATION_STATE_QUERY);
        let asked = handle.query(query, RawValue::new(Vec::new()), WorkflowQueryOptions::default());
        read(&tokio::time::timeout(ANSWER_MAX, asked).await.context("getState: nobody answered")??)
    }

    /// The query `getState`.
    ///
    /// # Errors
    /// As [`Self::raw_state`], or an answer of another form.
    pub async fn state(&self) -> anyhow::Result<TenantCreationStatus> {
        Ok(serde_json::from_value(self.raw_state().await?)?)
    }

    /// One signal.
    ///
    /// # Errors
    /// Temporal refused.
    pub async fn signal(&self, name: &str, argument: &Value) -> anyhow::Result<()> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(self.id.clone());
        Ok(handle.signal(UntypedSignal::new(name), raw(argument), WorkflowSignalOptions::default()).await?)
    }

    /// Asks the run to end, as `temporal workflow cancel` does.
    ///
    /// # Errors
    /// Temporal refused.
    pub async fn cancel(&self) -> anyhow::Result<()> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(self.id.clone());
        Ok(handle.cancel(WorkflowCancelOptions::default()).await?)
    }

    /// Ends the run at once: nothing of its code runs any more.
    ///
    /// # Errors
    /// Temporal refused.
    pub async fn terminate(&self) -> anyhow::Result<()> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(self.id.clone());
        Ok(handle.terminate(WorkflowTerminateOptions::default()).await?)
    }

    /// The update `repair`.
    ///
    /// # Errors
    /// Temporal or the validator refused, or nobody answered within 30 s.
    pub async fn decide(&self, action: &str) -> anyhow::Result<RepairReply> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(self.id.clone());
        let update = UntypedUpdate::new(names::REPAIR_UPDATE);
        let argument = raw(&json!({ "action": action, "by": "operator-1", "note": "test" }));
        let asked = handle.execute_update(update, argument, WorkflowExecuteUpdateOptions::default());
        read(&tokio::time::timeout(ANSWER_MAX, asked).await.context("repair: nobody answered")??)
    }

    /// Waits until the run waits for a decision, and answers its state.
    ///
    /// # Errors
    /// It does not within `limit`.
    pub async fn waits(&self, limit: Duration) -> anyhow::Result<TenantCreationStatus> {
        eventually(&format!("{} waits for a decision", self.id), limit, || async {
            match self.state().await {
                Ok(state) if state.repair.is_some() => Ok(state),
                Ok(state) => Err(format!("{state:?}")),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .await
    }

    /// Waits for the end of the run.
    ///
    /// # Errors
    /// It does not end within `limit`.
    pub async fn ended(&self, limit: Duration) -> anyhow::Result<Ended> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(self.id.clone());
        let waited = tokio::time::timeout(limit, handle.get_result(WorkflowGetResultOptions::default())).await;
        let Ok(ended) = waited else {
            let state = self.raw_state().await;
            anyhow::bail!("{} does not end within {limit:?}; its state: {state:?}", self.id);
        };
        Ok(match ended {
            Ok(raw) => Ended::Completed(read(&raw)?),
            Err(WorkflowGetResultError::Failed(error)) => failed(&error),
            Err(WorkflowGetResultError::Cancelled { .. }) => Ended::Cancelled,
            Err(error) => Ended::Otherwise(error.to_string()),
        })
    }

    /// What the server says of the run, with its pending activities.
    ///
    /// # Errors
    /// Temporal refused.
    pub async fn describe(&self) -> anyhow::Result<WorkflowExecutionDescription> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(self.id.clone());
        Ok(handle.describe(WorkflowDescribeOptions::default()).await?)
    }

    /// The history.
    ///
    /// # Errors
    /// Temporal refused.
    pub async fn history(&self) -> anyhow::Result<Vec<HistoryEvent>> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(self.id.clone());
        Ok(handle.fetch_history(WorkflowFetchHistoryOptions::default()).into_events().await?)
    }
}

fn failed(error: &IncomingError) -> Ended {
    let mut cause = Some(error);
    while let Some(found) = cause {
        if let IncomingError::Application(failure) = found {
            return Ended::Failed {
                kind: failure.type_name().unwrap_or_default().to_owned(),
                text: failure.to_string(),
                details: failure
                    .raw_details()
                    .and_then(|payloads| payloads.first())
                    .and_then(|payload| serde_json::from_slice(&payload.data).ok()),
            };
        }
        cause = found.cause();
    }
    Ended::Otherwise(error.failure().message.clone())
}
