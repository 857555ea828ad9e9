//! The runs of portal domains as callers see them: start, signal, query. The names and the sequence are those of the web
//! application (portal-domain contract, section 2).

use crate::exit::{Exit, Failure};
use contract::names;
use futures::TryStreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::time::Duration;
use temporalio_client::errors::{WorkflowQueryError, WorkflowStartError};
use temporalio_client::{
    Client, QueryRejectCondition, UntypedQuery, UntypedSignal, UntypedWorkflow, WorkflowListOptions,
    WorkflowQueryOptions, WorkflowSignalOptions, WorkflowStartOptions,
};
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::Payload;

/// Longest wait for a query: without a worker the server would wait for one.
const QUERY_MAX: Duration = Duration::from_secs(5);

/// Why a run is started or woken. A hint: the row decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Trigger {
    /// A new domain.
    Register,
    /// Another look.
    Refresh,
    /// Removal.
    Disable,
}

/// The one argument of the workflow and of its signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Announcement {
    /// The tenant.
    pub(crate) tenant_id: String,
    /// The row.
    pub(crate) portal_domain_id: String,
    /// Why.
    pub(crate) trigger: Trigger,
}

/// What became of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Announced {
    /// A run was started.
    Started,
    /// The open run was signalled.
    Signalled,
}

/// What a query gave.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer<T> {
    /// The run answered.
    Run(T),
    /// There is no open run.
    NoRun,
    /// There is one, but nobody answers for it: no worker, or its task fails.
    Silent(String),
}

/// A client of the portal-domain queue.
#[derive(Clone)]
pub(crate) struct PortalRuns {
    client: Client,
    queue: String,
}

fn payload(value: &impl Serialize) -> RawValue {
    RawValue::new(vec![Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: serde_json::to_vec(value).expect("our own structs serialise"),
        ..Default::default()
    }])
}

impl PortalRuns {
    /// Takes a connected client and the queue's name.
    pub(crate) fn new(client: Client, queue: impl Into<String>) -> Self {
        Self { client, queue: queue.into() }
    }

    /// Starts, and signals if a run is open: the sequence of the web application, with nothing but arguments, queue and id.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(crate) async fn announce(&self, announcement: &Announcement) -> Result<Announced, Failure> {
        let id = names::portal_domain_workflow_id(&announcement.tenant_id);
        let started = self
            .client
            .start_workflow(
                UntypedWorkflow::new(names::PORTAL_DOMAIN_WORKFLOW),
                payload(announcement),
                WorkflowStartOptions::new(self.queue.clone(), id.clone()).build(),
            )
            .await;
        match started {
            Ok(_) => Ok(Announced::Started),
            Err(WorkflowStartError::AlreadyStarted { .. }) => {
                let handle = self.client.get_workflow_handle::<UntypedWorkflow>(id);
                let signal = UntypedSignal::new(names::RECONCILE_SIGNAL);
                handle
                    .signal(signal, payload(announcement), WorkflowSignalOptions::default())
                    .await
                    .map_err(|error| unreachable("could not signal the run", error))?;
                Ok(Announced::Signalled)
            }
            Err(error) => Err(unreachable("could not start the run", error)),
        }
    }

    /// Signals, and starts if nothing runs, in one atomic call.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(crate) async fn reconcile(&self, announcement: &Announcement) -> Result<(), Failure> {
        let id = names::portal_domain_workflow_id(&announcement.tenant_id);
        self.client
            .signal_with_start_workflow(
                UntypedWorkflow::new(names::PORTAL_DOMAIN_WORKFLOW),
                payload(announcement),
                UntypedSignal::new(names::RECONCILE_SIGNAL),
                payload(announcement),
                WorkflowStartOptions::new(self.queue.clone(), id).build(),
            )
            .await
            .map_err(|error| unreachable("could not signal the run", error))?;
        Ok(())
    }

    /// Tenants of these whose run is open.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(crate) async fn open_of(&self, tenants: &[String]) -> Result<BTreeSet<String>, Failure> {
        // Ids are UUIDs of the database: nothing in them ends a quoted text.
        let ids = tenants.iter().map(|tenant| format!("'{}'", names::portal_domain_workflow_id(tenant)));
        let query = format!("ExecutionStatus = 'Running' AND WorkflowId IN ({})", ids.collect::<Vec<_>>().join(", "));
        let found: Vec<_> = self
            .client
            .list_workflows(query, WorkflowListOptions::builder().limit(tenants.len()).build())
            .try_collect()
            .await
            .map_err(|error| unreachable("could not list the runs", error))?;
        Ok(found.iter().filter_map(|run| names::tenant_of_workflow_id(run.id()).map(str::to_owned)).collect())
    }

    /// Asks the open run of a tenant.
    ///
    /// # Errors
    /// `Unreachable` when Temporal does not answer; a run that does not answer is data.
    pub(crate) async fn query<T: DeserializeOwned>(&self, tenant_id: &str, query: &str) -> Result<Answer<T>, Failure> {
        let id = names::portal_domain_workflow_id(tenant_id);
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(id);
        let options = WorkflowQueryOptions::builder().reject_condition(QueryRejectCondition::NotOpen).build();
        let asked = handle.query(UntypedQuery::new(query), RawValue::new(Vec::new()), options);
        let answer = match tokio::time::timeout(QUERY_MAX, asked).await {
            Err(_) => return Ok(Answer::Silent("no worker answered within 5 s".to_owned())),
            Ok(answer) => answer,
        };
        match answer {
            Ok(raw) => {
                let data = raw.payloads.first().map(|payload| payload.data.as_slice()).unwrap_or_default();
                match serde_json::from_slice(data) {
                    Ok(value) => Ok(Answer::Run(value)),
                    Err(_) => Ok(Answer::Silent("the run answered in a form that this build cannot read".to_owned())),
                }
            }
            Err(WorkflowQueryError::NotFound(_) | WorkflowQueryError::Rejected { .. }) => Ok(Answer::NoRun),
            Err(WorkflowQueryError::Rpc(status)) if is_transport(status.code()) => {
                Err(Failure::new(Exit::Unreachable, format!("could not query the run: {}", status.message())))
            }
            Err(error) => Ok(Answer::Silent(error.to_string())),
        }
    }
}

fn is_transport(code: temporalio_client::tonic::Code) -> bool {
    code == temporalio_client::tonic::Code::Unavailable
}

fn unreachable(tried: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::of(Exit::Unreachable, anyhow::Error::new(error).context(tried))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_is_what_the_web_application_sends() {
        let announcement =
            Announcement { tenant_id: "t".to_owned(), portal_domain_id: "d".to_owned(), trigger: Trigger::Register };
        let raw = payload(&announcement);
        let text = String::from_utf8(raw.payloads[0].data.clone()).expect("utf-8");
        assert_eq!(text, r#"{"tenantId":"t","portalDomainId":"d","trigger":"register"}"#);
        assert_eq!(raw.payloads[0].metadata["encoding"], b"json/plain");
    }
}
