//! Handing a creation over before the caller's limit ends the run: nobody must lose sight of a half-made tenant.

use super::drive::Ctx;
use super::plan::Plan;
use super::repair::TenantRepair;
use super::state::Holds;
use contract::loose::Loose;
use contract::names::TENANT_LIFECYCLE_QUEUE;
use model::tenant::names::repair_workflow_id;
use model::tenant::repair::Waiting;
use proto::v1::TenantRepairInput;
use std::time::{Duration, SystemTime};
use temporalio_workflow::{ChildWorkflowOptions, ParentClosePolicy, WorkflowCancellationToken};

/// A run hands over this long before its limit (contract, R15).
const BEFORE_LIMIT: Duration = Duration::from_secs(120);

/// When this run hands over, in Unix milliseconds; `None` when nobody limits it.
///
/// A limit too short for that leaves half of it for the work.
pub(super) fn deadline_ms<W: Holds>(ctx: &Ctx<W>) -> Option<i64> {
    let info = ctx.info();
    let limits = [info.run_timeout(), info.execution_timeout()];
    let limit = limits.into_iter().flatten().filter(|limit| !limit.is_zero()).min()?;
    let began = info.start_time()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let at = began + limit.saturating_sub(BEFORE_LIMIT).max(limit / 2);
    i64::try_from(at.as_millis()).ok()
}

/// Starts the successor and answers its id. It exists already when an earlier run handed over: that one waits, then.
pub(super) async fn hand_over<W: Holds>(
    ctx: &Ctx<W>,
    plan: &Plan,
    waiting: &Waiting,
    tenant_id: &str,
    own: &WorkflowCancellationToken,
) -> String {
    let id = repair_workflow_id(tenant_id);
    let (facts, progress) = ctx.state(|w| (w.creation().facts.clone(), w.creation().progress));
    let input = TenantRepairInput {
        origin_id: plan.origin_id.clone(),
        step: waiting.step.as_str().to_owned(),
        reason: waiting.reason.clone(),
        attempts: waiting.attempts,
        since_ms: waiting.since_ms.max(1),
        cancelled: waiting.cancelled,
        facts: Some(proto::v1::CreationFacts { progress, ..facts }),
        input: plan.input.clone(),
        password_withheld: plan.password_withheld,
        product_code: plan.tenant.product.as_str().to_owned(),
    };
    let mut options = ChildWorkflowOptions::workflow_id(id.clone());
    // Set here, because the Java test server does not take the parent's.
    options.task_queue = Some(TENANT_LIFECYCLE_QUEUE.to_owned());
    options.parent_close_policy = ParentClosePolicy::Abandon;
    options.cancellation_token = Some(own.clone());
    options.static_summary = Some(format!("waits for the repair of {}", waiting.step));
    // It fails only where a run of this id is open already: then that one waits.
    let _ = ctx.start_child_workflow(TenantRepair::run, Loose::write(&input), options).await;
    id
}
