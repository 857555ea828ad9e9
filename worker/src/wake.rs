//! The activity that wakes a run: the sweep's only way to act.

#![expect(dead_code, reason = "the macro of the SDK makes a constant for callers, and ours call by the contract's")]

use crate::clients::portal_runs::{Announcement, PortalRuns, Trigger};
use crate::exit::Failure;
use proto::v1::{WakeDomainReply, WakeDomainRequest};
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::ApplicationFailure;
use temporalio_sdk::activities::{ActivityContext, ActivityError};

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
        match self.runs.reconcile(&announcement).await {
            Ok(()) => Ok(WakeDomainReply {}),
            Err(Failure { error, .. }) => {
                Err(ApplicationFailure::builder(error).type_name("TEMPORAL_UNAVAILABLE".to_owned()).build().into())
            }
        }
    }
}
