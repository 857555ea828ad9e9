//! The schedule of check-ins, on a worker that runs on an appliance: every day at the appliance's own time, and once after a
//! start when the last success is old (licensing contract, section 8 and L-14).

use ::licensing::{Site, Standpoint};
use contract::names;
use model::license::rhythm::{self, EVERY_SECONDS, JITTER_SECONDS, START_DELAY_SECONDS};
use rand::Rng as _;
use std::time::{Duration, SystemTime};
use temporalio_client::schedules::{
    CreateScheduleOptions, ScheduleAction, ScheduleError, ScheduleIntervalSpec, ScheduleOverlapPolicy, ScheduleSpec,
    ScheduleUpdate, TriggerScheduleOptions,
};
use temporalio_client::tonic::Code;
use temporalio_client::{Client, RpcOptions, UntypedWorkflow};
use temporalio_common::data_converters::RawValue;

/// Between two looks whether this is an appliance that checks in: it becomes one by a redemption.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How late a check-in may be begun after an outage of Temporal (licensing contract, section 8).
const CATCH_UP: Duration = Duration::from_secs(60);

/// Makes the schedule as soon as this is an appliance that checks in. A hosted worker looks once.
pub(super) fn keep(client: Client, queue: String, site: Site) {
    tokio::spawn(async move {
        let connected = loop {
            match site.standpoint().await {
                Standpoint::Connected(connected) => break connected,
                Standpoint::NotYet => tokio::time::sleep(LOOK_EVERY).await,
                // Asking on would be a refused statement a minute in the log of the vendor's database.
                Standpoint::Hosted => return,
            }
        };
        loop {
            match create(&client, &queue, &connected.appliance_id).await {
                Ok(()) => {
                    tracing::info!("created schedule {}", names::CHECK_IN_SCHEDULE);
                    break;
                }
                // An operator may have paused it; its id and workflow are the same in every build.
                Err(error) if exists(&error) => break,
                Err(error) => {
                    tracing::warn!(error = %error, "could not create schedule {}", names::CHECK_IN_SCHEDULE);
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        }
        if rhythm::is_overdue(connected.last_check_in, now_seconds()) {
            after_start(&client).await;
        }
    });
}

async fn create(client: &Client, queue: &str, appliance_id: &str) -> Result<(), ScheduleError> {
    let action = ScheduleAction::start_workflow(
        UntypedWorkflow::new(names::CHECK_IN_WORKFLOW),
        RawValue::new(Vec::new()),
        queue,
        names::CHECK_IN_SCHEDULE,
    );
    let phase = Duration::from_secs(rhythm::phase_seconds(appliance_id));
    let every = ScheduleIntervalSpec::new(Duration::from_secs(EVERY_SECONDS), Some(phase));
    let spec = ScheduleSpec::builder().intervals(vec![every]).jitter(Duration::from_secs(JITTER_SECONDS)).build();
    let options = CreateScheduleOptions::builder()
        .action(action)
        .spec(spec)
        .overlap_policy(ScheduleOverlapPolicy::Skip)
        .note("Asks the licence service for a newer licence. Made by tenantry worker.")
        .build();
    let handle = client.create_schedule(names::CHECK_IN_SCHEDULE, options).await?;
    let bounded = |update: &mut ScheduleUpdate| {
        update.set_catchup_window(CATCH_UP);
    };
    // The options of a new schedule have no such field. Without it a check-in is only later than it need be.
    if let Err(error) = handle.update(bounded, RpcOptions::default()).await {
        tracing::warn!(error = %error, "could not bound how late a check-in may be begun");
    }
    Ok(())
}

/// One run more, after a delay, so that a fleet that starts together does not call together.
async fn after_start(client: &Client) {
    let delay = Duration::from_secs(rand::rng().random_range(0..=START_DELAY_SECONDS));
    tokio::time::sleep(delay).await;
    let handle = client.get_schedule_handle(names::CHECK_IN_SCHEDULE);
    if let Err(error) = handle.trigger(ScheduleOverlapPolicy::Skip, TriggerScheduleOptions::default()).await {
        tracing::warn!(error = %error, "could not check in after the start: the schedule does it within a day");
    }
}

fn exists(error: &ScheduleError) -> bool {
    matches!(error, ScheduleError::Rpc(status) if status.code() == Code::AlreadyExists)
}

fn now_seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
