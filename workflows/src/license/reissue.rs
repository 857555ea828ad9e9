//! `applianceInstallCodeReissueWorkflow`: a registered tenant gets a new code, by mail only.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use super::input::usable;
use crate::clock::now_ms;
use contract::licensing::Registry;
use contract::loose::Loose;
use contract::options::registration_step;
use model::license::request::of_reissue;
use proto::v1::{ReissueEmailRequest, ReissueInput};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowResult};

/// Answers one request.
#[workflow]
#[derive(Default)]
pub struct InstallCodeReissue;

#[workflow_methods]
impl InstallCodeReissue {
    /// Reserves the mail, reissues, then mails the tenant's contact. An address that may get no mail keeps its code.
    #[run(name = "applianceInstallCodeReissueWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, input: Loose) -> WorkflowResult<()> {
        let input: ReissueInput = input.read();
        usable(&of_reissue(&input.request_id, &input.tenant_id))?;
        let request = ReissueEmailRequest {
            origin_id: ctx.info().workflow_id().to_owned(),
            now_ms: now_ms(ctx),
            reissue: Some(input),
        };
        ctx.set_current_details("reserving the mail");
        let options = registration_step("reserve the mail");
        let reserved = ctx.execute_activity(Registry::reserve_reissue, request.clone(), options).await?;
        if reserved.sent {
            ctx.set_current_details("the new install code was mailed before");
            return Ok(());
        }
        ctx.set_current_details("replacing the install code");
        let options = registration_step("replace the install code");
        ctx.execute_activity(Registry::reissue, request.clone(), options).await?;
        ctx.set_current_details("the old code has ended; mailing the new one");
        let options = registration_step("mail the new install code");
        ctx.execute_activity(Registry::deliver_reissue, request, options).await?;
        ctx.set_current_details("the new install code was mailed");
        Ok(())
    }
}
