//! The activity that wakes a run: the sweep's only way to act.

#![expect(dead_code, reason = "the macro of the SDK makes a constant for callers, and ours call by the contract's")]

use crate::clients::portal_runs::{Announcement, PortalRuns, Trigger};
use crate::exit::Failure;
use proto::v1::{FindLostRunsReply, FindLostRunsRequest, WakeDomainReply, WakeDomainRequest};
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::ApplicationFailure;
use temporalio_sdk::activities::{ActivityContext, ActivityError};

/// Tenants of one visibility query: its text is then some 3 kB.
const ASKED_AT_ONCE: usize = 50;

/// Wakes runs of one queue.
pub(crate) struct WakeActivities {
    runs: PortalRuns,
}

impl WakeActivities {
    /// Works through this client.
    pub(crate) const fn new(runs: PortalRuns) -> Self {
        Self { runs }
    }
}

#[activities]
impl WakeActivities {
    /// Signals a tenant's run, and starts it if none is open, in one atomic call. Repeating it wakes the run again, which
    /// looks and finds nothing to do.
    #[activity(definition = contract::activities::WakeDomain)]
    pub(crate) async fn wake_domain(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: WakeDomainRequest,
    ) -> Result<WakeDomainReply, ActivityError> {
        let announcement = Announcement {
            tenant_id: input.tenant_id,
            portal_domain_id: input.portal_domain_id,
            trigger: Trigger::Refresh,
        };
        self.runs.reconcile(&announcement).await.map(|()| WakeDomainReply {}).map_err(unavailable)
    }

    /// Asks the visibility store which runs are open. It may be some seconds behind, so a run that was found lost may be there:
    /// waking it does no harm.
    #[activity(definition = contract::activities::FindLostRuns)]
    pub(crate) async fn find_lost_runs(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: FindLostRunsRequest,
    ) -> Result<FindLostRunsReply, ActivityError> {
        let mut lost = Vec::new();
        for tenants in input.tenant_ids.chunks(ASKED_AT_ONCE) {
            let open = self.runs.open_of(tenants).await.map_err(unavailable)?;
            lost.extend(tenants.iter().filter(|tenant| !open.contains(*tenant)).cloned());
        }
        Ok(FindLostRunsReply { tenant_ids: lost })
    }
}

fn unavailable(failure: Failure) -> ActivityError {
    ApplicationFailure::builder(failure.error).type_name("TEMPORAL_UNAVAILABLE".to_owned()).build().into()
}
