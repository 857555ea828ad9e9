//! Numbers of tenant creation on real Temporal and PostgreSQL, with Stripe, shop and mail provider scripted.
//! `cargo run --release -p bench --bin tenants`, with `TENANTRY_BINARY` set to a release build of the executable.
//!
//! For each kind of creation: one after the other while nothing else runs, then many at once. Statements are counted last,
//! because their log costs time. Variables: `BENCH_KINDS` (manual,checkout), `BENCH_CREATIONS` (100), `BENCH_BURST` (1000),
//! `BENCH_WIDTH` (50), `BENCH_COUNTED` (10). Prints a table, then the same as one line of JSON.

mod burst;
mod hashing;
mod node;
mod outside;
mod report;
mod world;

use crate::measure::{number, percentile, resident_mb};
use crate::statements::{Mark, log_all};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use report::{Counts, KindReport, Range, Report};
use std::time::Duration;
use world::{Kind, World};

/// Creations before the first that is timed: connections are open and caches filled.
const WARM: usize = 5;
/// Histories that are looked at.
const HISTORIES: usize = 20;

/// Runs the program.
///
/// # Errors
/// A part of the stack failed, a creation that was alone did, or there are not as many tenants as were created.
pub fn run() -> anyhow::Result<()> {
    let hash_ms = hashing::cost_ms()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure(hash_ms))
}

/// Runs the comparison with Node: see the head of `tenants/node.rs`.
///
/// # Errors
/// Node or its packages are not there, a part of the stack failed, or a creation did.
pub fn beside_node() -> anyhow::Result<()> {
    let hash_ms = hashing::cost_ms()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(node::measure(hash_ms))
}

async fn measure(hash_ms: f64) -> anyhow::Result<()> {
    let kinds = kinds()?;
    let world = World::start("bench-tenants").await?;
    let mut report = Report { hash_cpu_ms: hash_ms, worker_idle_mb: resident_mb(world.worker()?)?, kinds: Vec::new() };
    let mut created = 0;
    for kind in &kinds {
        let alone = one_by_one(&world, *kind).await?;
        let (events, workflow_tasks) = histories(&world, *kind).await?;
        let burst = burst::run(&world, *kind, number("BENCH_BURST", 1_000), number("BENCH_WIDTH", 50)).await?;
        created += WARM + alone.creations + burst.creations - burst.errors;
        report.kinds.push(KindReport { kind: kind.word(), alone, events, workflow_tasks, burst, counts: None });
    }
    log_all(&world.rig.database).await?;
    for (kind, of) in kinds.iter().zip(&mut report.kinds) {
        let counts = counts(&world, *kind).await?;
        created += 2 * counts.creations;
        of.counts = Some(counts);
    }
    report.print()?;
    let there = world.tenants().await?;
    anyhow::ensure!(there == created, "{created} creations completed, and there are {there} tenants");
    world.stop().await
}

fn kinds() -> anyhow::Result<Vec<Kind>> {
    let Ok(text) = std::env::var("BENCH_KINDS") else { return Ok(Kind::ALL.to_vec()) };
    let kind = |word: &str| Kind::ALL.into_iter().find(|kind| kind.word() == word);
    text.split(',').map(|word| kind(word).ok_or_else(|| anyhow::anyhow!("BENCH_KINDS: no kind {word}"))).collect()
}

/// Each is created when the one before it is complete.
async fn one_by_one(world: &World, kind: Kind) -> anyhow::Result<report::Alone> {
    for n in 0..WARM {
        world.create(kind, &format!("{}warm{n}", kind.word())).await?;
    }
    let mut took: Vec<Duration> = Vec::new();
    for n in 0..number("BENCH_CREATIONS", 100) {
        took.push(world.create(kind, &alone(kind, n)).await?);
    }
    let (p50_ms, p99_ms) = (percentile(&mut took, 50), percentile(&mut took, 99));
    Ok(report::Alone { creations: took.len(), p50_ms, p99_ms })
}

fn alone(kind: Kind, n: usize) -> String {
    format!("{}alone{n}", kind.word())
}

async fn histories(world: &World, kind: Kind) -> anyhow::Result<(Range, Range)> {
    let looked = number("BENCH_CREATIONS", 100).min(HISTORIES);
    let sizes: Vec<(usize, usize)> = stream::iter(0..looked)
        .then(|n| async move { world.history_size(&alone(kind, n)).await })
        .try_collect()
        .await?;
    Ok((Range::of(sizes.iter().map(|size| size.0)), Range::of(sizes.iter().map(|size| size.1))))
}

/// Statements and requests: of each of some creations alone, and of as many at once.
async fn counts(world: &World, kind: Kind) -> anyhow::Result<Counts> {
    let (log, creations) = (world.database_log()?, number("BENCH_COUNTED", 10));
    let (mut statements, mut requests) = (Vec::new(), Vec::new());
    for n in 0..creations {
        let (mark, asked) = (Mark::now(&log)?, world.outside.asked());
        world.create(kind, &format!("{}counted{n}", kind.word())).await?;
        statements.push(mark.until_now()?.statements as usize);
        requests.push(usize::try_from(world.outside.asked() - asked)?);
    }
    let mark = Mark::now(&log)?;
    stream::iter((0..creations).map(Ok::<_, anyhow::Error>))
        .try_for_each_concurrent(creations.max(1), |n| async move {
            world.create(kind, &format!("{}together{n}", kind.word())).await.map(drop)
        })
        .await?;
    let together = mark.until_now()?.statements as usize;
    Ok(Counts {
        creations,
        statements: Range::of(statements),
        statements_at_once: together as f64 / creations.max(1) as f64,
        requests: Range::of(requests),
    })
}
