//! The activities of the contract, as methods that also the command line calls.
#![expect(missing_docs, reason = "the macro of the SDK generates undocumented associated constants")]

use crate::connect::provider;
use crate::settings::Settings;
use crate::trust::TrustAnchors;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use proto::v1::{PreflightLook, PreflightRequest, ProbeBatchReply, ProbeBatchRequest, ProbeLook, ProbeRequest};
use std::sync::Arc;
use std::time::Duration;
use temporalio_common::ActivityError;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use tokio::time::{MissedTickBehavior, interval};

/// How often a running look says that it lives; below a third of any heartbeat timeout in use.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(2);

/// Looks at hosts from outside. Cheap to share; holds no connection between looks.
pub struct Probe {
    settings: Settings,
    trust: TrustAnchors,
}

impl Probe {
    /// A probe with these settings. Reads the system's trust anchors, which blocks for some milliseconds.
    pub fn new(settings: Settings) -> Self {
        let trust = TrustAnchors::new(provider(), settings.extra_ca_file.clone());
        Self { settings, trust }
    }

    /// Looks at many hosts, one try each, at most [`Limits::batch`](crate::Limits) at a time; answers in their order.
    pub async fn look_many(&self, requests: &[ProbeRequest]) -> Vec<ProbeLook> {
        // Boxed, because a stream of borrowing futures is not provably `Send` otherwise (rust-lang/rust#102211).
        let looks: Vec<_> = requests.iter().map(|request| self.look(request).boxed()).collect();
        stream::iter(looks).buffered(self.settings.limits.batch.max(1)).collect().await
    }

    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) const fn trust(&self) -> &TrustAnchors {
        &self.trust
    }
}

#[activities]
impl Probe {
    /// Fetches a token over port 80 from every published address, as a certificate authority would.
    #[activity(definition = contract::activities::PreflightHttp01)]
    pub async fn preflight_http01(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: PreflightRequest,
    ) -> Result<PreflightLook, ActivityError> {
        alive(&ctx, self.preflight(&input).boxed()).await
    }

    /// Looks at the live host over TLS and HTTP from outside.
    #[activity(definition = contract::activities::ProbeHost)]
    pub async fn probe_host(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ProbeRequest,
    ) -> Result<ProbeLook, ActivityError> {
        alive(&ctx, self.look_patiently(&input).boxed()).await
    }

    /// Looks at many live hosts, one try each.
    #[activity(definition = contract::activities::ProbeHosts)]
    pub async fn probe_hosts(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ProbeBatchRequest,
    ) -> Result<ProbeBatchReply, ActivityError> {
        let looks = alive(&ctx, self.look_many(&input.probes).boxed()).await?;
        Ok(ProbeBatchReply { looks })
    }
}

/// Runs a look with heartbeats, through which a cancellation is learned; a cancelled look is dropped with its connections.
async fn alive<T>(ctx: &ActivityContext, mut look: BoxFuture<'_, T>) -> Result<T, ActivityError> {
    let mut beat = interval(HEARTBEAT_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = ctx.cancelled() => return Err(ActivityError::cancelled()),
            seen = &mut look => return Ok(seen),
            _ = beat.tick() => ctx.record_heartbeat(()).await?,
        }
    }
}
