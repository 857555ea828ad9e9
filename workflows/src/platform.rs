//! The two small workflows of the platform: the build gate and the health probe. No activities.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use contract::loose::Loose;
use model::time::iso8601;
use proto::v1::{HealthCheckReply, ReadinessInput, ReadinessReply};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowResult};

use crate::clock::now_ms;

/// Answers what it was asked: a build whose worker takes this task can take others.
#[workflow]
#[derive(Default)]
pub struct Readiness;

#[workflow_methods]
impl Readiness {
    #[run(name = "readinessWorkflow")]
    pub async fn run(_ctx: &mut WorkflowContext<Self>, input: Loose) -> WorkflowResult<ReadinessReply> {
        let input: ReadinessInput = input.read();
        Ok(ReadinessReply { ok: true, echo: input.echo.unwrap_or_else(|| "ready".to_owned()) })
    }
}

/// Says that workflow tasks are being worked on.
#[workflow]
#[derive(Default)]
pub struct HealthCheck;

#[workflow_methods]
impl HealthCheck {
    #[run(name = "healthCheckWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, _input: Loose) -> WorkflowResult<HealthCheckReply> {
        Ok(HealthCheckReply { status: "healthy".to_owned(), timestamp: iso8601(now_ms(ctx)) })
    }
}
