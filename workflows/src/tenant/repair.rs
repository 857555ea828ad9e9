//! `tenantRepairWorkflow`: waits for as long as it takes, and goes on from the step that failed.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use super::state::{CreationState, Holds};
use super::{answers, drive, plan, waiting};
use contract::loose::Loose;
use contract::sensitive::SensitiveLoose;
use proto::v1::{RepairReply, TenantCreationResult, TenantCreationStatus};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult};

/// Waits for the repair of one tenant.
#[workflow]
#[derive(Default)]
pub struct TenantRepair {
    state: CreationState,
}

impl Holds for TenantRepair {
    fn creation(&self) -> &CreationState {
        &self.state
    }

    fn creation_mut(&mut self) -> &mut CreationState {
        &mut self.state
    }
}

#[workflow_methods]
impl TenantRepair {
    /// Begins by waiting: its input says for what.
    #[run(name = "tenantRepairWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, input: SensitiveLoose) -> WorkflowResult<TenantCreationResult> {
        drive::run(ctx, plan::of_repair(input.0)).await
    }

    /// Where the creation stands.
    #[query(name = "getState")]
    pub fn get_state(&self, _ctx: &WorkflowContextView) -> TenantCreationStatus {
        answers::status(&self.state)
    }

    /// Ends the creation at the next boundary of a step. Final.
    #[signal(name = "cancel")]
    pub fn cancel(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _why: Loose) {
        self.state.cancel_asked = true;
    }

    /// Decides about the step that failed.
    #[update(name = "repair")]
    pub fn repair(&mut self, ctx: &mut SyncWorkflowContext<Self>, request: Loose) -> RepairReply {
        waiting::decide(&mut self.state, ctx.cancellation_token().is_cancelled(), request)
    }

    /// Refuses what is no decision.
    #[update_validator(repair)]
    pub fn check_repair(
        &self,
        _ctx: &WorkflowContextView,
        request: &Loose,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        waiting::check(request)
    }
}
