//! `applianceEssentialsRegistrationWorkflow`: a form becomes a registered tenant and one mail with its install code.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use super::input::usable;
use crate::clock::now_ms;
use contract::licensing::Registry;
use contract::loose::Loose;
use contract::options::registration_step;
use contract::sensitive::Sensitive;
use model::license::request::{RegistrationFields, of_registration};
use proto::v1::{EssentialsRegistrationInput, InstallEmailRequest, RegisteredReply};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowResult};

/// Registers one submission.
#[workflow]
#[derive(Default)]
pub struct EssentialsRegistration {
    registered: Option<RegisteredReply>,
}

#[workflow_methods]
impl EssentialsRegistration {
    /// Registers, then mails. A second run of the same submission finds the same tenant, the same code and the mail sent.
    #[run(name = "applianceEssentialsRegistrationWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, input: Loose) -> WorkflowResult<()> {
        let input: EssentialsRegistrationInput = input.read();
        usable(&of_registration(&RegistrationFields {
            submission_id: &input.submission_id,
            company_name: &input.company_name,
            contact_name: &input.contact_name,
            contact_email: &input.contact_email,
            download_url: &input.download_url,
        }))?;
        ctx.set_current_details("registering the tenant");
        let request = Sensitive::from(input.clone());
        let options = registration_step("register the tenant");
        let registered = ctx.execute_activity(Registry::register_essentials, request, options).await?;
        ctx.set_current_details("the tenant is registered; mailing its install code");
        ctx.state_mut(|w| w.registered = Some(registered));
        let request = Sensitive::from(InstallEmailRequest {
            origin_id: ctx.info().workflow_id().to_owned(),
            now_ms: now_ms(ctx),
            registration: Some(input),
        });
        ctx.execute_activity(Registry::deliver_essentials, request, registration_step("mail the install code")).await?;
        ctx.set_current_details("the install code was mailed");
        Ok(())
    }

    /// Answers as soon as the tenant is registered: for a caller that starts the run and needs the tenant's id at once.
    #[update(name = "registered")]
    pub async fn registered(ctx: &mut WorkflowContext<Self>, _input: Loose) -> RegisteredReply {
        // A cancelled run has no answer but the empty one.
        let _ = ctx.wait_condition(|w| w.registered.is_some()).await;
        ctx.state(|w| w.registered.clone().unwrap_or_default())
    }
}
