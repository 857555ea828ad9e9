//! Kubernetes requests and SQL statements of one domain's change at 10, 1,000 and 10,000 domains.
//!
//! The change: the route of a live domain is deleted, and the update `reconcile` puts it back. The other domains are copies of
//! a live one's objects and rows, so the worker's watches index them like its own. Once all measured domains are live,
//! cert-manager, Envoy and the schedule of the sweep are stopped: what is counted is the worker's own work for this domain.
//! Variables: `BENCH_SIZES` (10,1000,10000), `BENCH_SAMPLES` (2).

mod count;
mod seed;

use crate::measure::{number, resident_mb};
use crate::statements::log_all;
use anyhow::Context as _;
use harness::{Domain, Rig, eventually};
use std::time::{Duration, Instant};
use temporalio_client::schedules::DeleteScheduleOptions;
use temporalio_client::{UntypedWorkflow, WorkflowTerminateOptions};

/// Parts that write or read what the worker counts, and are not needed once the measured domains are live.
const STOPPED: [&str; 4] = ["envoy", "issuer", "acme", "selfcheck-proxy"];
/// A round ends, and the next look at a degraded edge repairs it, within this time.
const ROUND_MAX: Duration = Duration::from_secs(90);
/// What follows the repair (the row is written) has ended by then; the patient probe asks nothing that is counted.
const AFTERWARDS: Duration = Duration::from_secs(3);

/// Runs the program.
///
/// # Errors
/// A part of the stack failed, or a workflow did.
pub fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let sizes: Vec<i64> = match std::env::var("BENCH_SIZES") {
        Ok(text) => text.split(',').map(str::parse).collect::<Result<_, _>>()?,
        Err(_) => vec![10, 1_000, 10_000],
    };
    let samples = number("BENCH_SAMPLES", 2);
    // The client that seeds; the worker and the harness choose their own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let rig = Rig::start("scale").await?;
    // Before there is a row: a sweep that runs on would wake the measured domains and look at the others.
    let sweep = rig.temporal.get_schedule_handle("portal-domain-sweep");
    sweep.delete(DeleteScheduleOptions::default()).await?;
    count::audit_requests(&rig).await?;
    let mut live = Vec::new();
    for n in 0..sizes.len() * samples {
        let domain = rig.domain(&format!("measured-{n}")).await?;
        domain.go_live(&rig).await.with_context(|| format!("domain {n}"))?;
        live.push(domain);
    }
    for part in STOPPED {
        rig.stack.stop_part(part).await?;
    }
    log_all(&rig.database).await?;

    let worker = rig.stack.status().into_iter().find(|part| part.name == "worker").and_then(|part| part.pid);
    let worker = worker.context("no worker")?;
    let template = live.last().context("no live domain")?.clone();
    let mut seeds = seed::Seeds::of(&rig, &template).await?;
    let mut left = live.into_iter();
    for size in sizes {
        let begin = Instant::now();
        seeds.up_to(&rig, size).await?;
        println!("{size} domains: seeded in {:.0} s", begin.elapsed().as_secs_f64());
        for domain in left.by_ref().take(samples) {
            let counted = change(&rig, &domain).await?;
            println!("{size} domains: {counted}");
        }
        println!("{size} domains: worker RSS {:.1} MB", resident_mb(worker)?);
    }
    rig.stop().await
}

/// Takes the route away, asks for a round, and counts what the worker did until the route was back and the row written.
async fn change(rig: &Rig, domain: &Domain) -> anyhow::Result<count::Counted> {
    let name = format!("portal-domain-vs-{}", domain.id);
    let kind = "virtualservices.networking.istio.io";
    rig.kubectl.run(&["delete", kind, "-n", "msp", &name], None).await?;
    // The watches have seen it go once the listing of the API server has, and a moment.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mark = count::Mark::now(rig)?;
    let reply = tokio::time::timeout(ROUND_MAX, domain.reconcile(rig)).await.context("the round does not end")??;
    eventually("the route is back", ROUND_MAX, || async {
        match rig.kubectl.object(kind, "msp", &name).await {
            Ok(Some(_)) => Ok(()),
            other => Err(format!("{other:?}, {reply:?}")),
        }
    })
    .await?;
    tokio::time::sleep(AFTERWARDS).await;
    let counted = mark.until_now(rig)?;
    // Its later looks at the stopped edge must not be counted for the next one.
    let run = rig.temporal.get_workflow_handle::<UntypedWorkflow>(domain.workflow_id());
    run.terminate(WorkflowTerminateOptions::default()).await?;
    Ok(counted)
}
