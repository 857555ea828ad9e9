//! `applianceCheckInWorkflow`: one check-in, started by the appliance's schedule every day.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use contract::licensing::{Appliance, CheckInResult};
use contract::loose::Loose;
use contract::options::check_in_step;
use proto::v1::CheckInRequest;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowResult};

/// Checks in once.
#[workflow]
#[derive(Default)]
pub struct CheckIn;

#[workflow_methods]
impl CheckIn {
    /// Answers what came of it. A refusal of the licence API is an answer; only an outage that outlasts the tries fails the run.
    #[run(name = "applianceCheckInWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, _input: Loose) -> WorkflowResult<CheckInResult> {
        Ok(ctx.execute_activity(Appliance::check_in, CheckInRequest {}, check_in_step("check in")).await?)
    }
}
