//! `applianceLicenseRedeemWorkflow`: a code becomes a licence on an installed appliance.
//!
//! Every step is persisted on the appliance before the next begins, so a run that is started again after any end goes on with
//! the same idempotency key, and a stored answer is never asked for twice (licensing contract, section 9.3).

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use super::input::usable;
use contract::licensing::Appliance;
use contract::options::appliance_step;
use contract::sensitive::{Guarded, Sensitive};
use model::license::request::of_secret_or_reference;
use proto::v1::{PrepareRedemptionRequest, RedeemInput, RedeemResult, RedemptionStepRequest};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowResult};

/// Redeems one code.
#[workflow]
#[derive(Default)]
pub struct LicenseRedeem;

#[workflow_methods]
impl LicenseRedeem {
    /// The code goes into the first step and no further.
    #[run(name = "applianceLicenseRedeemWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, input: Guarded) -> WorkflowResult<RedeemResult> {
        let marked = input.marked;
        let input: RedeemInput = input.value.read();
        usable(&of_secret_or_reference("claimCode", &input.claim_code, &input.request_ref))?;
        let protected = marked || input.claim_code.is_empty();
        let request =
            PrepareRedemptionRequest { claim_code: input.claim_code, request_ref: input.request_ref, protected };
        step(ctx, "preparing the redemption");
        let options = appliance_step("prepare the redemption");
        let prepared = ctx.execute_activity(Appliance::prepare, Sensitive::from(request), options).await?;
        let request = RedemptionStepRequest { request_ref: prepared.request_ref };
        step(ctx, "asking the licence service");
        let options = appliance_step("redeem the code");
        ctx.execute_activity(Appliance::redeem, request.clone(), options).await?;
        step(ctx, "writing the licence to the database");
        ctx.execute_activity(Appliance::store, request.clone(), appliance_step("store the licence")).await?;
        step(ctx, "writing the licence to the cluster");
        let options = appliance_step("update the licence's Secret");
        ctx.execute_activity(Appliance::update_secret, request.clone(), options).await?;
        step(ctx, "checking in for the first time");
        let options = appliance_step("check in for the first time");
        let result = ctx.execute_activity(Appliance::confirm, request, options).await?;
        step(ctx, "redeemed");
        Ok(result)
    }
}

fn step(ctx: &WorkflowContext<LicenseRedeem>, what: &str) {
    ctx.set_current_details(what);
}
