//! Asking somebody to decide about a step: in this run while it has time, then in a successor.

use super::drive::{Course, Ctx, Ending, is_cancelled, show};
use super::failing::StepError;
use super::state::Holds;
use super::waiting::{self, Decided};
use super::{handover, telling};
use contract::tenancy::Tenancy;
use model::tenant::failure::ABANDONED;
use model::tenant::repair::{Action, Decision, Waiting};

/// Waits for a decision and takes it; hands over when the run's own time is up. Whoever reads the record finds the wait: the note
/// of it is tried for as long as it lasts.
pub(super) async fn ask<W: Holds>(ctx: &Ctx<W>, course: &mut Course, waiting: Waiting) -> Result<(), Ending> {
    ctx.state_mut(|w| {
        let state = w.creation_mut();
        state.waiting_for = waiting.sentence();
        state.waiting = Some(waiting.clone());
    });
    show(ctx);
    let (request, options) = telling::standing_note(ctx, course, &waiting);
    let mut note = ctx.execute_activity(Tenancy::record_creation, request, options);
    let decided = waiting::wait(ctx, course, &waiting, &mut note).await;
    waiting::end_note(ctx, &course.own, note).await;
    match decided {
        Decided::Disproved(error) => {
            ctx.state_mut(|w| w.creation_mut().waiting_for.clear());
            Err(Ending::Failed(error))
        }
        Decided::TimeIsUp => Err(hand_over(ctx, course, waiting).await),
        Decided::By(decision) => {
            ctx.state_mut(|w| w.creation_mut().waiting_for.clear());
            take(ctx, course, &waiting, decision).await
        }
    }
}

async fn take<W: Holds>(ctx: &Ctx<W>, course: &Course, waiting: &Waiting, decision: Decision) -> Result<(), Ending> {
    match decision.action {
        Action::Retry => {
            // Where this note is lost, that of the end follows.
            let _ = telling::record(ctx, course, "open", Some(waiting), Some(&decision)).await;
            Ok(())
        }
        Action::Abandon => {
            let noted = telling::record(ctx, course, "abandoned", Some(waiting), Some(&decision)).await;
            let mut text = format!("abandoned by an operator while {}", waiting.step.sentence());
            if let Err(error) = noted {
                text.push_str(&format!("; the creation's record does not say so ({})", error.word()));
            }
            Err(Ending::Failed(StepError {
                kind: ABANDONED.to_owned(),
                text,
                cause: waiting.reason.clone(),
                details: None,
            }))
        }
    }
}

/// Starts the successor. A cancellation that came while the run waited goes with it.
pub(super) async fn hand_over<W: Holds>(ctx: &Ctx<W>, course: &Course, mut waiting: Waiting) -> Ending {
    waiting.cancelled |= is_cancelled(ctx);
    let id = handover::hand_over(ctx, course, &waiting).await;
    ctx.state_mut(|w| {
        w.creation_mut().waiting = Some(waiting);
        w.creation_mut().handed_to = Some(id.clone());
    });
    Ending::HandedOver(id)
}
