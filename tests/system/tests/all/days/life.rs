//! One domain's life on a clock of its own: the test lets time pass, sweeps, acts as the application, and reads the history.

use super::engines::{Engines, lock};
use super::server::{Clock, TestServer};
use super::store::{DOMAIN, TENANT};
use super::worker::InProcess;
use super::world::World;
use anyhow::{Context as _, ensure};
use contract::names;
use proto::v1::ExplainReply;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use temporalio_client::errors::WorkflowStartError;
use temporalio_client::tonic::IntoRequest as _;
use temporalio_client::{
    NamespacedClient as _, UntypedQuery, UntypedSignal, UntypedWorkflow, WorkflowGetResultOptions,
    WorkflowQueryOptions, WorkflowSignalOptions, WorkflowStartOptions,
};
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::{Payload, WorkflowExecution};
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_common::protos::temporal::api::workflowservice::v1::GetWorkflowExecutionHistoryRequest;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// Longest real time until something that needs no time has happened.
const SOON: Duration = Duration::from_secs(20);
/// Events that the round under way may add to a run after it reached the contract's 2,000.
const HISTORY_MAX: usize = 2_000 + 200;

/// A running server, worker and world.
pub(super) struct Life {
    server: TestServer,
    worker: InProcess,
    world: Arc<Mutex<World>>,
    pub(super) clock: Clock,
    /// Run id of the first run.
    first: String,
    sweeps: u32,
    /// Between two sweeps while time passes. The real ones are a minute apart; nothing follows from one that finds nothing,
    /// so a test sweeps where the world changes, and otherwise as often as it needs.
    pub(super) sweep_every: Duration,
}

