//! The runs of tenant creations as callers see them: start, query, decide. Names and timeouts are those of the existing callers
//! (tenant-provisioning contract, section 1).

use crate::exit::{Exit, Failure};
use contract::names;
use contract::sensitive::{MARK, MARKED};
use model::tenant::product::Product;
use proto::v1 as wire;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use temporalio_client::errors::{WorkflowGetResultError, WorkflowQueryError, WorkflowStartError, WorkflowUpdateError};
use temporalio_client::tonic::Code;
use temporalio_client::{
    Client, UntypedQuery, UntypedUpdate, UntypedWorkflow, WorkflowExecuteUpdateOptions, WorkflowGetResultOptions,
    WorkflowIdReusePolicy, WorkflowQueryOptions, WorkflowStartOptions,
};
use temporalio_common::data_converters::RawValue;
use temporalio_common::error::IncomingError;
use temporalio_common::protos::temporal::api::common::v1::Payload;

/// Timeouts of a creation, as every caller sets them.
const EXECUTION: Duration = Duration::from_secs(3600);
const RUN: Duration = Duration::from_secs(1800);
const TASK: Duration = Duration::from_secs(60);
/// Timeout of a welcome mail that is sent again.
const RESEND: Duration = Duration::from_secs(300);
/// Longest wait for a query: without a worker the server would wait for one.
const QUERY_MAX: Duration = Duration::from_secs(5);
/// Longest wait for the answer of an update.
const UPDATE_MAX: Duration = Duration::from_secs(20);

/// Type of a failure that no application made: a run that was terminated, cancelled, or had no time left.
pub(crate) const WORKFLOW_ENDED: &str = "WorkflowEnded";

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Started {
    /// A new run.
    New,
    /// A run of this id is open, or has completed: it is the one.
    Existing,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ended {
    /// With its result.
    Completed(Value),
    /// With a failure: type, text, details.
    Failed { kind: String, text: String, details: Option<Value> },
}

/// A client of the tenant queues.
#[derive(Clone)]
pub(crate) struct TenantRuns {
    pub(super) client: Client,
}

pub(super) fn payload(value: &impl Serialize) -> RawValue {
    RawValue::new(vec![Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: serde_json::to_vec(value).expect("our own structs serialise"),
        ..Default::default()
    }])
}

/// Queue, timeouts and policy of a creation.
pub(super) fn creation_options(id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(names::TENANT_QUEUE, id)
        .execution_timeout(EXECUTION)
        .run_timeout(RUN)
        .task_timeout(TASK)
        .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicateFailedOnly)
        .build()
}

/// The start input; marked for the codec when it holds a password.
fn start_payload(input: &Value) -> RawValue {
    let mut raw = payload(input);
    if input["adminUser"]["password"].is_string() {
        for payload in &mut raw.payloads {
            payload.metadata.insert(MARK.to_owned(), MARKED.to_vec());
        }
    }
    raw
}

pub(super) fn read<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    serde_json::from_slice(raw.payloads.first()?.data.as_slice()).ok()
}

impl TenantRuns {
    /// Takes a connected client.
    pub(crate) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Starts a creation, or finds the one that has this id already. One that failed is started again.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(crate) async fn create(&self, id: &str, product: Product, input: &Value) -> Result<Started, Failure> {
        let workflow = match product {
            Product::Psa => names::TENANT_CREATION_WORKFLOW,
            Product::Algadesk => names::ALGADESK_TENANT_CREATION_WORKFLOW,
        };
        let options = creation_options(id);
        match self.client.start_workflow(UntypedWorkflow::new(workflow), start_payload(input), options).await {
            Ok(_) => Ok(Started::New),
            Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(Started::Existing),
            Err(error) => Err(unreachable("could not start the creation", error)),
        }
    }

