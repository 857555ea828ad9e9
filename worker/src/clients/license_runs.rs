//! The runs of licensing, as an operator starts them: registration and reissue with a mail, redemption on an appliance.

use super::tenant_runs::{Ended, TenantRuns, payload, read, unreachable};
use crate::exit::{Exit, Failure};
use contract::names;
use proto::v1 as wire;
use serde_json::Value;
use std::time::Duration;
use temporalio_client::errors::WorkflowStartError;
use temporalio_client::{
    Client, UntypedUpdate, UntypedWorkflow, WorkflowDescribeOptions, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
    WorkflowStartOptions, WorkflowUpdateWithStartOptions,
};
use temporalio_common::data_converters::RawValue;

/// Longest wait for a registered tenant.
const REGISTERED_MAX: Duration = Duration::from_secs(30);
/// Longest wait for a mail: a slow provider is tried again for longer, which the run goes on with.
const MAILED_MAX: Duration = Duration::from_secs(60);
/// A short look at a mail that is not waited for: what fails at once, such as a code that was used already, does so by then.
const GLANCE: Duration = Duration::from_secs(3);
/// Longest wait for a redemption: its steps are tried again for longer.
pub(crate) const REDEEMED_MAX: Duration = Duration::from_secs(120);

/// How long a run may wait for a worker before that is said.
const UNTAKEN_MAX: Duration = Duration::from_secs(10);
/// Events of a run that no worker has taken yet: its start, and the task that waits.
const UNTAKEN_EVENTS: i64 = 2;

/// A redemption that was waited for.
#[derive(Debug)]
pub(crate) struct RedemptionRun {
    /// The workflow's id.
    pub(crate) id: String,
    /// How it ended; `None` when it goes on after [`REDEEMED_MAX`].
    pub(crate) ended: Option<Ended>,
}

/// How a run ended badly.
#[derive(Debug)]
pub(crate) enum RunFault {
    /// The run failed: the type, text and details of its failure.
    Failed { kind: String, text: String, details: Option<Value> },
    /// It could not be started or waited for.
    Call(Failure),
}

impl From<Failure> for RunFault {
    fn from(failure: Failure) -> Self {
        Self::Call(failure)
    }
}

/// A client of the licensing workflows.
#[derive(Clone)]
pub(crate) struct LicenseRuns {
    client: Client,
    queue: String,
}

impl LicenseRuns {
    /// Takes a connected client; `queue` is `APPLIANCE_LICENSE_TASK_QUEUE`, or that of tenants.
    pub(crate) const fn new(client: Client, queue: String) -> Self {
        Self { client, queue }
    }

    /// Starts a registration, or joins the one of this submission, and waits for the tenant. The mail follows.
    ///
    /// # Errors
    /// See [`RunFault`].
    pub(crate) async fn register(
        &self,
        input: &wire::EssentialsRegistrationInput,
    ) -> Result<wire::RegisteredReply, RunFault> {
        let id = names::essentials_registration_id(&input.submission_id);
        // A run of this submission that has ended is repeated: the API finds the same tenant, and the mail is not sent again.
        let options = WorkflowUpdateWithStartOptions::new(&self.queue, &id, WorkflowIdConflictPolicy::UseExisting)
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .build();
        let asked = self.client.execute_update_with_start_workflow(
            UntypedWorkflow::new(names::ESSENTIALS_REGISTRATION_WORKFLOW),
            payload(input),
            UntypedUpdate::new(names::REGISTERED_UPDATE),
            RawValue::new(Vec::new()),
            options,
        );
        match tokio::time::timeout(REGISTERED_MAX, asked).await {
            Ok(Ok(raw)) => read(&raw).ok_or_else(|| {
                Failure::new(Exit::Internal, "the run answered in a form that this build cannot read").into()
            }),
            Ok(Err(error)) => match self.ended(&id, Duration::from_secs(1)).await {
                Err(fault @ RunFault::Failed { .. }) => Err(fault),
                Ok(_) | Err(RunFault::Call(_)) => Err(unreachable("could not start the registration", error).into()),
            },
            Err(_) => Err(Failure::new(
                Exit::Unreachable,
                format!("the tenant was not registered within 30 s; {id} goes on: the same command again is safe"),
            )
            .into()),
        }
    }

    /// Whether the mail of a registration has gone out by now; a short look.
    ///
    /// # Errors
    /// See [`RunFault`].
    pub(crate) async fn is_mailed(&self, id: &str) -> Result<bool, RunFault> {
        Ok(self.ended(id, GLANCE).await?.is_some())
    }

    /// Starts a reissue, or joins the one of this request, and waits for the mail.
    ///
    /// # Errors
    /// See [`RunFault`].
    pub(crate) async fn reissue(&self, input: &wire::ReissueInput) -> Result<String, RunFault> {
        let id = names::install_code_reissue_id(&input.request_id);
        self.start(names::INSTALL_CODE_REISSUE_WORKFLOW, &id, input).await?;
        self.finished(&id, MAILED_MAX).await.map(|_| id)
    }

    /// Starts the redemption that was prepared here under `reference`, or joins it, and waits for its end. `tell` learns when no
    /// worker takes it.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(crate) async fn redeem(
        &self,
        appliance_id: &str,
        reference: &str,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<RedemptionRun, Failure> {
        let id = names::license_redeem_id(appliance_id, reference);
        let input = wire::RedeemInput { request_ref: reference.to_owned(), ..wire::RedeemInput::default() };
        self.start(names::LICENSE_REDEEM_WORKFLOW, &id, &input).await?;
        let runs = TenantRuns::new(self.client.clone());
        let mut ended = runs.end(&id, UNTAKEN_MAX).await?;
        if ended.is_none() {
            if self.is_untaken(&id).await {
                tell(&untaken(&self.queue));
            }
            ended = runs.end(&id, REDEEMED_MAX.saturating_sub(UNTAKEN_MAX)).await?;
        }
        Ok(RedemptionRun { id, ended })
    }

    /// Whether no worker has begun with a run. What cannot be seen is no.
    async fn is_untaken(&self, id: &str) -> bool {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        let described = handle.describe(WorkflowDescribeOptions::default()).await.ok();
        let info = described.and_then(|described| described.raw_description.workflow_execution_info);
        info.is_some_and(|info| info.history_length <= UNTAKEN_EVENTS)
    }

    async fn start(&self, workflow: &'static str, id: &str, input: &impl serde::Serialize) -> Result<(), Failure> {
        let options = WorkflowStartOptions::new(&self.queue, id)
            .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .build();
        match self.client.start_workflow(UntypedWorkflow::new(workflow), payload(input), options).await {
            Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. }) => Ok(()),
            Err(error) => Err(unreachable("could not start the run", error)),
        }
    }

    async fn finished(&self, id: &str, wait: Duration) -> Result<Value, RunFault> {
        self.ended(id, wait).await?.ok_or_else(|| {
            let seconds = wait.as_secs();
            Failure::new(Exit::Unreachable, format!("not done within {seconds} s; {id} goes on: see the Temporal UI"))
                .into()
        })
    }

    async fn ended(&self, id: &str, wait: Duration) -> Result<Option<Value>, RunFault> {
        match TenantRuns::new(self.client.clone()).end(id, wait).await? {
            Some(Ended::Completed(value)) => Ok(Some(value)),
            Some(Ended::Failed { kind, text, details }) => Err(RunFault::Failed { kind, text, details }),
            None => Ok(None),
        }
    }
}

/// What whoever waits has to know when nothing happens.
fn untaken(queue: &str) -> String {
    format!("no worker has taken the run yet: does the worker of this appliance run, and serve the queue {queue}?")
}
