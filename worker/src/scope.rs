//! Bounds the memory of evicted runs: every operation of a workflow gets a cancellation token that its own routine owns.
//!
//! An operation that registers on a workflow's root token keeps the whole context alive when the run is evicted, or closed,
//! while the operation is pending: the token holds a callback, the callback the context, and the context the token (SDK
//! 1.1.1, about 3 kB a run, or the size of its input). A child token that only the routine's future holds breaks that
//! circle, and cancellation still arrives through it. Registered on every worker and on every replay.

use temporalio_sdk::workflow_interceptors as sdk;
use temporalio_sdk::{TimerResult, WorkflowCancellationToken, WorkflowContextKey};

/// Where a routine's token lies while the routine runs. It must not lie in the interceptor: the context owns that.
struct Routine;

impl WorkflowContextKey for Routine {
    type Value = WorkflowCancellationToken;
}

struct Scope;

/// Makes one interceptor per run.
pub(crate) fn interceptor() -> sdk::WorkflowInterceptorConstructor {
    sdk::WorkflowInterceptorConstructor::new(|_| Scope)
}

/// Runs a routine with a token of its own in reach. A synchronous handler works while `next` is called, an asynchronous one
/// while its future is polled, so the token is put in place around both.
macro_rules! routine {
    ($name:ident: $input:ty => $output:ty) => {
        fn $name<'a>(
            &'a self,
            ctx: sdk::WorkflowInterceptorContext,
            input: $input,
            next: sdk::WorkflowNext<'a, $input, sdk::WorkflowInterceptorFuture<'a, $output>>,
        ) -> sdk::WorkflowInterceptorFuture<'a, $output> {
            let own = ctx.cancellation_token().child_token();
            sdk::WorkflowInterceptorFuture::new(async move {
                let routine = ctx.with_context_value_sync::<Routine, _>(own.clone(), || next.run(input));
                ctx.with_context_value::<Routine, _>(own, routine).await
            })
        }
    };
}

/// Gives an operation the routine's token, unless the workflow chose one.
macro_rules! operation {
    ($name:ident: $input:ty => $output:ty) => {
        fn $name(
            &self,
            ctx: sdk::WorkflowInterceptorContext,
            mut input: $input,
            next: sdk::WorkflowNext<'static, $input, sdk::CancellableWorkflowOutboundFuture<$output>>,
        ) -> sdk::CancellableWorkflowOutboundFuture<$output> {
            if input.options().cancellation_token.is_none() {
                input.options_mut().cancellation_token = ctx.context_value::<Routine>().map(|own| (*own).clone());
            }
            next.run(input)
        }
    };
}

impl sdk::WorkflowInterceptor for Scope {
    routine!(execute: sdk::ExecuteWorkflowInput => sdk::ExecuteWorkflowResult);
    routine!(handle_signal: sdk::HandleSignalInput => sdk::HandleSignalResult);
    routine!(handle_update: sdk::HandleUpdateInput => sdk::HandleUpdateResult);
    operation!(start_timer: sdk::StartTimerInput => TimerResult);
    operation!(schedule_activity: sdk::ScheduleActivityInput => sdk::ScheduleActivityResult);
    operation!(schedule_local_activity: sdk::ScheduleLocalActivityInput => sdk::ScheduleActivityResult);
    operation!(start_child_workflow: sdk::StartChildWorkflowInput => sdk::StartChildWorkflowResult);
    operation!(signal_workflow: sdk::SignalWorkflowInput => sdk::SignalWorkflowResult);
}