    /// Asks a run where it stands; `None` when nobody knows it or nobody answers.
    ///
    /// # Errors
    /// `Unreachable` when Temporal does not answer.
    pub(crate) async fn state(&self, id: &str) -> Result<Option<wire::TenantCreationStatus>, Failure> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        let query = UntypedQuery::new(names::CREATION_STATE_QUERY);
        let asked = handle.query(query, RawValue::new(Vec::new()), WorkflowQueryOptions::default());
        match tokio::time::timeout(QUERY_MAX, asked).await {
            Ok(Ok(raw)) => Ok(read(&raw)),
            Ok(Err(WorkflowQueryError::Rpc(status))) if status.code() == Code::Unavailable => {
                Err(Failure::new(Exit::Unreachable, format!("could not query the run: {}", status.message())))
            }
            Ok(Err(_)) | Err(_) => Ok(None),
        }
    }

    /// Waits for the end of a run, for at most `wait`; `None` when it goes on.
    ///
    /// # Errors
    /// `NotFound`, `Unreachable`.
    pub(crate) async fn end(&self, id: &str, wait: Duration) -> Result<Option<Ended>, Failure> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        let waited = tokio::time::timeout(wait, handle.get_result(WorkflowGetResultOptions::default())).await;
        match waited {
            Err(_) => Ok(None),
            Ok(Ok(raw)) => Ok(Some(Ended::Completed(read(&raw).unwrap_or_default()))),
            Ok(Err(WorkflowGetResultError::Failed(error))) => Ok(Some(failed(&error))),
            Ok(Err(WorkflowGetResultError::NotFound(_))) => {
                Err(Failure::new(Exit::NotFound, format!("there is no run {id}")))
            }
            Ok(Err(WorkflowGetResultError::Rpc(status))) => {
                Err(Failure::new(Exit::Unreachable, format!("could not read the result: {}", status.message())))
            }
            Ok(Err(error)) => {
                Ok(Some(Ended::Failed { kind: WORKFLOW_ENDED.to_owned(), text: error.to_string(), details: None }))
            }
        }
    }

    /// Sends a decision about a step that failed.
    ///
    /// # Errors
    /// `NotFound`, `Usage` for a malformed decision, `Unreachable`.
    pub(crate) async fn repair(&self, id: &str, request: &wire::RepairRequest) -> Result<wire::RepairReply, Failure> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        let update = UntypedUpdate::new(names::REPAIR_UPDATE);
        let asked = handle.execute_update(update, payload(request), WorkflowExecuteUpdateOptions::default());
        match tokio::time::timeout(UPDATE_MAX, asked).await {
            Err(_) => {
                Err(Failure::new(Exit::Unreachable, "no worker answered within 20 s; the decision may still arrive"))
            }
            Ok(Ok(raw)) => read(&raw)
                .ok_or_else(|| Failure::new(Exit::Internal, "the run answered in a form that this build cannot read")),
            Ok(Err(WorkflowUpdateError::NotFound(_))) => {
                Err(Failure::new(Exit::NotFound, format!("no open run {id} waits for a decision")))
            }
            Ok(Err(WorkflowUpdateError::Failed(failure))) => Err(Failure::new(Exit::Usage, failure.message)),
            Ok(Err(error)) => Err(unreachable("could not send the decision", error)),
        }
    }

    /// Sends a welcome mail again and waits for what became of it.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(crate) async fn resend(
        &self,
        id: &str,
        input: &wire::ResendWelcomeInput,
    ) -> Result<wire::ResendWelcomeResult, Failure> {
        let options = WorkflowStartOptions::new(names::TENANT_QUEUE, id).execution_timeout(RESEND).build();
        let workflow = UntypedWorkflow::new(names::RESEND_WELCOME_WORKFLOW);
        self.client
            .start_workflow(workflow, payload(input), options)
            .await
            .map_err(|error| unreachable("could not start the run", error))?;
        match self.end(id, RESEND).await? {
            Some(Ended::Completed(value)) => serde_json::from_value(value)
                .map_err(|_| Failure::new(Exit::Internal, "the run answered in a form that this build cannot read")),
            Some(Ended::Failed { text, .. }) => Err(Failure::new(Exit::No, text)),
            None => Err(Failure::new(Exit::Unreachable, "no worker finished the run within 5 minutes")),
        }
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
    Ended::Failed { kind: WORKFLOW_ENDED.to_owned(), text: error.failure().message.clone(), details: None }
}

pub(super) fn unreachable(tried: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::of(Exit::Unreachable, anyhow::Error::new(error).context(tried))
}
