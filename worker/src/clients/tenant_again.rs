//! Runs of creations as Temporal knows them, and runs that are started again from their own history.

use super::tenant_runs::{TenantRuns, creation_options, unreachable};
use crate::exit::{Exit, Failure};
use contract::names;
use futures::StreamExt as _;
use temporalio_client::errors::{WorkflowInteractionError, WorkflowStartError};
use temporalio_client::tonic::Status;
use temporalio_client::{
    NamespacedClient as _, UntypedWorkflow, WorkflowDescribeOptions, WorkflowExecutionStatus,
    WorkflowFetchHistoryOptions, WorkflowStartOptions,
};
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;

/// Types of the workflows that carry out a creation.
const CREATIONS: [&str; 3] =
    [names::TENANT_CREATION_WORKFLOW, names::ALGADESK_TENANT_CREATION_WORKFLOW, names::TENANT_REPAIR_WORKFLOW];

/// A run that Temporal knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    /// Its workflow type.
    pub(crate) kind: String,
    /// It goes on, or waits.
    pub(crate) open: bool,
}

impl Described {
    /// Refuses a run that is no creation of a tenant and no repair of one.
    ///
    /// # Errors
    /// `Usage`, with the type of the run.
    pub(crate) fn expect_creation(self, id: &str) -> Result<Self, Failure> {
        if CREATIONS.contains(&self.kind.as_str()) {
            return Ok(self);
        }
        let kind: String = self.kind.chars().filter(|c| !c.is_control()).collect();
        Err(Failure::new(Exit::Usage, format!("--workflow-id: the run {id} is a {kind}, not the creation of a tenant")))
    }

    /// It waits for a decision from its beginning.
    pub(crate) fn is_repair(&self) -> bool {
        self.kind == names::TENANT_REPAIR_WORKFLOW
    }
}

/// A namespace that is not there is told as that: otherwise every run of it seems not to be there.
pub(crate) fn missing_namespace(status: &Status, namespace: &str) -> Option<Failure> {
    // The name of the message that the server puts beside the code (google.rpc.Status, `details`).
    let word = b"NamespaceNotFoundFailure";
    status
        .details()
        .windows(word.len())
        .any(|part| part == word)
        .then(|| Failure::new(Exit::No, format!("TEMPORAL_NAMESPACE: Temporal has no namespace {namespace}")))
}

impl TenantRuns {
    /// What Temporal knows of the newest run with an id; `None` where it knows none.
    ///
    /// # Errors
    /// `No` where the namespace is not there; `Unreachable`.
    pub(crate) async fn described(&self, id: &str) -> Result<Option<Described>, Failure> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        match handle.describe(WorkflowDescribeOptions::default()).await {
            Ok(described) => Ok(Some(Described {
                kind: described.workflow_type().to_owned(),
                open: matches!(described.status(), WorkflowExecutionStatus::Running | WorkflowExecutionStatus::Paused),
            })),
            Err(WorkflowInteractionError::NotFound(status)) => {
                missing_namespace(&status, &self.client.namespace()).map_or(Ok(None), Err)
            }
            Err(error) => Err(unreachable("could not look for the run", error)),
        }
    }

    /// The same for a run that must be there and carry out a creation.
    ///
    /// # Errors
    /// `NotFound`, `Usage` for a run of another type; `No` where the namespace is not there; `Unreachable`.
    pub(crate) async fn creation(&self, id: &str) -> Result<Described, Failure> {
        match self.described(id).await? {
            Some(described) => described.expect_creation(id),
            None => Err(Failure::new(Exit::NotFound, format!("there is no run {id}"))),
        }
    }

    /// Starts a run that has ended once more, with the input that it was started with, byte for byte.
    ///
    /// # Errors
    /// `NotFound` where Temporal no longer has its history, `Refused` where one is open meanwhile; `Unreachable`.
    pub(crate) async fn start_again(&self, id: &str) -> Result<(), Failure> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        let mut history = Box::pin(handle.fetch_history(WorkflowFetchHistoryOptions::default()));
        let first = match history.next().await {
            Some(Ok(event)) => event.attributes,
            Some(Err(WorkflowInteractionError::NotFound(_))) | None => None,
            Some(Err(error)) => return Err(unreachable("could not read the run's input", error)),
        };
        let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) = first else {
            return Err(Failure::new(Exit::NotFound, format!("Temporal no longer has the history of {id}")));
        };
        let kind = started.workflow_type.map(|kind| kind.name).unwrap_or_default();
        let input = RawValue::new(started.input.map(|input| input.payloads).unwrap_or_default());
        let options = match kind == names::TENANT_REPAIR_WORKFLOW {
            true => WorkflowStartOptions::new(names::TENANT_LIFECYCLE_QUEUE, id).build(),
            false => creation_options(id),
        };
        match self.client.start_workflow(UntypedWorkflow::new(kind), input, options).await {
            Ok(_) => Ok(()),
            Err(WorkflowStartError::AlreadyStarted { .. }) => Err(Failure::new(
                Exit::Refused,
                format!("a run {id} was started meanwhile; look at it, then decide again"),
            )),
            Err(error) => Err(unreachable("could not start the run again", error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use temporalio_client::tonic::Code;

    #[test]
    fn a_run_of_another_type_is_no_creation() {
        for kind in CREATIONS {
            assert!(Described { kind: kind.to_owned(), open: true }.expect_creation("run").is_ok());
        }
        let other = Described { kind: "resendWelcomeEmailWorkflow".to_owned(), open: false };
        let failure = other.expect_creation("run").expect_err("refused");
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.to_string().contains("run is a resendWelcomeEmailWorkflow"), "{failure}");
    }

    #[test]
    fn a_namespace_that_is_not_there_is_named() {
        let details = b"\x08\x05type.googleapis.com/temporal.api.errordetails.v1.NamespaceNotFoundFailure".to_vec();
        let status = Status::with_details(Code::NotFound, "Namespace x is not found.", details.into());
        let failure = missing_namespace(&status, "acme").expect("told");
        assert_eq!((failure.exit, failure.to_string().contains("no namespace acme")), (Exit::No, true));
        assert!(missing_namespace(&Status::new(Code::NotFound, "workflow not found"), "acme").is_none());
    }
}
