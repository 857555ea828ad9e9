//! Starts workflows and waits for them, whoever runs them.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use std::time::Duration;
use temporalio_client::{
    Client, UntypedSignal, UntypedWorkflow, UntypedWorkflowHandle, WorkflowDescribeOptions, WorkflowGetResultOptions,
    WorkflowSignalOptions, WorkflowStartOptions,
};
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::Payload;

/// Events that one turn of a loop adds: timer, two workflow tasks, one activity.
const EVENTS_OF_A_TURN: f64 = 11.0;
/// Workflow tasks of one turn.
const TASKS_OF_A_TURN: f64 = 2.0;
/// Events of a loop that has turned: its turns are steady from then on.
const TURNING: usize = 16;

/// Workflows of one queue.
pub(crate) struct Load<'a> {
    client: &'a Client,
    queue: String,
}

impl<'a> Load<'a> {
    pub(crate) fn new(client: &'a Client, queue: String) -> Self {
        Self { client, queue }
    }

    pub(crate) fn queue(&self) -> &str {
        &self.queue
    }

    async fn start(&self, kind: &str, interval_ms: u64) -> anyhow::Result<UntypedWorkflowHandle<Client>> {
        // Random parts, so that no two rounds share an id.
        let id = format!("{}:{kind}:{}", self.queue, uuid());
        let argument = json!({ "tenantId": id, "intervalMs": interval_ms });
        let options = WorkflowStartOptions::new(self.queue.clone(), id).build();
        Ok(self.client.start_workflow(UntypedWorkflow::new(kind), raw(&argument), options).await?)
    }

    /// Runs `count` workflows, `width` at a time, and waits for every result.
    pub(crate) async fn many(&self, kind: &str, count: usize, width: usize) -> anyhow::Result<()> {
        stream::iter((0..count).map(Ok::<_, anyhow::Error>))
            .try_for_each_concurrent(width, |_| async move {
                self.start(kind, 0).await?.get_result(WorkflowGetResultOptions::default()).await?;
                Ok(())
            })
            .await
    }

    /// Lets loops of one second turn for `window`: the worker's CPU seconds, and the workflow tasks done, counted by the
    /// growth of the histories.
    pub(crate) async fn loops(
        &self,
        count: usize,
        window: Duration,
        cpu: impl Fn() -> anyhow::Result<f64>,
    ) -> anyhow::Result<(f64, f64)> {
        let starts = stream::iter(0..count).map(|_| self.start("benchLoop", 1000)).buffer_unordered(20);
        let loops: Vec<_> = starts.try_collect().await?;
        while self.events(&loops).await?.iter().min().is_none_or(|least| *least < TURNING) {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let sum = |events: Vec<usize>| events.iter().sum::<usize>() as f64;
        let (events, used) = (sum(self.events(&loops).await?), cpu()?);
        tokio::time::sleep(window).await;
        let (used, events) = (cpu()? - used, sum(self.events(&loops).await?) - events);
        for one in &loops {
            one.signal(UntypedSignal::new("stop"), RawValue::new(Vec::new()), WorkflowSignalOptions::default()).await?;
        }
        for one in &loops {
            one.get_result(WorkflowGetResultOptions::default()).await?;
        }
        Ok((used, events / EVENTS_OF_A_TURN * TASKS_OF_A_TURN))
    }

    async fn events(&self, loops: &[UntypedWorkflowHandle<Client>]) -> anyhow::Result<Vec<usize>> {
        let looks = loops.iter().map(|one| async move {
            Ok::<_, anyhow::Error>(one.describe(WorkflowDescribeOptions::default()).await?.history_length())
        });
        stream::iter(looks).buffer_unordered(20).try_collect().await
    }
}

fn uuid() -> String {
    // Two random hash seeds of the standard library: unique enough for an id, without another dependency.
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

fn raw(value: &serde_json::Value) -> RawValue {
    RawValue::new(vec![Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: value.to_string().into_bytes(),
        ..Payload::default()
    }])
}
