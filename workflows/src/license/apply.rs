//! `applianceLicenseApplyWorkflow`: a licence that somebody pasted is verified and stored.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use super::input::usable;
use contract::licensing::Appliance;
use contract::options::appliance_step;
use contract::sensitive::{Guarded, Sensitive};
use model::license::request::of_secret_or_reference;
use proto::v1::{ApplyInput, ApplyRequest, ApplyResult};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowResult};

/// Applies one licence.
#[workflow]
#[derive(Default)]
pub struct LicenseApply;

#[workflow_methods]
impl LicenseApply {
    /// Verifies and writes; the database first, then the Secret.
    #[run(name = "applianceLicenseApplyWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, input: Guarded) -> WorkflowResult<ApplyResult> {
        let marked = input.marked;
        let input: ApplyInput = input.value.read();
        usable(&of_secret_or_reference("licenseKey", &input.license_key, &input.request_ref))?;
        let protected = marked || input.license_key.is_empty();
        let request = ApplyRequest { license_key: input.license_key, request_ref: input.request_ref, protected };
        let options = appliance_step("verify and store the licence");
        Ok(ctx.execute_activity(Appliance::apply, Sensitive::from(request), options).await?)
    }
}
