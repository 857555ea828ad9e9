//! Waiting for somebody's decision.

use super::drive::Ctx;
use super::state::{CreationState, Holds};
use crate::clock::now_ms;
use contract::loose::Loose;
use model::tenant::repair::{self, Action, Decision};
use proto::v1::{RepairReply, RepairRequest};
use std::time::Duration;
use temporalio_workflow::workflows::select;
use temporalio_workflow::{CancellableFuture as _, TimerOptions, WaitConditionOptions, WorkflowCancellationToken};

/// How a wait ended.
pub(super) enum Decided {
    /// Somebody decided.
    By(Decision),
    /// The run's own time is up.
    TimeIsUp,
}

/// Refuses a malformed decision, so that it never enters the history.
pub(super) fn check(request: &Loose) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let request: RepairRequest = request.clone().read();
    repair::parse(&request.action, &request.by, &request.note)?;
    Ok(())
}

/// Takes a decision, or answers why not. `cancelled`: Temporal was asked to cancel the run.
pub(super) fn decide(state: &mut CreationState, cancelled: bool, request: Loose) -> RepairReply {
    let cancelled = cancelled || state.cancel_asked;
    let request: RepairRequest = request.read();
    let Ok(decision) = repair::parse(&request.action, &request.by, &request.note) else {
        return RepairReply { accepted: Some(false), code: Some("MALFORMED".to_owned()) };
    };
    match repair::decide(state.waiting.as_mut(), cancelled, decision) {
        Ok(()) => RepairReply { accepted: Some(true), code: None },
        Err(refusal) => RepairReply { accepted: Some(false), code: Some(refusal.as_str().to_owned()) },
    }
}

/// Waits until somebody decides, or until `until_ms`.
pub(super) async fn wait<W: Holds>(ctx: &Ctx<W>, until_ms: Option<i64>, own: &WorkflowCancellationToken) -> Decided {
    let decided = |w: &W| w.creation().waiting.as_ref().is_some_and(|waiting| waiting.decision.is_some());
    let options = || WaitConditionOptions::builder().cancellation_token(own.clone()).build();
    match until_ms {
        // Nobody cancels our own token.
        None => drop(ctx.wait_condition_with_options(decided, options()).await),
        Some(until_ms) => {
            let left = u64::try_from((until_ms - now_ms(ctx)).max(1)).unwrap_or(1);
            let mut timer = ctx.timer(
                TimerOptions::builder(Duration::from_millis(left))
                    .summary("the run's own time for a repair".to_owned())
                    .cancellation_token(own.clone())
                    .build(),
            );
            let woken = {
                let mut wake = std::pin::pin!(ctx.wait_condition_with_options(decided, options()));
                select! {
                    _ = timer => false,
                    _ = wake => true,
                }
            };
            if woken {
                // Dropping a timer does not cancel it (SDK 1.1.1); awaiting the cancelled one unregisters it.
                timer.cancel();
                timer.await;
            }
        }
    }
    let decision = ctx.state_mut(|w| {
        let waiting = w.creation_mut().waiting.as_mut()?;
        let decision = waiting.decision.take()?;
        if decision.action == Action::Retry {
            w.creation_mut().waiting = None;
        }
        Some(decision)
    });
    decision.map_or(Decided::TimeIsUp, Decided::By)
}
