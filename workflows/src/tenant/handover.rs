//! Handing a creation over before the caller's limit ends the run: nobody must lose sight of a half-made tenant.

use super::drive::{Course, Ctx, is_cancelled};
use super::repair::TenantRepair;
use super::state::Holds;
use contract::loose::Loose;
use contract::names::TENANT_LIFECYCLE_QUEUE;
use contract::sensitive::SensitiveLoose;
use model::tenant::names::repair_workflow_id;
use model::tenant::repair::Waiting;
use proto::v1::TenantRepairInput;
use std::time::{Duration, SystemTime};
use temporalio_workflow::{ChildWorkflowOptions, ParentClosePolicy, SignalWorkflowOptions};

/// A run hands over this long before its limit (contract, R15).
const BEFORE_LIMIT: Duration = Duration::from_secs(120);

/// The two times of a run, in Unix milliseconds; `None` when nobody limits it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// When it hands over.
    pub(super) hands_over_ms: Option<i64>,
    /// When the caller's limit ends it.
    pub(super) ends_ms: Option<i64>,
}

/// The times of this run. A limit too short for the reserve leaves half of it for the work.
pub(super) fn times<W: Holds>(ctx: &Ctx<W>) -> Times {
    let info = ctx.info();
    let limits = [info.run_timeout(), info.execution_timeout()];
    let limit = limits.into_iter().flatten().filter(|limit| !limit.is_zero()).min();
    let began = info.start_time().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let at = |from_start: Duration| i64::try_from((began? + from_start).as_millis()).ok();
    Times {
        hands_over_ms: limit.and_then(|limit| at(limit.saturating_sub(BEFORE_LIMIT).max(limit / 2))),
        ends_ms: limit.and_then(at),
    }
}

/// Starts the successor and answers its id. It exists already when an earlier run handed over: that one waits, then.
pub(super) async fn hand_over<W: Holds>(ctx: &Ctx<W>, course: &Course, waiting: &Waiting) -> String {
    let Course { plan, own, proposed_tenant_id, .. } = course;
    let (facts, progress) = ctx.state(|w| (w.creation().facts.clone(), w.creation().progress));
    let tenant_id = if facts.tenant_id.is_empty() { proposed_tenant_id } else { &facts.tenant_id };
    let id = repair_workflow_id(tenant_id);
    let input = TenantRepairInput {
        origin_id: plan.origin_id.clone(),
        step: waiting.step.as_str().to_owned(),
        reason: waiting.reason.clone(),
        message: waiting.message.clone(),
        attempts: waiting.attempts,
        since_ms: waiting.since_ms.max(1),
        cancelled: waiting.cancelled,
        facts: Some(proto::v1::CreationFacts { progress, ..facts }),
        input: plan.input.clone(),
        password_withheld: plan.password_withheld,
        product_code: plan.tenant.product.as_str().to_owned(),
        proposed_tenant_id: proposed_tenant_id.clone(),
    };
    let mut options = ChildWorkflowOptions::workflow_id(id.clone());
    // Set here, because the Java test server does not take the parent's.
    options.task_queue = Some(TENANT_LIFECYCLE_QUEUE.to_owned());
    options.parent_close_policy = ParentClosePolicy::Abandon;
    options.cancellation_token = Some(own.clone());
    options.static_summary = Some(format!("waits for an operator: repair of {} ({})", waiting.step, waiting.reason));
    // It fails only where a run of this id is open already: then that one waits.
    let started = ctx.start_child_workflow(TenantRepair::run, SensitiveLoose::write(&input), options).await;
    let knows = started.is_ok() && waiting.cancelled;
    if is_cancelled(ctx) && !knows {
        // It was cancelled while the successor was being started, or the successor is an earlier run's.
        let mut options = SignalWorkflowOptions::default();
        options.cancellation_token = Some(own.clone());
        let why = Loose::default();
        let _ = ctx.external_workflow(id.clone(), None).signal(TenantRepair::cancel, why, options).await;
    }
    id
}
