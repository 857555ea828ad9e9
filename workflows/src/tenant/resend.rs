//! `resendWelcomeEmailWorkflow`: a new credential for an administrator. Never fails; its result says what happened.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use super::failing::StepError;
use crate::clock::now_ms;
use contract::loose::Loose;
use contract::options::small_step;
use contract::tenancy::Tenancy;
use proto::v1 as wire;
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowResult};

/// All tries of one step: callers limit the run to 5 minutes, and the last word has to fit in.
const STEP: Duration = Duration::from_secs(80);

/// Sends a welcome mail again.
#[workflow]
#[derive(Default)]
pub struct ResendWelcome;

#[workflow_methods]
impl ResendWelcome {
    /// Finds the administrator, sends, and writes who asked.
    #[run(name = "resendWelcomeEmailWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, input: Loose) -> WorkflowResult<wire::ResendWelcomeResult> {
        let input: wire::ResendWelcomeInput = input.read();
        let request = wire::AdministratorRequest { tenant_id: input.tenant_id.clone(), user_id: input.user_id.clone() };
        let found = ctx
            .execute_activity(Tenancy::find_administrator, request, small_step(STEP, "find the administrator"))
            .await;
        let administrator = match found {
            Ok(found) if found.found => found,
            Ok(_) => {
                let error = "there is no such active administrator";
                let noted = note(ctx, &input, &input.user_id, error).await;
                return Ok(refused(error, noted));
            }
            Err(error) => return Ok(refused(&StepError::from(error).text, Ok(()))),
        };
        let request = wire::ResendCredentialRequest {
            origin_id: ctx.info().workflow_id().to_owned(),
            now_ms: now_ms(ctx),
            tenant_id: input.tenant_id.clone(),
            user_id: administrator.user_id.clone(),
        };
        let sent = ctx
            .execute_activity(Tenancy::resend_welcome_email, request, small_step(STEP, "send the welcome mail again"))
            .await;
        let error = match sent {
            Ok(reply) if reply.email_sent == Some(true) => String::new(),
            Ok(reply) => reply.error,
            Err(error) => StepError::from(error).text,
        };
        let noted = note(ctx, &input, &administrator.user_id, &error).await;
        if !error.is_empty() {
            return Ok(refused(&error, noted));
        }
        Ok(wire::ResendWelcomeResult {
            success: Some(true),
            email: Some(administrator.email),
            tenant_name: Some(administrator.tenant_name),
            // The mail is out; that nobody wrote down who asked is said, not hidden.
            error: noted.err().map(|why| format!("the mail was sent, but not noted: {why}")),
        })
    }
}

/// Writes who asked, and what became of it: also of a refusal. Answers why it could not.
async fn note(
    ctx: &WorkflowContext<ResendWelcome>,
    input: &wire::ResendWelcomeInput,
    user_id: &str,
    error: &str,
) -> Result<(), String> {
    let request = wire::AuditResendRequest {
        origin_id: ctx.info().workflow_id().to_owned(),
        now_ms: now_ms(ctx),
        tenant_id: input.tenant_id.clone(),
        user_id: user_id.to_owned(),
        triggered_by: input.triggered_by.clone(),
        triggered_by_email: input.triggered_by_email.clone(),
        succeeded: error.is_empty(),
        error: error.to_owned(),
    };
    match ctx.execute_activity(Tenancy::audit_resend, request, small_step(STEP, "write who asked")).await {
        Ok(reply) if reply.skipped.is_empty() => Ok(()),
        Ok(reply) => Err(reply.skipped),
        Err(error) => Err(StepError::from(error).text),
    }
}

fn refused(error: &str, noted: Result<(), String>) -> wire::ResendWelcomeResult {
    let error = match noted {
        Ok(()) => error.to_owned(),
        Err(why) => format!("{error}; this was not noted: {why}"),
    };
    wire::ResendWelcomeResult { success: Some(false), error: Some(error), ..Default::default() }
}
