//! The course of a creation: one step after the other, with what follows when one fails.

use super::failing::{self, StepError};
use super::plan::Plan;
use super::state::Holds;
use super::waiting::{self, Decided};
use super::{answers, handover, steps};
use crate::clock::now_ms;
use contract::tenancy::Tenancy;
use model::tenant::failure::ABANDONED;
use model::tenant::fault::Fault;
use model::tenant::input::GivenPassword;
use model::tenant::repair::{Action, Decision, Waiting};
use model::tenant::step::{OnFailure, Step};
use proto::v1::TenantCreationResult;
use std::time::Duration;
use temporalio_workflow::{WorkflowCancellationToken, WorkflowContext, WorkflowResult, WorkflowTermination};

pub(super) type Ctx<W> = WorkflowContext<W>;

/// Longest time of a step that a tenant cannot do without, all tries together (contract, 3.3).
const STEP: Duration = Duration::from_secs(20 * 60);
/// Longest time of a step that may be left out.
const EXTRA_STEP: Duration = Duration::from_secs(5 * 60);
/// Reason of a repair that a cancellation asks for.
const CANCELLED: &str = "cancelled";

/// What a run carries through its steps.
pub(super) struct Course {
    /// The work.
    pub(super) plan: Plan,
    /// The id that a new tenant takes, unless the caller or the ledger knows one.
    pub(super) proposed_tenant_id: String,
    /// Steps are never cut off in the middle: this token is nobody's but ours. A cancellation takes effect between them.
    pub(super) own: WorkflowCancellationToken,
    /// When the run hands over.
    pub(super) deadline_ms: Option<i64>,
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
        proposed_tenant_id: plan.tenant.tenant_id.clone().unwrap_or_else(|| ctx.uuid4()),
        own: WorkflowCancellationToken::new(),
        deadline_ms: handover::deadline_ms(ctx),
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
    let telling = steps::in_progress_call(ctx, &course)
        .map(|(request, options)| ctx.execute_activity(Tenancy::update_checkout_status, request, options));
    let outcome = carry_out(ctx, &mut course).await;
    if let Some(telling) = telling {
        // The shop hears of the beginning before it hears of the end.
        let _ = telling.await;
    }
    match outcome {
        Ok(()) => {
            let skipped = steps::complete(ctx, &course).await;
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
            steps::tell_failed(ctx, &course, &error).await;
            Err(end(ctx, &error))
        }
        Err(Ending::HandedOver(id)) => Err(end(ctx, &failing::repair_required(&id))),
        Err(Ending::Cancelled) => {
            let error = failing::cancelled();
            steps::tell_failed(ctx, &course, &error).await;
            let by_temporal = ctx.cancellation_token().is_cancelled();
            let failure = end(ctx, &error);
            Err(if by_temporal { WorkflowTermination::cancelled() } else { failure })
        }
    }
}

/// How a run ends without a result.
enum Ending {
    Failed(StepError),
    HandedOver(String),
    Cancelled,
}

