//! The course of a creation: one step after the other, with what follows when one fails.

use super::asking::{ask, hand_over};
use super::failing::{self, StepError};
use super::handover::{self, Times};
use super::plan::Plan;
use super::state::Holds;
use super::{answers, steps, telling};
use crate::clock::{after, now_ms};
use contract::tenancy::Tenancy;
use model::tenant::failure::TRANSIENT;
use model::tenant::fault::Fault;
use model::tenant::repair::{
    self, CANCELLED, CANCELLED_MESSAGE, CANCELLED_WHEN_DONE, TIME_IS_UP, TIME_IS_UP_MESSAGE, Waiting,
};
use model::tenant::step::{OnFailure, Step};
use proto::v1::TenantCreationResult;
use std::time::Duration;
use temporalio_workflow::{WorkflowCancellationToken, WorkflowContext, WorkflowResult, WorkflowTermination};

pub(super) type Ctx<W> = WorkflowContext<W>;

/// Longest time of a step that a tenant cannot do without, all tries together (contract, 3.3).
const STEP: Duration = Duration::from_secs(20 * 60);
/// Longest time of a step that may be left out.
const EXTRA_STEP: Duration = Duration::from_secs(5 * 60);

/// What a run carries through its steps.
pub(super) struct Course {
    /// The work.
    pub(super) plan: Plan,
    /// The id that a new tenant takes, unless the caller or the ledger knows one.
    pub(super) proposed_tenant_id: String,
    /// Steps are never cut off in the middle: this token is nobody's but ours. A cancellation takes effect between them.
    pub(super) own: WorkflowCancellationToken,
    /// When the run hands over, and when its caller's limit ends it.
    pub(super) times: Times,
}

/// Carries out a plan, and ends the run as its contract says.
pub(super) async fn run<W: Holds>(
    ctx: &Ctx<W>,
    plan: Result<Plan, Vec<Fault>>,
) -> WorkflowResult<TenantCreationResult> {
    let plan = match plan {
        Ok(plan) => plan,
        Err(faults) => return Err(end(ctx, &failing::invalid(&faults))),
    };
    let mut course = Course {
        proposed_tenant_id: plan.proposed_tenant_id.clone().unwrap_or_else(|| ctx.uuid4()),
        own: WorkflowCancellationToken::new(),
        times: handover::times(ctx),
        plan,
    };
    ctx.state_mut(|w| {
        let state = w.creation_mut();
        state.facts = course.plan.facts.clone();
        state.progress = course.plan.facts.progress;
        if state.facts.created_ms == 0 {
            state.facts.created_ms = now_ms(ctx);
        }
        if state.facts.credential_delivery.is_empty() {
            state.facts.credential_delivery = "none".to_owned();
        }
    });
    steps::find_by_tenant(ctx);
    let telling = telling::in_progress_call(ctx, &course)
        .map(|(request, options)| ctx.execute_activity(Tenancy::update_checkout_status, request, options));
    let outcome = carry_out(ctx, &mut course).await;
    if let Some(telling) = telling {
        // The shop hears of the beginning before it hears of the end.
        let _ = telling.await;
    }
    match outcome {
        Ok(()) => {
            let skipped = telling::complete(ctx, &course).await;
            ctx.state_mut(|w| {
                let state = w.creation_mut();
                for (part, why) in &skipped {
                    state.skip(part, why);
                }
                state.enter(Step::Completed);
                state.attempt = 0;
            });
            show(ctx);
            Ok(ctx.state(|w| answers::result(&w.creation().facts)))
        }
        Err(Ending::Failed(error)) => {
            // The shop's checkout is the other run's then: its word is the last one.
            if !failing::is_elsewhere(&error) {
                telling::tell_failed(ctx, &course, &error).await;
            }
            Err(end(ctx, &error))
        }
        Err(Ending::HandedOver(id)) => Err(end(ctx, &failing::repair_required(&id))),
        Err(Ending::Cancelled) => {
            let error = failing::cancelled();
            telling::tell_failed(ctx, &course, &error).await;
            let by_temporal = ctx.cancellation_token().is_cancelled();
            let failure = end(ctx, &error);
            Err(if by_temporal { WorkflowTermination::cancelled() } else { failure })
        }
    }
}

/// How a run ends without a result.
pub(super) enum Ending {
    Failed(StepError),
    HandedOver(String),
    Cancelled,
}

async fn carry_out<W: Holds>(ctx: &Ctx<W>, course: &mut Course) -> Result<(), Ending> {
    if let Some(waiting) = course.plan.waiting.take() {
        ctx.state_mut(|w| {
            w.creation_mut().step = waiting.step;
            w.creation_mut().attempt = waiting.attempts;
            w.creation_mut().unsure = waiting.step == Step::CreatingTenant;
        });
        ask(ctx, course, waiting).await?;
    }
    let from = course.plan.from;
    for step in Step::WORK.into_iter().filter(|step| *step >= from) {
        if !steps::is_wanted(step, course) {
            continue;
        }
        loop {
            at_boundary(ctx, course, Some(step)).await?;
            ctx.state_mut(|w| w.creation_mut().enter(step));
            show(ctx);
            match steps::run(ctx, step, course, until_ms(ctx, course, step)).await {
                Ok(()) => break,
                Err(error) => after_failure(ctx, course, step, error).await?,
            }
            if step.on_failure() == OnFailure::Skip {
                break;
            }
        }
        ctx.state_mut(|w| w.creation_mut().advance(step.progress().1));
    }
    // A cancelled run never reports that it is complete.
    at_boundary(ctx, course, None).await
}

