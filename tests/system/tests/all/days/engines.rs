//! The activities of the contract over the world in memory.

#![expect(dead_code, reason = "the macro of the SDK makes constants for callers, and ours call by the contract's")]

use super::server::Clock;
use super::store::{DOMAIN, TENANT};
use super::world::World;
use contract::activities as definition;
use contract::names;
use proto::v1 as wire;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use temporalio_client::tonic::IntoRequest as _;
use temporalio_client::{Client, UntypedSignal, UntypedWorkflow, WorkflowStartOptions};
use temporalio_common::protos::temporal::api::workflowservice::v1::RecordActivityTaskHeartbeatRequest;
use temporalio_macros::activities;
use temporalio_sdk::ApplicationFailure;
use temporalio_sdk::activities::{ActivityContext, ActivityError};

/// The real `awaitCertificate` answers after two minutes at the latest.
const AWAIT_MS: i64 = 120_000;
/// Between two of its looks, below its heartbeat timeout.
const AWAIT_STEP: Duration = Duration::from_secs(8);

/// Every engine at once.
pub(super) struct Engines {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) clock: Clock,
    pub(super) client: Client,
}

/// The world behind its lock; a test that panicked has nothing to say to the others.
pub(super) fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Engines {
    /// Does one thing to the world at the server's time.
    async fn act<T>(&self, act: impl FnOnce(&mut World, i64) -> T) -> Result<T, ActivityError> {
        let now = self.clock.now_ms().await?;
        Ok(act(&mut lock(&self.world), now))
    }

    /// The same for the cluster, which may be down. The real failure is tried again for seven seconds of real time; here the
    /// first is the last, because those seconds cannot be skipped.
    async fn cluster<T>(&self, act: impl FnOnce(&mut World, i64) -> T) -> Result<T, ActivityError> {
        if lock(&self.world).cluster_down {
            let failure = ApplicationFailure::builder(anyhow::anyhow!("could not reach the cluster"));
            return Err(ActivityError::application(failure.non_retryable(true).build()));
        }
        self.act(act).await
    }

    /// A heartbeat that has arrived when this returns; the SDK's own are held back in real time.
    async fn beat(&self, ctx: &ActivityContext) -> Result<(), ActivityError> {
        let info = ctx.info();
        let request = RecordActivityTaskHeartbeatRequest {
            task_token: info.task_token.clone(),
            namespace: info.namespace.clone(),
            ..RecordActivityTaskHeartbeatRequest::default()
        };
        let beat =
            self.client.connection().workflow_service().record_activity_task_heartbeat(request.into_request()).await;
        match beat {
            Ok(answer) if !answer.get_ref().cancel_requested => Ok(()),
            _ => Err(ActivityError::cancelled()),
        }
    }
}

#[activities]
impl Engines {
    #[activity(definition = definition::LoadDomain)]
    async fn load_domain(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::LoadDomainRequest,
    ) -> Result<wire::DomainRecord, ActivityError> {
        self.act(|world, _| world.store.load(input.now_ms)).await
    }

    #[activity(definition = definition::WriteStatus)]
    async fn write_status(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::WriteStatusRequest,
    ) -> Result<wire::WriteStatusReply, ActivityError> {
        self.act(|world, now| world.report(now, &input)).await
    }

    #[activity(definition = definition::RecordInventory)]
    async fn record_inventory(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::RecordInventoryRequest,
    ) -> Result<wire::RecordInventoryReply, ActivityError> {
        self.act(|world, _| world.store.record(&input)).await
    }

    #[activity(definition = definition::DeleteRow)]
    async fn delete_row(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::DeleteRowRequest,
    ) -> Result<wire::DeleteRowReply, ActivityError> {
        self.act(|world, _| world.store.delete(&input)).await
    }

    #[activity(definition = definition::SavePreflightToken)]
    async fn save_preflight_token(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::SavePreflightTokenRequest,
    ) -> Result<wire::SavePreflightTokenReply, ActivityError> {
        Ok(wire::SavePreflightTokenReply { token: "token".to_owned(), body: input.host })
    }

    #[activity(definition = definition::SweepRows)]
    async fn sweep_rows(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::SweepRequest,
    ) -> Result<wire::SweepPage, ActivityError> {
        self.act(|world, now| world.store.sweep(now)).await
    }

    #[activity(definition = definition::LookUpHost)]
    async fn look_up_host(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::LookUpHostRequest,
    ) -> Result<wire::HostLook, ActivityError> {
        self.act(|world, now| world.look_up(now, &input.own_target)).await
    }

