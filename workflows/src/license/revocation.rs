//! `applianceLicenseRevocationWorkflow`: a subscription has ended, and with it its licences.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use super::input::usable;
use contract::licensing::Registry;
use contract::loose::Loose;
use contract::options::revocation_step;
use model::license::request::of_revocation;
use proto::v1::RevocationInput;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowResult};

/// Revokes one subscription.
#[workflow]
#[derive(Default)]
pub struct LicenseRevocation;

#[workflow_methods]
impl LicenseRevocation {
    /// Ends what the licence API holds of the subscription. May be repeated.
    #[run(name = "applianceLicenseRevocationWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, input: Loose) -> WorkflowResult<()> {
        let input: RevocationInput = input.read();
        usable(&of_revocation(&input.stripe_sub_id))?;
        ctx.set_current_details("revoking the subscription's licences");
        ctx.execute_activity(Registry::revoke, input, revocation_step("revoke the licences")).await?;
        ctx.set_current_details("nothing is signed for this subscription any more");
        Ok(())
    }
}
