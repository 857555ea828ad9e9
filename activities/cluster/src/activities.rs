//! The activities of the contract. Each is a thin shell over a plain method that the command line calls too.

#![expect(missing_docs, reason = "the macro generates undocumented associated constants")]

use crate::api::Calls;
use crate::failure::ClusterError;
use crate::settings::Settings;
use crate::watches::Watches;
use futures::pin_mut;
use kube::Client;
use proto::v1::{
    ApplyStepReply, ApplyStepRequest, CertificateLook, EdgeLook, ReadBackReply, ReadBackRequest,
    ReadCertificateRequest, ReadEdgeRequest, SweepCopiesReply, SweepCopiesRequest,
};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use temporalio_common::ActivityError;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How often a running step says that it lives; below a third of any heartbeat timeout in use.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(2);

/// The cluster, as one worker sees it. Cheap to share; its watches start with the first look and end with it.
pub struct ClusterActivities {
    settings: Settings,
    calls: Calls,
    watches: Watches,
}

impl ClusterActivities {
    /// Makes the activities over a client. Calls nothing yet.
    pub fn new(settings: Settings, client: Client) -> Self {
        let calls = Calls::new(client, settings.call_timeout);
        let watches = Watches::new(calls.clone(), settings.scope(), settings.edge.cert_namespace.clone());
        Self { settings, calls, watches }
    }

    /// Whether the index of claims is complete, waiting at most `patience`: part of a worker's readiness.
    pub async fn ready(&self, patience: Duration) -> bool {
        self.watches.edge_ready(patience).await && self.watches.issuance_ready(patience).await
    }

    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) const fn calls(&self) -> &Calls {
        &self.calls
    }

    pub(crate) const fn watches(&self) -> &Watches {
        &self.watches
    }
}

#[activities]
impl ClusterActivities {
    /// Classifies the Certificate by its conditions, requests, orders and challenges.
    #[activity(definition = contract::activities::ReadCertificate)]
    pub async fn read_certificate(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ReadCertificateRequest,
    ) -> Result<CertificateLook, ActivityError> {
        alive(&ctx, self.look_at_certificate(&input)).await
    }

    /// Returns as soon as the certificate differs from what the caller saw, at most two minutes later.
    #[activity(definition = contract::activities::AwaitCertificate)]
    pub async fn await_certificate(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ReadCertificateRequest,
    ) -> Result<CertificateLook, ActivityError> {
        alive(&ctx, self.await_certificate_change(&input)).await
    }

    /// Checks who else claims the host, and whether the edge is guarded by a validating webhook.
    #[activity(definition = contract::activities::ReadEdge)]
    pub async fn read_edge(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ReadEdgeRequest,
    ) -> Result<EdgeLook, ActivityError> {
        alive(&ctx, self.look_at_edge(&input)).await
    }

    /// Writes or deletes one object.
    #[activity(definition = contract::activities::ApplyStep)]
    pub async fn apply_step(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ApplyStepRequest,
    ) -> Result<ApplyStepReply, ActivityError> {
        alive(&ctx, self.take_step(&input)).await?.map_err(ClusterError::into_activity_error)
    }

    /// Reads back whether deleted objects are gone.
    #[activity(definition = contract::activities::ReadBack)]
    pub async fn read_back(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ReadBackRequest,
    ) -> Result<ReadBackReply, ActivityError> {
        alive(&ctx, self.remaining(&input)).await?.map_err(ClusterError::into_activity_error)
    }

    /// Compares the Secret copies of many domains with their sources.
    #[activity(definition = contract::activities::SweepCopies)]
    pub async fn sweep_copies(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: SweepCopiesRequest,
    ) -> Result<SweepCopiesReply, ActivityError> {
        alive(&ctx, self.stale_copies(&input)).await
    }
}

/// Runs a step with heartbeats, through which a cancellation is learned; a cancelled step is dropped with its calls.
async fn alive<T>(ctx: &ActivityContext, step: impl Future<Output = T>) -> Result<T, ActivityError> {
    pin_mut!(step);
    // The first beat comes later: a short step, also a local one, never beats.
    let mut beat = interval_at(Instant::now() + HEARTBEAT_EVERY, HEARTBEAT_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = ctx.cancelled() => return Err(ActivityError::cancelled()),
            done = &mut step => return Ok(done),
            _ = beat.tick() => ctx.record_heartbeat(()).await?,
        }
    }
}