    #[activity(definition = definition::PreflightHttp01)]
    async fn preflight_http01(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::PreflightRequest,
    ) -> Result<wire::PreflightLook, ActivityError> {
        self.act(World::preflight).await
    }

    #[activity(definition = definition::ProbeHost)]
    async fn probe_host(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::ProbeRequest,
    ) -> Result<wire::ProbeLook, ActivityError> {
        self.act(|world, now| world.probe_of_the_run(now, &input.fingerprint_sha256)).await
    }

    #[activity(definition = definition::ProbeHosts)]
    async fn probe_hosts(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::ProbeBatchRequest,
    ) -> Result<wire::ProbeBatchReply, ActivityError> {
        self.act(|world, now| {
            let looks = input.probes.iter().map(|probe| world.probe(now, &probe.fingerprint_sha256)).collect();
            wire::ProbeBatchReply { looks }
        })
        .await
    }

    #[activity(definition = definition::ReadCertificate)]
    async fn read_certificate(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::ReadCertificateRequest,
    ) -> Result<wire::CertificateLook, ActivityError> {
        self.cluster(|world, now| world.certificate(now, input.ordered_ms)).await
    }

    /// Lets the server's clock run while it waits, as real time would.
    #[activity(definition = definition::AwaitCertificate)]
    async fn await_certificate(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: wire::ReadCertificateRequest,
    ) -> Result<wire::CertificateLook, ActivityError> {
        let end = self.clock.now_ms().await? + AWAIT_MS;
        loop {
            let look = self.cluster(|world, now| world.certificate(now, input.ordered_ms)).await?;
            let finding = look.finding.clone().unwrap_or_default();
            let seen = (&input.seen_state, &input.seen_reason, &input.seen_fingerprint_sha256);
            let differs = (&finding.state, &finding.reason, &look.fingerprint_sha256) != seen;
            if differs || self.clock.now_ms().await? >= end {
                return Ok(look);
            }
            self.clock.pass(AWAIT_STEP).await?;
            self.beat(&ctx).await?;
        }
    }

    #[activity(definition = definition::ReadEdge)]
    async fn read_edge(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::ReadEdgeRequest,
    ) -> Result<wire::EdgeLook, ActivityError> {
        self.cluster(|world, _| world.edge_objects(&input.fingerprint_sha256)).await
    }

    #[activity(definition = definition::ApplyStep)]
    async fn apply_step(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::ApplyStepRequest,
    ) -> Result<wire::ApplyStepReply, ActivityError> {
        self.cluster(|world, now| world.step(now, &input)).await
    }

    #[activity(definition = definition::ReadBack)]
    async fn read_back(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::ReadBackRequest,
    ) -> Result<wire::ReadBackReply, ActivityError> {
        self.cluster(|world, now| world.read_back(now, &input.objects)).await
    }

    #[activity(definition = definition::SweepCopies)]
    async fn sweep_copies(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::SweepCopiesRequest,
    ) -> Result<wire::SweepCopiesReply, ActivityError> {
        self.cluster(|world, now| {
            world.authority.turn(now);
            let stale = world.authority.secret.is_some() && world.edge.copy != world.authority.secret;
            wire::SweepCopiesReply { portal_domain_ids: if stale { vec![DOMAIN.to_owned()] } else { Vec::new() } }
        })
        .await
    }

    #[activity(definition = definition::WakeDomain)]
    async fn wake_domain(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: wire::WakeDomainRequest,
    ) -> Result<wire::WakeDomainReply, ActivityError> {
        let message = super::life::announcement("refresh");
        self.client
            .signal_with_start_workflow(
                UntypedWorkflow::new(names::PORTAL_DOMAIN_WORKFLOW),
                message.clone(),
                UntypedSignal::new(names::RECONCILE_SIGNAL),
                message,
                WorkflowStartOptions::new(names::PORTAL_DOMAIN_QUEUE, names::portal_domain_workflow_id(TENANT)).build(),
            )
            .await?;
        self.act(|world, now| world.note(now, format!("wake {}", input.why))).await?;
        Ok(wire::WakeDomainReply {})
    }

    /// The Java test server cannot list runs.
    #[activity(definition = definition::FindLostRuns)]
    async fn find_lost_runs(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::FindLostRunsRequest,
    ) -> Result<wire::FindLostRunsReply, ActivityError> {
        Ok(wire::FindLostRunsReply::default())
    }

    #[activity(definition = definition::WriteManifests)]
    async fn write_manifests(
        self: Arc<Self>,
        _ctx: ActivityContext,
        _input: wire::WriteManifestsRequest,
    ) -> Result<wire::WriteManifestsReply, ActivityError> {
        Ok(wire::WriteManifestsReply { outcome: "off".to_owned() })
    }
}