/// Lives one life on a server of its own.
pub(super) fn live(test: impl AsyncFnOnce(&mut Life) -> anyhow::Result<()>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outcome = runtime.block_on(async {
        let mut life = Life::begin().await?;
        let lived = test(&mut life).await;
        if let Err(error) = &lived {
            println!("{}", life.diary());
            println!("failed: {error:#}");
        }
        let complaints = life.world(|world| world.complaints());
        let ended = tokio::task::block_in_place(|| life.worker.end());
        lived.and(ended)?;
        ensure!(complaints.is_empty(), "{complaints:?}");
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error:#}");
    }
}

impl Life {
    async fn begin() -> anyhow::Result<Self> {
        let server = TestServer::start().await?;
        let (clock, world) = (server.clock(), Arc::new(Mutex::new(World::default())));
        let engines = Engines { world: world.clone(), clock: clock.clone(), client: server.client.clone() };
        let worker = InProcess::of_domains(server.client.clone(), engines)?;
        let now = clock.now_ms().await?;
        lock(&world).store.register(now);
        Ok(Self { server, worker, world, clock, first: String::new(), sweeps: 0, sweep_every: 6 * HOUR })
    }

    /// Looks at or changes the world.
    pub(super) fn world<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        with(&mut lock(&self.world))
    }

    pub(super) async fn now_ms(&self) -> anyhow::Result<i64> {
        self.clock.now_ms().await
    }

    /// The application's enqueue: start, and signal where a run is open.
    pub(super) async fn announce(&mut self, trigger: &str) -> anyhow::Result<()> {
        let options = WorkflowStartOptions::new(names::PORTAL_DOMAIN_QUEUE, workflow_id()).build();
        let workflow = UntypedWorkflow::new(names::PORTAL_DOMAIN_WORKFLOW);
        match self.server.client.start_workflow(workflow, announcement(trigger), options).await {
            Ok(handle) => {
                self.first = handle.run_id().unwrap_or_default().to_owned();
                Ok(())
            }
            Err(WorkflowStartError::AlreadyStarted { .. }) => self.signal(trigger).await,
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn signal(&self, trigger: &str) -> anyhow::Result<()> {
        let handle = self.server.client.get_workflow_handle::<UntypedWorkflow>(workflow_id());
        let signal = UntypedSignal::new(names::RECONCILE_SIGNAL);
        handle.signal(signal, announcement(trigger), WorkflowSignalOptions::default()).await?;
        Ok(())
    }

    /// Lets time pass without a sweep.
    pub(super) async fn pass(&self, by: Duration) -> anyhow::Result<()> {
        self.clock.pass(by).await
    }

    /// Lets time pass as it does, with sweeps.
    pub(super) async fn pass_watched(&mut self, by: Duration) -> anyhow::Result<()> {
        let mut left = by;
        while left > Duration::ZERO {
            let step = left.min(self.sweep_every);
            self.pass(step).await?;
            self.sweep().await?;
            left -= step;
        }
        Ok(())
    }

    /// One run of the real sweep.
    pub(super) async fn sweep(&mut self) -> anyhow::Result<()> {
        self.sweeps += 1;
        let id = format!("{}-{}", names::PORTAL_DOMAIN_SWEEP_SCHEDULE, self.sweeps);
        let options = WorkflowStartOptions::new(names::PORTAL_DOMAIN_QUEUE, id).build();
        let workflow = UntypedWorkflow::new(names::PORTAL_DOMAIN_SWEEP_WORKFLOW);
        let handle = self.server.client.start_workflow(workflow, RawValue::new(Vec::new()), options).await?;
        handle.get_result(WorkflowGetResultOptions::default()).await.context("the sweep")?;
        Ok(())
    }

    /// Waits, in real time, until the world is as it should be by now.
    pub(super) async fn becomes(&self, what: &str, is: impl Fn(&World) -> bool) -> anyhow::Result<()> {
        let asked = harness::eventually(what, SOON, || async {
            self.world(|world| if is(world) { Ok(()) } else { Err(world.store.status().to_owned()) })
        });
        asked.await
    }

    /// Waits for a status.
    pub(super) async fn reaches(&self, status: &str) -> anyhow::Result<()> {
        self.becomes(status, |world| world.store.status() == status).await
    }

    /// Registers with a good record and goes live within minutes.
    pub(super) async fn go_live(&mut self) -> anyhow::Result<()> {
        let now = self.now_ms().await?;
        self.world(|world| world.dns.from(now, super::script::DnsSays::Here));
        self.announce("register").await?;
        self.pass(5 * MINUTE).await?;
        self.reaches("active").await?;
        self.rests("nothing").await
    }

    pub(super) async fn explain(&self) -> anyhow::Result<ExplainReply> {
        let handle = self.server.client.get_workflow_handle::<UntypedWorkflow>(workflow_id());
        let query = UntypedQuery::new("explain");
        let answer = handle.query(query, RawValue::new(Vec::new()), WorkflowQueryOptions::default()).await?;
        let payload = answer.payloads.first().context("an empty answer")?;
        Ok(serde_json::from_slice(&payload.data)?)
    }

    /// Waits until the run rests, waiting for this.
    pub(super) async fn rests(&self, waiting_for: &str) -> anyhow::Result<()> {
        harness::eventually(waiting_for, SOON, || async {
            let reply = self.explain().await.map_err(|error| error.to_string())?;
            if reply.waiting_for.starts_with(waiting_for) { Ok(()) } else { Err(reply.waiting_for) }
        })
        .await
    }

    /// The shared end of a live domain: quite good, quiet, and with bounded histories.
    pub(super) async fn ends_well(&self) -> anyhow::Result<()> {
        self.pass(MINUTE).await?;
        self.reaches("active").await?;
        self.rests("nothing").await?;
        let face = self.explain().await?.status.unwrap_or_default();
        ensure!(face.phase == "active" && face.reason.is_empty(), "not quite good: {face:?}");
        self.histories_are_bounded().await
    }

    /// Waits until the run has completed.
    pub(super) async fn ended(&self) -> anyhow::Result<()> {
        harness::eventually("the end of the run", SOON, || async {
            let runs = self.runs().await.map_err(|error| error.to_string())?;
            match runs.last().and_then(|run| run.last()).and_then(|event| event.attributes.as_ref()) {
                Some(Attributes::WorkflowExecutionCompletedEventAttributes(_)) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    pub(super) async fn histories_are_bounded(&self) -> anyhow::Result<()> {
        for (n, run) in self.runs().await?.iter().enumerate() {
            ensure!(run.len() <= HISTORY_MAX, "run {n} has {} events", run.len());
        }
        Ok(())
    }

    /// The histories of the whole chain of runs, oldest first.
    pub(super) async fn runs(&self) -> anyhow::Result<Vec<Vec<HistoryEvent>>> {
        let (mut runs, mut next) = (Vec::new(), self.first.clone());
        while !next.is_empty() {
            let run = self.history(&next).await?;
            next = match run.last().and_then(|event| event.attributes.as_ref()) {
                Some(Attributes::WorkflowExecutionContinuedAsNewEventAttributes(seam)) => {
                    seam.new_execution_run_id.clone()
                }
                _ => String::new(),
            };
            runs.push(run);
        }
        Ok(runs)
    }

    async fn history(&self, run_id: &str) -> anyhow::Result<Vec<HistoryEvent>> {
        let (mut events, mut page) = (Vec::new(), Vec::new());
        loop {
            let request = GetWorkflowExecutionHistoryRequest {
                namespace: self.server.client.namespace(),
                execution: Some(WorkflowExecution { workflow_id: workflow_id(), run_id: run_id.to_owned() }),
                next_page_token: page,
                ..GetWorkflowExecutionHistoryRequest::default()
            };
            let mut service = self.server.client.connection().workflow_service();
            let answer = service.get_workflow_execution_history(request.into_request()).await?.into_inner();
            events.extend(answer.history.unwrap_or_default().events);
            page = answer.next_page_token;
            if page.is_empty() {
                return Ok(events);
            }
        }
    }

    /// The last things that happened, for a test that failed.
    fn diary(&self) -> String {
        self.world(|world| {
            let began = world.log.first().map_or(0, |(at, _)| *at);
            let last = world.log.iter().rev().take(60).rev();
            let line = |(at, what): &(i64, String)| format!("{:>10.4} d  {what}\n", (at - began) as f64 / 86_400_000.0);
            last.map(line).collect()
        })
    }
}

fn workflow_id() -> String {
    names::portal_domain_workflow_id(TENANT)
}

/// What the application sends.
pub(super) fn announcement(trigger: &str) -> RawValue {
    let message = serde_json::json!({ "tenantId": TENANT, "portalDomainId": DOMAIN, "trigger": trigger });
    RawValue::new(vec![Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: message.to_string().into_bytes(),
        ..Payload::default()
    }])
}
