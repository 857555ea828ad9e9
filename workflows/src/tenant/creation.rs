//! `tenantCreationWorkflow` and `algadeskTenantCreationWorkflow`: two names of one course of events.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use super::state::{CreationState, Holds};
use super::{answers, drive, plan, waiting};
use contract::loose::Loose;
use model::tenant::product::Product;
use proto::v1::{RepairReply, TenantCreationResult, TenantCreationStatus};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult};

macro_rules! creation_workflow {
    ($(#[$doc:meta])* $workflow:ident, $name:literal, $forced:expr) => {
        $(#[$doc])*
        #[workflow]
        #[derive(Default)]
        pub struct $workflow {
            state: CreationState,
        }

        impl Holds for $workflow {
            fn creation(&self) -> &CreationState {
                &self.state
            }

            fn creation_mut(&mut self) -> &mut CreationState {
                &mut self.state
            }
        }

        #[workflow_methods]
        impl $workflow {
            /// Creates the tenant. Whatever the argument is, it decodes; what cannot be used is a `ValidationError`.
            #[run(name = $name)]
            pub async fn run(ctx: &mut WorkflowContext<Self>, input: Loose) -> WorkflowResult<TenantCreationResult> {
                let plan = plan::of_input(&input.0, ctx.info().workflow_id(), $forced);
                drive::run(ctx, plan).await
            }

            /// Ends the creation at the next boundary of a step. Final.
            #[signal(name = "cancel")]
            pub fn cancel(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _why: Loose) {
                self.state.cancel_asked = true;
            }

            /// Accepted and without effect, as callers expect.
            #[signal(name = "update")]
            pub fn update(&mut self, _ctx: &mut SyncWorkflowContext<Self>, _what: Loose) {}

            /// Where the creation stands.
            #[query(name = "getState")]
            pub fn get_state(&self, _ctx: &WorkflowContextView) -> TenantCreationStatus {
                answers::status(&self.state)
            }

            /// Decides about a step that failed.
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
    };
}

creation_workflow!(
    /// Creates a tenant of the product that the input names.
    TenantCreation, "tenantCreationWorkflow", None
);
creation_workflow!(
    /// Creates a tenant of the help-desk product.
    AlgadeskTenantCreation, "algadeskTenantCreationWorkflow", Some(Product::Algadesk)
);
