//! Waiting for somebody's decision.

use super::drive::{Course, Ctx};
use super::failing::StepError;
use super::state::{CreationState, Holds};
use crate::clock::left;
use contract::loose::Loose;
use model::tenant::failure::FailureType;
use model::tenant::repair::{self, Action, Decision, Waiting};
use proto::v1::{RecordCreationReply, RepairReply, RepairRequest};
use std::time::Duration;
use temporalio_common::error::ActivityExecutionError;
use temporalio_workflow::workflows::select;
use temporalio_workflow::{
    CancellableFuture, TimerOptions, TimerResult, WaitConditionOptions, WorkflowCancellationToken,
};

/// What a note that is under way at the end of its wait has left.
const NOTE: Duration = Duration::from_secs(10);

/// How a wait ended.
pub(super) enum Decided {
    /// Somebody decided.
    By(Decision),
    /// The run's own time is up.
    TimeIsUp,
    /// The creation's record says that what this run was handed is not true.
    Disproved(StepError),
}

/// What ended a wait.
enum Woken {
    Decision,
    Timer,
    Disproof(StepError),
}

/// A note that was refused for good: only a successor's can be, whose input does not fit the creation's record.
fn disproof(noted: Result<RecordCreationReply, ActivityExecutionError>) -> Option<StepError> {
    let error = StepError::from(noted.err()?);
    (FailureType::parse(&error.kind) == Some(FailureType::IdempotencyConflict)).then_some(error)
}

/// Reads a decision, or says what is wrong with which field.
fn parse(request: Loose) -> Result<Decision, String> {
    let request: RepairRequest = request.parse().map_err(|fields| format!("{}: must be text", fields.join(", ")))?;
    repair::parse(&request.action, &request.by, &request.note)
}

/// Refuses a malformed decision, so that it never enters the history.
pub(super) fn check(request: &Loose) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    parse(request.clone())?;
    Ok(())
}

/// Takes a decision, or answers why not. `cancelled`: Temporal was asked to cancel the run.
pub(super) fn decide(state: &mut CreationState, cancelled: bool, request: Loose) -> RepairReply {
    let cancelled = cancelled || state.cancel_asked;
    let Ok(decision) = parse(request) else {
        return RepairReply { accepted: Some(false), code: Some("MALFORMED".to_owned()) };
    };
    match repair::decide(state.waiting.as_mut(), cancelled, decision) {
        Ok(()) => RepairReply { accepted: Some(true), code: None },
        Err(refusal) => RepairReply { accepted: Some(false), code: Some(refusal.as_str().to_owned()) },
    }
}

/// Waits until somebody decides, or until the run hands over. Beside it the note of the wait is under way.
pub(super) async fn wait<W: Holds>(
    ctx: &Ctx<W>,
    course: &Course,
    waiting: &Waiting,
    mut note: &mut (impl CancellableFuture<Output = Result<RecordCreationReply, ActivityExecutionError>> + Unpin),
) -> Decided {
    let own = &course.own;
    let decided = |w: &W| w.creation().waiting.as_ref().is_some_and(|waiting| waiting.decision.is_some());
    // Nobody cancels our own token.
    let options = WaitConditionOptions::builder().cancellation_token(own.clone()).build();
    let mut wake = std::pin::pin!(ctx.wait_condition_with_options(decided, options));
    let woken = match course.times.hands_over_ms {
        None => loop {
            select! {
                noted = note => if let Some(error) = disproof(noted) { break Woken::Disproof(error) },
                _ = wake => break Woken::Decision,
            }
        },
        Some(until_ms) => {
            let mut timer = timer(ctx, left(ctx, until_ms), &summary(waiting), own);
            let woken = loop {
                select! {
                    noted = note => if let Some(error) = disproof(noted) { break Woken::Disproof(error) },
                    _ = timer => break Woken::Timer,
                    _ = wake => break Woken::Decision,
                }
            };
            if !matches!(woken, Woken::Timer) {
                // Dropping a timer does not cancel it (SDK 1.1.1); awaiting the cancelled one unregisters it.
                timer.cancel();
                timer.await;
            }
            woken
        }
    };
    if let Woken::Disproof(error) = woken {
        return Decided::Disproved(error);
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

/// Who must act, and what happens if nobody does. Short: the server limits a summary to 400 bytes.
fn summary(waiting: &Waiting) -> String {
    format!("an operator must decide about {} ({}); then a successor waits", waiting.step, waiting.reason)
}

/// Ends the note of a wait that is over: one that is under way may still be written, one that cannot be is given up.
pub(super) async fn end_note<W: Holds>(
    ctx: &Ctx<W>,
    own: &WorkflowCancellationToken,
    mut note: impl CancellableFuture + Unpin,
) {
    if note.is_terminated() {
        return;
    }
    let mut timer = timer(ctx, NOTE, "a last try of the note", own);
    let written = select! {
        _ = note => true,
        _ = timer => false,
    };
    if written {
        timer.cancel();
        timer.await;
    } else {
        note.cancel();
        note.await;
    }
}

fn timer<'ctx, W: Holds>(
    ctx: &'ctx Ctx<W>,
    duration: Duration,
    summary: &str,
    own: &WorkflowCancellationToken,
) -> impl CancellableFuture<Output = TimerResult> + use<'ctx, W> {
    let options = TimerOptions::builder(duration).summary(summary.to_owned()).cancellation_token(own.clone()).build();
    ctx.timer(options)
}