/// Before the step `next`, or after the last one: here a cancellation takes effect, and a run whose time is up hands over.
async fn at_boundary<W: Holds>(ctx: &Ctx<W>, course: &mut Course, next: Option<Step>) -> Result<(), Ending> {
    let cancelled = is_cancelled(ctx);
    let written = ctx.state(|w| w.creation().unsure || !w.creation().facts.tenant_id.is_empty());
    if cancelled && !written {
        return Err(Ending::Cancelled);
    }
    if cancelled {
        let (step, message) = match next {
            Some(step) => (step, CANCELLED_MESSAGE),
            None => (Step::SendingWelcomeEmail, CANCELLED_WHEN_DONE),
        };
        let waiting = Waiting { cancelled, ..waiting(ctx, step, CANCELLED, message) };
        return ask(ctx, course, waiting).await;
    }
    let Some(step) = next else { return Ok(()) };
    if time_is_up(ctx, course) && written && step.on_failure() != OnFailure::Skip {
        let waiting = waiting(ctx, step, TIME_IS_UP, TIME_IS_UP_MESSAGE);
        return Err(hand_over(ctx, course, waiting).await);
    }
    Ok(())
}

/// Whether somebody has asked to cancel, in one of the two ways.
pub(super) fn is_cancelled<W: Holds>(ctx: &Ctx<W>) -> bool {
    ctx.cancellation_token().is_cancelled() || ctx.state(|w| w.creation().cancel_asked)
}

/// What somebody is asked about, from now on.
fn waiting<W: Holds>(ctx: &Ctx<W>, step: Step, reason: &str, text: &str) -> Waiting {
    Waiting {
        step,
        reason: reason.to_owned(),
        message: repair::message(text),
        attempts: ctx.state(|w| w.creation().attempt),
        since_ms: now_ms(ctx),
        cancelled: false,
        decision: None,
    }
}

fn time_is_up<W: Holds>(ctx: &Ctx<W>, course: &Course) -> bool {
    course.times.hands_over_ms.is_some_and(|at| now_ms(ctx) >= at - 1000)
}

async fn after_failure<W: Holds>(
    ctx: &Ctx<W>,
    course: &mut Course,
    step: Step,
    error: StepError,
) -> Result<(), Ending> {
    // Its last try may have been committed without an answer: somebody has it tried again, and the ledger tells.
    let unsure = step == Step::CreatingTenant && error.kind == TRANSIENT;
    match step.on_failure() {
        OnFailure::Fail if !unsure => Err(Ending::Failed(error)),
        OnFailure::Skip => {
            ctx.state_mut(|w| {
                w.creation_mut().skip(step.as_str(), error.word());
                if step == Step::SendingWelcomeEmail {
                    error.word().clone_into(&mut w.creation_mut().mail_left_out);
                }
            });
            Ok(())
        }
        OnFailure::Fail | OnFailure::Repair => {
            ctx.state_mut(|w| w.creation_mut().unsure = unsure);
            let waiting = waiting(ctx, step, error.word(), &error.text);
            ask(ctx, course, waiting).await
        }
    }
}

/// When all tries of a step together end, in Unix milliseconds. A step that may be left out never outlives the run's time either.
fn until_ms<W: Holds>(ctx: &Ctx<W>, course: &Course, step: Step) -> i64 {
    let whole = match step.on_failure() {
        OnFailure::Skip => EXTRA_STEP,
        OnFailure::Fail | OnFailure::Repair => STEP,
    };
    let until = after(ctx, whole);
    course.times.hands_over_ms.map_or(until, |at| at.min(until))
}

/// Shows in the Temporal UI what the run is doing.
pub(super) fn show<W: Holds>(ctx: &Ctx<W>) {
    let text = ctx.state(|w| {
        let state = w.creation();
        let what = if state.waiting_for.is_empty() {
            state.step.sentence().to_owned()
        } else {
            format!("waiting for {}", state.waiting_for)
        };
        format!("{} % {}: {what}", state.progress, state.step)
    });
    ctx.set_current_details(text);
}

/// Notes the failure, and makes the run's end of it.
fn end<W: Holds>(ctx: &Ctx<W>, error: &StepError) -> WorkflowTermination {
    ctx.state_mut(|w| {
        let state = w.creation_mut();
        state.error = Some(format!("{}: {}", error.kind, error.text));
        if state.handed_to.is_none() {
            state.step = Step::Failed;
            state.waiting = None;
        }
    });
    show(ctx);
    failing::fail(error)
}
