//! `testEmailWorkflow`: shows that mail goes out. For tests; never registered in production.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use super::failing::{self, StepError};
use crate::clock::now_ms;
use contract::loose::Loose;
use contract::options::small_step;
use contract::tenancy::Tenancy;
use proto::v1 as wire;
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowResult};

/// All tries of the mail.
const STEP: Duration = Duration::from_secs(60);

/// Sends one welcome mail without a credential.
#[workflow]
#[derive(Default)]
pub struct TestEmail;

#[workflow_methods]
impl TestEmail {
    /// The input is that of `sendWelcomeEmail`. No password is made, whatever it says: the mail is as for an operator's.
    #[run(name = "testEmailWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, input: Loose) -> WorkflowResult<wire::WelcomeEmailReply> {
        let mut request: wire::WelcomeEmailRequest = input.read();
        request.origin_id = ctx.info().workflow_id().to_owned();
        request.now_ms = now_ms(ctx);
        request.operator_supplied = true;
        let options = small_step(STEP, "send a test mail");
        let sent = ctx.execute_activity(Tenancy::send_welcome_email, request, options).await;
        sent.map_err(|error| failing::fail(&StepError::from(error)))
    }
}
