//! The runs of licensing, as an operator starts them: registration and reissue with a mail, redemption on an appliance.

use super::tenant_runs::{Ended, TenantRuns, payload, read, unreachable};
use crate::exit::{Exit, Failure};
use contract::names;
use proto::v1 as wire;
use std::time::Duration;
use temporalio_client::errors::WorkflowStartError;
use temporalio_client::{
    Client, UntypedUpdate, UntypedWorkflow, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowStartOptions,
    WorkflowUpdateWithStartOptions,
};
use temporalio_common::data_converters::RawValue;

/// Longest wait for a registered tenant.
const REGISTERED_MAX: Duration = Duration::from_secs(30);
/// Longest wait for a mail: a slow provider is tried again for longer, which the run goes on with.
const MAILED_MAX: Duration = Duration::from_secs(60);
/// Longest wait for a redemption: its steps are tried again for longer.
const REDEEMED_MAX: Duration = Duration::from_secs(120);

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
    /// `Refused` with the failure's type, `Unreachable`.
    pub(crate) async fn register(
        &self,
        input: &wire::EssentialsRegistrationInput,
    ) -> Result<wire::RegisteredReply, Failure> {
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
            Ok(Ok(raw)) => read(&raw)
                .ok_or_else(|| Failure::new(Exit::Internal, "the run answered in a form that this build cannot read")),
            Ok(Err(error)) => match self.ended(&id, Duration::from_secs(1)).await {
                Err(failure) => Err(failure),
                Ok(_) => Err(unreachable("could not start the registration", error)),
            },
            Err(_) => Err(Failure::new(
                Exit::Unreachable,
                format!("the tenant was not registered within 30 s; {id} goes on: the same command again is safe"),
            )),
        }
    }

    /// Starts a reissue, or joins the one of this request, and waits for the mail.
    ///
    /// # Errors
    /// `Refused` with the failure's type, `Unreachable`.
    pub(crate) async fn reissue(&self, input: &wire::ReissueInput) -> Result<String, Failure> {
        let id = names::install_code_reissue_id(&input.request_id);
        self.start(names::INSTALL_CODE_REISSUE_WORKFLOW, &id, input).await?;
        self.finished(&id, MAILED_MAX).await.map(|_| id)
    }

    /// Starts the redemption that was prepared here under `reference`, or joins it, and waits for its result.
    ///
    /// # Errors
    /// `Refused` with the failure's type, `Unreachable`.
    pub(crate) async fn redeem(&self, appliance_id: &str, reference: &str) -> Result<serde_json::Value, Failure> {
        let id = names::license_redeem_id(appliance_id, reference);
        let input = wire::RedeemInput { request_ref: reference.to_owned(), ..wire::RedeemInput::default() };
        self.start(names::LICENSE_REDEEM_WORKFLOW, &id, &input).await?;
        self.finished(&id, REDEEMED_MAX).await
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

    async fn finished(&self, id: &str, wait: Duration) -> Result<serde_json::Value, Failure> {
        self.ended(id, wait).await?.ok_or_else(|| {
            let seconds = wait.as_secs();
            Failure::new(Exit::Unreachable, format!("not done within {seconds} s; {id} goes on: see the Temporal UI"))
        })
    }

    async fn ended(&self, id: &str, wait: Duration) -> Result<Option<serde_json::Value>, Failure> {
        match TenantRuns::new(self.client.clone()).end(id, wait).await? {
            Some(Ended::Completed(value)) => Ok(Some(value)),
            Some(Ended::Failed { kind, text, .. }) => Err(Failure::new(Exit::Refused, format!("{text} [{kind}]"))),
            None => Ok(None),
        }
    }
}
