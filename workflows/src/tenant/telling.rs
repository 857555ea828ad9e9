//! Telling of a creation: to the shop, and in the creation's record.

use super::drive::{Course, Ctx};
use super::failing::StepError;
use super::state::Holds;
use super::steps::tenant_id;
use crate::clock::{after, left, now_ms};
use contract::options::{creation_step, shop_call};
use contract::tenancy::Tenancy;
use model::tenant::repair::{Decision, Waiting};
use proto::v1 as wire;
use std::time::Duration;
use temporalio_workflow::ActivityOptions;
use temporalio_workflow::workflows::join;

/// Longest time of a note in the creation's record. Without it the run goes on: the ledger has what matters.
const RECORD: Duration = Duration::from_secs(60);
/// Longest time of the last step: the note, and the calls to the shop (contract, section 3.3).
const LAST_STEP: Duration = Duration::from_secs(5 * 60);
/// What the last step leaves of the caller's limit, so that the run ends by itself, in milliseconds.
const MARGIN_MS: i64 = 5_000;

/// The call that tells the shop that the work began; nobody waits for it, since a shop that is away must not hold a tenant up.
pub(super) fn in_progress_call<W: Holds>(
    ctx: &Ctx<W>,
    course: &Course,
) -> Option<(wire::CheckoutStatusRequest, ActivityOptions)> {
    // A repair that takes over says nothing new.
    if course.plan.tenant.checkout_session_id.is_empty() || course.plan.waiting.is_some() {
        return None;
    }
    let until_ms = after(ctx, LAST_STEP);
    let until_ms = course.times.hands_over_ms.map_or(until_ms, |at| at.min(until_ms));
    Some((checkout_status(ctx, course, "in_progress", ""), call_options(ctx, course, until_ms, "tell the shop")))
}

fn call_options<W: Holds>(ctx: &Ctx<W>, course: &Course, until_ms: i64, summary: &str) -> ActivityOptions {
    let mut options = shop_call(left(ctx, until_ms), summary);
    options.cancellation_token = Some(course.own.clone());
    options
}

fn checkout_status<W: Holds>(ctx: &Ctx<W>, course: &Course, status: &str, error: &str) -> wire::CheckoutStatusRequest {
    wire::CheckoutStatusRequest {
        origin_id: course.plan.origin_id.clone(),
        now_ms: now_ms(ctx),
        checkout_session_id: course.plan.tenant.checkout_session_id.clone(),
        workflow_id: ctx.info().workflow_id().to_owned(),
        status: status.to_owned(),
        error: error.to_owned(),
    }
}

/// When the last step ends: it may use what is left of the caller's limit.
fn last_step_ms<W: Holds>(ctx: &Ctx<W>, course: &Course) -> i64 {
    let until_ms = after(ctx, LAST_STEP);
    course.times.ends_ms.map_or(until_ms, |at| until_ms.min(at - MARGIN_MS))
}

/// The last step: the record is closed and the shop hears of it. Answers what could not be told.
pub(super) async fn complete<W: Holds>(ctx: &Ctx<W>, course: &Course) -> Vec<(String, String)> {
    let until_ms = last_step_ms(ctx, course);
    let noted = record(ctx, course, "completed", None, None).await;
    let mut untold = tell_end(ctx, course, until_ms, "completed", "").await;
    if let Err(error) = noted {
        untold.push(("creation_record".to_owned(), error.word().to_owned()));
    }
    untold
}

/// Tells the shop that the creation failed.
pub(super) async fn tell_failed<W: Holds>(ctx: &Ctx<W>, course: &Course, error: &StepError) {
    tell_end(ctx, course, last_step_ms(ctx, course), "failed", error.word()).await;
}

/// Both calls side by side: each has the whole time that is left.
async fn tell_end<W: Holds>(
    ctx: &Ctx<W>,
    course: &Course,
    until_ms: i64,
    status: &str,
    error: &str,
) -> Vec<(String, String)> {
    if course.plan.tenant.checkout_session_id.is_empty() {
        return Vec::new();
    }
    let request = checkout_status(ctx, course, status, error);
    let callback = wire::ShopCallbackRequest {
        origin_id: course.plan.origin_id.clone(),
        checkout_session_id: course.plan.tenant.checkout_session_id.clone(),
        tenant_id: tenant_id(ctx),
        status: status.to_owned(),
        error: error.to_owned(),
    };
    let options = |summary| call_options(ctx, course, until_ms, summary);
    let (told, called) = join!(
        ctx.execute_activity(Tenancy::update_checkout_status, request, options("tell the shop")),
        ctx.execute_activity(Tenancy::send_shop_callback, callback, options("call the shop back")),
    );
    let parts = [("checkout_status", told.err()), ("shop_callback", called.err())];
    parts
        .into_iter()
        .filter_map(|(part, error)| Some((part.to_owned(), StepError::from(error?).word().to_owned())))
        .collect()
}

/// Notes where the creation stands. A note that could not be written is no reason to stop: whoever asks is told of it.
pub(super) async fn record<W: Holds>(
    ctx: &Ctx<W>,
    course: &Course,
    state: &str,
    waiting: Option<&Waiting>,
    decision: Option<&Decision>,
) -> Result<(), StepError> {
    let request = note(ctx, course, state, waiting, decision);
    let until_ms = after(ctx, RECORD).min(last_step_ms(ctx, course));
    let mut options = creation_step(left(ctx, until_ms), "note where the creation stands");
    options.cancellation_token = Some(course.own.clone());
    ctx.execute_activity(Tenancy::record_creation, request, options).await?;
    Ok(())
}

/// The note that somebody has to decide, which is tried beside the wait.
pub(super) fn standing_note<W: Holds>(
    ctx: &Ctx<W>,
    course: &Course,
    waiting: &Waiting,
) -> (wire::RecordCreationRequest, ActivityOptions) {
    let mut options = contract::options::standing_note("note that an operator has to decide");
    options.cancellation_token = Some(course.own.clone());
    (note(ctx, course, "repair", Some(waiting), None), options)
}

fn note<W: Holds>(
    ctx: &Ctx<W>,
    course: &Course,
    state: &str,
    waiting: Option<&Waiting>,
    decision: Option<&Decision>,
) -> wire::RecordCreationRequest {
    wire::RecordCreationRequest {
        origin_id: course.plan.origin_id.clone(),
        now_ms: now_ms(ctx),
        tenant_id: tenant_id(ctx),
        state: state.to_owned(),
        workflow_id: ctx.info().workflow_id().to_owned(),
        step: waiting.map(|waiting| waiting.step.as_str().to_owned()).unwrap_or_default(),
        reason: waiting.map(|waiting| waiting.reason.clone()).unwrap_or_default(),
        by: decision.map(|decision| decision.by.clone()).unwrap_or_default(),
        note: match (decision, waiting) {
            (Some(decision), _) => decision.note.clone(),
            (None, Some(waiting)) => waiting.message.clone(),
            (None, None) => String::new(),
        },
        mail_left_out: match state {
            "completed" => ctx.state(|w| w.creation().mail_left_out.clone()),
            _ => String::new(),
        },
    }
}
