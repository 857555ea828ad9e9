//! The schedule of the sweep: one per namespace, made by whichever worker comes first.

use contract::names;
use std::time::Duration;
use temporalio_client::schedules::{
    CreateScheduleOptions, ScheduleAction, ScheduleError, ScheduleOverlapPolicy, ScheduleSpec,
};
use temporalio_client::tonic::Code;
use temporalio_client::{Client, UntypedWorkflow};
use temporalio_common::data_converters::RawValue;

/// How often the sweep runs (portal-domain contract, section 16).
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Between two attempts to create the schedule.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Creates the schedule, and goes on trying until it is there. An existing one is left as it is: an operator may have paused
/// it, and its id, interval and workflow are the same in every build.
pub(super) fn keep(client: Client, queue: String) {
    tokio::spawn(async move {
        loop {
            match create(&client, &queue).await {
                Ok(()) => return tracing::info!("created schedule {}", names::PORTAL_DOMAIN_SWEEP_SCHEDULE),
                Err(error) if exists(&error) => return,
                Err(error) => {
                    tracing::warn!(error = %error, "could not create schedule {}", names::PORTAL_DOMAIN_SWEEP_SCHEDULE);
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    });
}

async fn create(client: &Client, queue: &str) -> Result<(), ScheduleError> {
    let action = ScheduleAction::start_workflow(
        UntypedWorkflow::new(names::PORTAL_DOMAIN_SWEEP_WORKFLOW),
        RawValue::new(Vec::new()),
        queue,
        names::PORTAL_DOMAIN_SWEEP_SCHEDULE,
    );
    let options = CreateScheduleOptions::builder()
        .action(action)
        .spec(ScheduleSpec::from_interval(SWEEP_EVERY))
        // A sweep that takes longer than a minute must not meet the next one.
        .overlap_policy(ScheduleOverlapPolicy::Skip)
        .trigger_immediately(true)
        .note("Finds rows that nobody announced and looks at live domains. Made by tenantry worker.")
        .build();
    client.create_schedule(names::PORTAL_DOMAIN_SWEEP_SCHEDULE, options).await.map(|_| ())
}

fn exists(error: &ScheduleError) -> bool {
    matches!(error, ScheduleError::Rpc(status) if status.code() == Code::AlreadyExists)
}
