//! `resendWelcomeEmailWorkflow`: a new credential for an administrator. Never fails; its result says what happened.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use super::failing::StepError;
use crate::clock::now_ms;
use contract::loose::Loose;
use contract::options::small_step;
use contract::tenancy::Tenancy;
use model::tenant::fault::{self, Fault, FaultCode};
use model::tenant::resend::check;
use model::time::iso8601;
use proto::v1 as wire;
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowResult};

/// Code of a refusal: the input cannot be used.
const BAD_INPUT: &str = "BAD_INPUT";

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
        let input = match read(input) {
            Ok(input) => input,
            Err(faults) => return Ok(refused(Refusal::of(BAD_INPUT, &fault::line(&faults)), Ok(()))),
        };
        let request = wire::AdministratorRequest { tenant_id: input.tenant_id.clone(), user_id: input.user_id.clone() };
        let found = ctx
            .execute_activity(Tenancy::find_administrator, request, small_step(STEP, "find the administrator"))
            .await;
        let administrator = match found {
            Ok(found) if found.found => found,
            Ok(_) => {
                let refusal = Refusal::of("NO_ADMINISTRATOR", "there is no such active administrator");
                let noted = note(ctx, &input, &input.user_id, &refusal.error).await;
                return Ok(refused(refusal, noted));
            }
            Err(error) => return Ok(refused(StepError::from(error).into(), Ok(()))),
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
        let refusal = match sent {
            Ok(reply) if reply.email_sent == Some(true) => Refusal::default(),
            Ok(reply) => {
                let next_allowed_at = (reply.next_allowed_ms > 0).then(|| iso8601(reply.next_allowed_ms));
                Refusal { code: reply.code, error: reply.error, next_allowed_at }
            }
            Err(error) => StepError::from(error).into(),
        };
        let noted = note(ctx, &input, &administrator.user_id, &refusal.error).await;
        if !refusal.error.is_empty() {
            return Ok(refused(refusal, noted));
        }
        Ok(wire::ResendWelcomeResult {
            success: Some(true),
            email: Some(administrator.email),
            tenant_name: Some(administrator.tenant_name),
            // The mail is out; that nobody wrote down who asked is said, not hidden.
            error: noted.err().map(|why| format!("the mail was sent, but not noted: {why}")),
            ..Default::default()
        })
    }
}

/// Reads who is to get a mail and who asks: told before anything is sent, because it could not be written down afterwards.
fn read(input: Loose) -> Result<wire::ResendWelcomeInput, Vec<Fault>> {
    let wrong_type = |field| Fault::of(field, FaultCode::WrongType);
    let input: wire::ResendWelcomeInput =
        input.parse().map_err(|fields| fields.into_iter().map(wrong_type).collect::<Vec<_>>())?;
    let faults = check(&[
        ("tenantId", &input.tenant_id),
        ("userId", &input.user_id),
        ("triggeredBy", &input.triggered_by),
        ("triggeredByEmail", &input.triggered_by_email),
    ]);
    if faults.is_empty() { Ok(input) } else { Err(faults) }
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

/// Why no mail went out; empty when it did.
#[derive(Debug, Default)]
struct Refusal {
    code: String,
    error: String,
    next_allowed_at: Option<String>,
}

impl Refusal {
    fn of(code: &str, error: &str) -> Self {
        Self { code: code.to_owned(), error: error.to_owned(), next_allowed_at: None }
    }
}

impl From<StepError> for Refusal {
    fn from(error: StepError) -> Self {
        Self::of(error.word(), &error.text)
    }
}

fn refused(refusal: Refusal, noted: Result<(), String>) -> wire::ResendWelcomeResult {
    let error = match noted {
        Ok(()) => refusal.error,
        Err(why) => format!("{}; this was not noted: {why}", refusal.error),
    };
    wire::ResendWelcomeResult {
        success: Some(false),
        error: Some(error),
        code: Some(refusal.code).filter(|code| !code.is_empty()),
        next_allowed_at: refusal.next_allowed_at,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_be_written_down_is_refused_by_field() {
        let faults = |input: serde_json::Value| fault::line(&read(Loose(input)).unwrap_err());
        let nul = json!({ "tenantId": "t", "triggeredBy": "a\0b", "triggeredByEmail": "a\nb@c.example" });
        assert_eq!(faults(nul), "triggeredBy: CONTROL_CHARACTER; triggeredByEmail: CONTROL_CHARACTER");
        assert_eq!(faults(json!({ "tenantId": "t", "userId": 5 })), "userId: WRONG_TYPE");
        let good = json!({ "tenantId": "t", "userId": null, "triggeredBy": "ann" });
        assert_eq!(read(Loose(good)).unwrap().triggered_by, "ann");
    }

    #[test]
    fn a_refusal_has_a_code_and_says_when_the_next_is_allowed() {
        let at = Some("2027-01-15T09:00:00.000Z".to_owned());
        let refusal = Refusal { next_allowed_at: at.clone(), ..Refusal::of("TOO_MANY_IN_AN_HOUR", "three times") };
        let result = refused(refusal, Err("NO_BILLING_TENANT".to_owned()));
        assert_eq!((result.success, result.code.as_deref()), (Some(false), Some("TOO_MANY_IN_AN_HOUR")));
        assert_eq!(result.next_allowed_at, at);
        assert_eq!(result.error.as_deref(), Some("three times; this was not noted: NO_BILLING_TENANT"));
        // A worker of an earlier build answers without a code.
        assert_eq!(refused(Refusal::of("", "x"), Ok(())).code, None);
    }
}
