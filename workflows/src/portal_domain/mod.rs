//! `portalDomainRegistrationWorkflow`: one long-lived run per tenant, open for as long as the tenant has a domain.
//!
//! A round is load → look → decide → audit → apply → report; it ends in a rest. Signals, updates and timers only wake the
//! run: the row decides what is done.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

mod answers;
mod looks;
mod removal;
mod report;
mod round;
mod state;
mod steps;

use contract::loose::Loose;
use contract::names::tenant_of_workflow_id;
use model::portal::schedule::QUIET_MS;
use proto::v1::{ExplainReply, PortalDomainInput, ReconcileReply, StatusReply};
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::workflows::select;
use temporalio_workflow::{
    CancellableFuture as _, ContinueAsNewOptions, SyncWorkflowContext, TimerOptions, WorkflowContext,
    WorkflowContextView, WorkflowResult, WorkflowTermination,
};

use crate::clock::now_ms;
use round::Next;
use state::RunState;

/// A run continues as new at this many events (contract: 2,000), when the server suggests it, or after 30 days.
const HISTORY_EVENTS_MAX: u32 = 2_000;
/// Rounds that follow each other at once; then the run rests whatever happens, so that no row can keep a worker busy.
const REPEATS_MAX: u32 = 10;
/// That rest.
const UNSETTLED_MS: i64 = 60_000;

/// The run of one tenant's domain.
#[workflow]
pub struct PortalDomain {
    state: RunState,
}

#[workflow_methods]
impl PortalDomain {
    #[init]
    pub fn new(ctx: &WorkflowContextView, input: Loose) -> Self {
        let input: PortalDomainInput = input.read();
        let tenant = tenant_of_workflow_id(ctx.workflow_id()).unwrap_or(&input.tenant_id).to_owned();
        Self { state: RunState::new(&tenant, &input) }
    }

    /// Ends when the row is gone and nothing is left to remove.
    #[run(name = "portalDomainRegistrationWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let began_ms = now_ms(ctx);
        ctx.state_mut(|w| w.state.began_ms = began_ms);
        let mut repeats = 0;
        loop {
            let next = round::round(ctx).await?;
            // A cancelled run ends: its activities and timers no longer work, so it could only spin. Its row is found by the
            // sweep, which starts another one.
            if ctx.cancellation_token().is_cancelled() {
                return Err(WorkflowTermination::cancelled());
            }
            repeats = if matches!(next, Next::Again) { repeats + 1 } else { 0 };
            match next {
                Next::Again if repeats < REPEATS_MAX => {}
                Next::Ended => {
                    // An update that this round served still has to answer.
                    let handlers = ctx.clone();
                    ctx.wait_condition(move |w| w.state.pending() || handlers.all_handlers_finished()).await?;
                    if !ctx.state(|w| w.state.pending()) {
                        return Ok(());
                    }
                }
                Next::Again => {
                    repeats = 0;
                    continue_as_new_when_due(ctx).await?;
                    wait(ctx, now_ms(ctx) + UNSETTLED_MS, "a row that changes under every round".to_owned()).await?;
                }
                Next::Rest { until_ms, why } => {
                    continue_as_new_when_due(ctx).await?;
                    wait(ctx, until_ms, why).await?;
                }
            }
        }
    }

    /// Wakes the run. Whatever the argument is, it decodes; another tenant's ids are refused.
    #[signal(name = "reconcilePortalDomainState")]
    pub fn reconcile_portal_domain_state(&mut self, _ctx: &mut SyncWorkflowContext<Self>, input: Loose) {
        self.state.request(&input.read());
    }

    /// The excerpt that the row's `verification_details.health` holds, with host and status.
    #[query(name = "status")]
    pub fn status(&self, _ctx: &WorkflowContextView) -> StatusReply {
        answers::status(&self.state)
    }

    /// Every axis: what was seen, when, by whom, what it means, who must act, and when we look again.
    #[query(name = "explain")]
    pub fn explain(&self, _ctx: &WorkflowContextView) -> ExplainReply {
        answers::explain(&self.state)
    }

    /// Looks at everything now, and answers with the outcome of the round it caused.
    #[update(name = "reconcile")]
    pub async fn reconcile(ctx: &mut WorkflowContext<Self>, _reason: Loose) -> ReconcileReply {
        let mine = ctx.state_mut(|w| {
            w.state.requests += 1;
            w.state.requests
        });
        // A cancelled run answers with what it last knew.
        let _ = ctx.wait_condition(|w| w.state.served >= mine).await;
        ctx.state(|w| w.state.last.clone())
    }
}

/// Rests until the time has come or somebody asks.
async fn wait(ctx: &WorkflowContext<PortalDomain>, until_ms: i64, why: String) -> Result<(), WorkflowTermination> {
    let left_ms = (until_ms - now_ms(ctx)).clamp(1, QUIET_MS);
    ctx.state_mut(|w| w.state.waiting_for.clone_from(&why));
    let mut timer = ctx.timer(
        TimerOptions::builder(Duration::from_millis(u64::try_from(left_ms).unwrap_or(1)))
            .summary(format!("waiting for {why}"))
            .build(),
    );
    let woken = {
        let mut wake = std::pin::pin!(ctx.wait_condition(|w| w.state.pending()));
        select! {
            _ = timer => false,
            woken = wake => { woken?; true }
        }
    };
    if woken {
        // Dropping a timer does not cancel it (SDK 1.1.1); awaiting the cancelled one unregisters it.
        timer.cancel();
        timer.await;
    }
    ctx.state_mut(|w| w.state.waiting_for.clear());
    Ok(())
}

/// Hands over to a fresh run. No request is lost at the seam: an unserved one is carried, and an update in hand is waited for.
async fn continue_as_new_when_due(ctx: &WorkflowContext<PortalDomain>) -> Result<(), WorkflowTermination> {
    let old = now_ms(ctx) - ctx.state(|w| w.state.began_ms) >= QUIET_MS;
    if !old && ctx.history_length() < HISTORY_EVENTS_MAX && !ctx.continue_as_new_suggested() {
        return Ok(());
    }
    // An update waits for a round, so a run with a request in hand must not wait for its handlers here. A signal that was
    // taken and not served yet (our database is away) goes along as a request of the next run.
    if !ctx.all_handlers_finished() {
        if ctx.state(|w| w.state.busy()) {
            return Ok(());
        }
        let handlers = ctx.clone();
        ctx.wait_condition(move |w| w.state.busy() || handlers.all_handlers_finished()).await?;
        if !ctx.all_handlers_finished() {
            return Ok(());
        }
    }
    let next = ctx.state(|w| answers::next_input(&w.state));
    ctx.continue_as_new(Loose::write(&next), ContinueAsNewOptions::default())?;
    Ok(())
}
