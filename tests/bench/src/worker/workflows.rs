//! The workflows of `../../js/workflows.js`. Each operation gets a child of the root cancellation token, as the worker's
//! interceptor does for the real workflows.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use temporalio_sdk::workflows::{join, select};
use temporalio_sdk::{
    ActivityOptions, CancellableFuture as _, LocalActivityOptions, SyncWorkflowContext, TimerOptions,
    WorkflowCancellationToken, WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination,
};

/// Bound of every step.
const STEP_MAX: Duration = Duration::from_secs(30);
/// Characters that a domain's step carries beside its ids: the mean payload of the recorded histories.
const NOTE: usize = 200;

/// Activities of the comparison.
#[derive(Debug)]
pub(crate) struct Activities;

/// Argument and answer of a step.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    tenant_id: String,
    step: u32,
    note: String,
}

#[activities]
impl Activities {
    /// Answers what it was given: all cost is the SDK's.
    #[activity(name = "step")]
    pub(crate) async fn step(_ctx: ActivityContext, input: Step) -> Result<Step, ActivityError> {
        Ok(Step { tenant_id: String::new(), ..input })
    }
}

/// Argument of a workflow.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Start {
    tenant_id: String,
    #[serde(default)]
    interval_ms: u64,
}

fn remote(scope: &WorkflowCancellationToken) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(STEP_MAX).cancellation_token(scope.clone()).build()
}

fn local(scope: &WorkflowCancellationToken) -> LocalActivityOptions {
    LocalActivityOptions::builder().start_to_close_timeout(STEP_MAX).cancellation_token(scope.clone()).build()
}

/// Four remote steps in sequence.
#[workflow]
#[derive(Default)]
pub(crate) struct BenchRegistration;

#[workflow_methods]
impl BenchRegistration {
    #[run(name = "benchRegistration")]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, input: Start) -> WorkflowResult<()> {
        let scope = ctx.cancellation_token().child_token();
        for step in 0..4 {
            let input = Step { tenant_id: input.tenant_id.clone(), step, note: String::new() };
            ctx.execute_activity(Activities::step, input, remote(&scope)).await?;
        }
        Ok(())
    }
}

/// Waits for a timer, then takes one remote step; again and again until it is told to stop.
#[workflow]
pub(crate) struct BenchLoop {
    input: Start,
    stop: bool,
}

#[workflow_methods]
impl BenchLoop {
    #[init]
    pub(crate) fn new(_ctx: &WorkflowContextView, input: Start) -> Self {
        Self { input, stop: false }
    }

    #[run(name = "benchLoop")]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u64> {
        let scope = ctx.cancellation_token().child_token();
        let input = ctx.state(|w| w.input.clone());
        for turn in 0_u64.. {
            let interval = Duration::from_millis(input.interval_ms);
            let mut timer = ctx.timer(TimerOptions::builder(interval).cancellation_token(scope.clone()).build());
            let stopped = {
                let mut stop = std::pin::pin!(ctx.wait_condition(|w| w.stop));
                select! {
                    _ = timer => false,
                    stopped = stop => { stopped?; true }
                }
            };
            if stopped {
                timer.cancel();
                timer.await;
                return Ok(turn);
            }
            let step = Step { tenant_id: input.tenant_id.clone(), step: 0, note: String::new() };
            ctx.execute_activity(Activities::step, step, remote(&scope)).await?;
        }
        Ok(u64::MAX)
    }

    #[signal(name = "stop")]
    pub(crate) fn stop(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.stop = true;
    }
}

/// The steps of a registration from start to `active`, in the order and with the kinds of the recorded history
/// `live-then-removed`: 19 local, 7 remote, one timer.
#[workflow]
#[derive(Default)]
pub(crate) struct BenchDomain {
    done: u32,
}

#[workflow_methods]
impl BenchDomain {
    #[run(name = "benchDomain")]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>, input: Start) -> WorkflowResult<u32> {
        let scope = ctx.cancellation_token().child_token();
        let walk = Walk { ctx, scope: &scope, tenant: &input.tenant_id };
        walk.local(2).await?; // row, status
        walk.remote().await?; // DNS
        walk.local(1).await?; // status
        ctx.timer(TimerOptions::builder(Duration::from_secs(1)).cancellation_token(scope.clone()).build()).await;
        walk.local(1).await?; // row
        walk.remote().await?; // DNS
        walk.local(1).await?; // status
        let challenge_path = async {
            walk.local(1).await?; // token
            walk.remote().await
        };
        let (path, certificate, edge) = join!(challenge_path, walk.local(1), walk.local(1));
        path.and(certificate).and(edge)?;
        walk.local(3).await?; // inventory, certificate, status
        walk.remote().await?; // await the certificate
        walk.local(1).await?; // status
        walk.remote().await?; // await the certificate
        walk.remote().await?;
        walk.local(6).await?; // status, inventory, copy, route, gateway, status
        walk.remote().await?; // probe
        walk.local(1).await?; // status
        Ok(ctx.state(|w| w.done))
    }
}

struct Walk<'a> {
    ctx: &'a WorkflowContext<BenchDomain>,
    scope: &'a WorkflowCancellationToken,
    tenant: &'a str,
}

impl Walk<'_> {
    fn next(&self) -> Step {
        let step = self.ctx.state_mut(|w| {
            w.done += 1;
            w.done
        });
        Step { tenant_id: self.tenant.to_owned(), step, note: "x".repeat(NOTE) }
    }

    async fn local(&self, count: u32) -> Result<(), WorkflowTermination> {
        for _ in 0..count {
            self.ctx.execute_local_activity(Activities::step, self.next(), local(self.scope)).await?;
        }
        Ok(())
    }

    async fn remote(&self) -> Result<(), WorkflowTermination> {
        self.ctx.execute_activity(Activities::step, self.next(), remote(self.scope)).await?;
        Ok(())
    }
}