async fn carry_out<W: Holds>(ctx: &Ctx<W>, course: &mut Course) -> Result<(), Ending> {
    if let Some(waiting) = course.plan.waiting.take() {
        ctx.state_mut(|w| {
            w.creation_mut().step = waiting.step;
            w.creation_mut().attempt = waiting.attempts;
        });
        ask(ctx, course, waiting).await?;
    }
    let from = course.plan.from;
    for step in Step::WORK.into_iter().filter(|step| *step >= from) {
        if !steps::is_wanted(step, course) {
            continue;
        }
        loop {
            at_boundary(ctx, course, step).await?;
            ctx.state_mut(|w| w.creation_mut().enter(step));
            show(ctx);
            match steps::run(ctx, step, course, limit(ctx, course, step)).await {
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
    at_boundary(ctx, course, Step::SendingWelcomeEmail).await
}

/// Between two steps: here a cancellation takes effect, and a run whose time is up hands over.
async fn at_boundary<W: Holds>(ctx: &Ctx<W>, course: &mut Course, step: Step) -> Result<(), Ending> {
    let cancelled = ctx.cancellation_token().is_cancelled() || ctx.state(|w| w.creation().cancel_asked);
    let written = ctx.state(|w| !w.creation().facts.tenant_id.is_empty());
    if cancelled && !written {
        return Err(Ending::Cancelled);
    }
    if cancelled {
        let attempts = ctx.state(|w| w.creation().attempt);
        let waiting = Waiting {
            step,
            reason: CANCELLED.to_owned(),
            attempts,
            since_ms: now_ms(ctx),
            cancelled: true,
            decision: None,
        };
        return ask(ctx, course, waiting).await;
    }
    if time_is_up(ctx, course) && written && step.on_failure() != OnFailure::Skip {
        let attempts = ctx.state(|w| w.creation().attempt);
        let reason = "the run's own time is up".to_owned();
        let waiting = Waiting { step, reason, attempts, since_ms: now_ms(ctx), cancelled: false, decision: None };
        return Err(hand_over(ctx, course, waiting).await);
    }
    Ok(())
}

async fn after_failure<W: Holds>(
    ctx: &Ctx<W>,
    course: &mut Course,
    step: Step,
    error: StepError,
) -> Result<(), Ending> {
    let attempts = ctx.state(|w| w.creation().attempt);
    let since_ms = now_ms(ctx);
    let waiting =
        || Waiting { step, reason: error.word().to_owned(), attempts, since_ms, cancelled: false, decision: None };
    match step.on_failure() {
        // Its last try may have been committed without an answer: a successor finds out, under the same keys.
        OnFailure::Fail
            if step == Step::CreatingTenant
                && error.kind == model::tenant::failure::TRANSIENT
                && time_is_up(ctx, course) =>
        {
            Err(hand_over(ctx, course, waiting()).await)
        }
        OnFailure::Fail => Err(Ending::Failed(error)),
        OnFailure::Skip => {
            ctx.state_mut(|w| w.creation_mut().skip(step.as_str(), error.word()));
            Ok(())
        }
        OnFailure::Repair => ask(ctx, course, waiting()).await,
    }
}

/// Waits for a decision, in this run while it has time, then in a successor.
async fn ask<W: Holds>(ctx: &Ctx<W>, course: &mut Course, waiting: Waiting) -> Result<(), Ending> {
    let step = waiting.step;
    ctx.state_mut(|w| {
        let state = w.creation_mut();
        state.waiting_for = format!("an operator: {} ({})", step.sentence(), waiting.reason);
        state.waiting = Some(waiting.clone());
    });
    show(ctx);
    steps::record(ctx, course, "repair", Some(&waiting), None).await;
    let decided = waiting::wait(ctx, course.deadline_ms, &course.own).await;
    match decided {
        Decided::TimeIsUp => Err(hand_over(ctx, course, waiting).await),
        Decided::By(decision) => {
            ctx.state_mut(|w| w.creation_mut().waiting_for.clear());
            take(ctx, course, &waiting, decision).await
        }
    }
}

async fn take<W: Holds>(
    ctx: &Ctx<W>,
    course: &mut Course,
    waiting: &Waiting,
    decision: Decision,
) -> Result<(), Ending> {
    match decision.action {
        Action::Retry => {
            steps::record(ctx, course, "open", Some(waiting), Some(&decision)).await;
            if course.plan.password_withheld {
                course.plan.tenant.admin.password = GivenPassword::None;
            }
            Ok(())
        }
        Action::Abandon => {
            steps::record(ctx, course, "abandoned", Some(waiting), Some(&decision)).await;
            let text = format!("abandoned by an operator while {}", waiting.step.sentence());
            Err(Ending::Failed(StepError {
                kind: ABANDONED.to_owned(),
                text,
                cause: waiting.reason.clone(),
                details: None,
            }))
        }
    }
}

async fn hand_over<W: Holds>(ctx: &Ctx<W>, course: &Course, waiting: Waiting) -> Ending {
    let known = ctx.state(|w| w.creation().facts.tenant_id.clone());
    let tenant_id = if known.is_empty() { &course.proposed_tenant_id } else { &known };
    let id = handover::hand_over(ctx, &course.plan, &waiting, tenant_id, &course.own).await;
    ctx.state_mut(|w| {
        w.creation_mut().waiting = Some(waiting);
        w.creation_mut().handed_to = Some(id.clone());
    });
    Ending::HandedOver(id)
}

fn time_is_up<W: Holds>(ctx: &Ctx<W>, course: &Course) -> bool {
    course.deadline_ms.is_some_and(|deadline| now_ms(ctx) >= deadline - 1000)
}

/// All tries of a step together.
fn limit<W: Holds>(ctx: &Ctx<W>, course: &Course, step: Step) -> Duration {
    let whole = match step.on_failure() {
        OnFailure::Skip => EXTRA_STEP,
        OnFailure::Fail | OnFailure::Repair => STEP,
    };
    let Some(deadline) = course.deadline_ms else { return whole };
    let left = u64::try_from((deadline - now_ms(ctx)).max(1000)).unwrap_or(1000);
    whole.min(Duration::from_millis(left))
}

/// Shows in the Temporal UI what the run is doing.
fn show<W: Holds>(ctx: &Ctx<W>) {
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
