//! CPU of the worker per creation beside a Node worker that does the same: the same activities in the same order, the same SQL
//! texts, the same two hashes and one mail over HTTP. Rounds in turns, fresh processes, one Temporal server and database; only
//! the worker that is measured runs. `cargo run --release -p bench --bin tenants-beside-node`.
//!
//! The Node half is `tests/bench/js/tenant-*.js`: plain JavaScript on `@temporalio/worker` and `pg`, without checks of the
//! input, repair, metrics and logs, which the worker has. Needs Node 20 and `npm ci` there. Variables: `BENCH_ROUNDS` (3),
//! `BENCH_CREATIONS` (300), `BENCH_WIDTH` (20).

use super::hashing::PER_CREATION;
use super::world::{Kind, World};
use crate::measure::{cpu_seconds, median, number, resident_mb};
use crate::node::{bundle, end, js};
use crate::statements::{Mark, log_all};
use anyhow::Context as _;
use futures::{TryStreamExt as _, stream};
use serde_json::json;
use std::path::{Path, PathBuf};
use tokio::process::{Child, Command};

/// Node compiles hot code late; both start the measured part warm.
const WARM: usize = 60;
/// Queue of the Node worker.
const NODE_QUEUE: &str = "bench-node-tenants";
/// Queue of the worker under test.
const RUST_QUEUE: &str = "tenant-workflows";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Rust,
    Node,
}

impl Side {
    const BOTH: [Self; 2] = [Self::Rust, Self::Node];

    const fn queue(self) -> &'static str {
        match self {
            Self::Rust => RUST_QUEUE,
            Self::Node => NODE_QUEUE,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Node => "node",
        }
    }
}

/// What one side cost in one round.
#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu_ms: f64,
    resident_mb: f64,
}

/// The Node half, ready to be started.
struct Node {
    js: PathBuf,
    bundle: PathBuf,
}

/// A worker that runs.
enum Running {
    Rust,
    Node(Box<Child>),
}

pub(super) async fn measure(hash_ms: f64) -> anyhow::Result<()> {
    let js = js()?;
    let node_hash_ms = node_hash_ms(&js).await?;
    let world = World::start("bench-tenants-node").await?;
    let node = Node { bundle: bundle(&js, "./tenant-workflows", world.rig.stack.root()).await?, js };
    world.rig.stack.stop_part("worker").await?;
    let (mut rust, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=number("BENCH_ROUNDS", 3) {
        let order = if round % 2 == 1 { Side::BOTH } else { [Side::Node, Side::Rust] };
        for side in order {
            let cost = one(&world, &node, side, round).await?;
            println!("round {round} {side:?}: {cost:?}");
            match side {
                Side::Rust => rust.push(cost),
                Side::Node => theirs.push(cost),
            }
        }
    }
    let statements = [statements(&world, &node, Side::Rust).await?, statements(&world, &node, Side::Node).await?];
    report(&rust, &theirs, [hash_ms, node_hash_ms], statements)?;
    world.stop().await
}

/// One fresh process through the creations of one round.
async fn one(world: &World, node: &Node, side: Side, round: usize) -> anyhow::Result<Cost> {
    let (running, pid) = start(world, node, side).await?;
    let (creations, width) = (number("BENCH_CREATIONS", 300), number("BENCH_WIDTH", 20));
    many(world, side, &format!("{}{round}warm", side.word()), WARM, width).await?;
    let begin = cpu_seconds(pid)?;
    many(world, side, &format!("{}{round}n", side.word()), creations, width).await?;
    let cpu_ms = (cpu_seconds(pid)? - begin) * 1e3 / creations.max(1) as f64;
    let cost = Cost { cpu_ms, resident_mb: resident_mb(pid)? };
    stop(world, running, pid).await?;
    Ok(cost)
}

async fn many(world: &World, side: Side, word: &str, creations: usize, width: usize) -> anyhow::Result<()> {
    stream::iter((0..creations).map(Ok::<_, anyhow::Error>))
        .try_for_each_concurrent(width.max(1), |n| async move {
            world.create_on(side.queue(), Kind::Manual, &format!("{word}{n}")).await.map(drop)
        })
        .await
}

/// Statements of one creation, once the process is warm.
async fn statements(world: &World, node: &Node, side: Side) -> anyhow::Result<u32> {
    let (running, pid) = start(world, node, side).await?;
    many(world, side, &format!("{}before", side.word()), 1, 1).await?;
    log_all(&world.rig.database).await?;
    let mark = Mark::now(&world.database_log()?)?;
    many(world, side, &format!("{}counted", side.word()), 1, 1).await?;
    let counted = mark.until_now()?.statements;
    stop(world, running, pid).await?;
    Ok(counted)
}

async fn start(world: &World, node: &Node, side: Side) -> anyhow::Result<(Running, i32)> {
    match side {
        Side::Rust => {
            world.rig.stack.start_part("worker").await?;
            Ok((Running::Rust, world.worker()?))
        }
        Side::Node => {
            let child = Command::new("node")
                .arg(node.js.join("worker.js"))
                .args([NODE_QUEUE, "./tenant-activities"])
                .envs(&world.rig.environment)
                .env("BUNDLE", &node.bundle)
                .env("NODE_ENV", "production")
                .kill_on_drop(true)
                .spawn()?;
            let pid = i32::try_from(child.id().context("the worker ended at once")?)?;
            Ok((Running::Node(Box::new(child)), pid))
        }
    }
}

async fn stop(world: &World, running: Running, pid: i32) -> anyhow::Result<()> {
    match running {
        Running::Rust => Ok(world.rig.stack.stop_part("worker").await?),
        Running::Node(mut child) => end(&mut child, pid).await,
    }
}

/// CPU milliseconds of one hash in Node.
async fn node_hash_ms(js: &Path) -> anyhow::Result<f64> {
    let output = Command::new("node").arg(js.join("hashing.js")).output().await?;
    anyhow::ensure!(output.status.success(), "hashing.js failed");
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

fn report(rust: &[Cost], node: &[Cost], hashes: [f64; 2], statements: [u32; 2]) -> anyhow::Result<()> {
    let cpu = |costs: &[Cost]| costs.iter().map(|cost| cost.cpu_ms).collect::<Vec<_>>();
    let memory = |costs: &[Cost]| median(&costs.iter().map(|cost| cost.resident_mb).collect::<Vec<_>>());
    let both = [median(&cpu(rust)), median(&cpu(node))];
    let [rust_hashes, node_hashes] = hashes.map(|hash| hash * f64::from(PER_CREATION));
    let rest = [both[0] - rust_hashes, both[1] - node_hashes];
    // Each round without its hashes, so that one odd round shows.
    let mut ratios: Vec<f64> =
        cpu(rust).iter().zip(cpu(node)).map(|(r, n)| (r - rust_hashes) / (n - node_hashes)).collect();
    ratios.sort_by(f64::total_cmp);
    let shown: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    println!("| median of {} rounds | Rust | Node | Rust / Node |\n|---|---|---|---|", rust.len());
    let row = |what: &str, [r, n]: [f64; 2]| println!("| {what} | {r:.1} | {n:.1} | {:.2} |", r / n);
    row("creation: CPU ms", both);
    row("of which hashing: CPU ms", [rust_hashes, node_hashes]);
    row("creation without hashing: CPU ms", rest);
    row("memory after the creations: MB", [memory(rust), memory(node)]);
    row("statements", statements.map(f64::from));
    println!("ratios of the rounds without hashing: {}", shown.join(" "));
    let json = json!({
        "rust_cpu_ms": both[0], "node_cpu_ms": both[1], "rust_hashing_ms": rust_hashes, "node_hashing_ms": node_hashes,
        "ratio_without_hashing": rest[0] / rest[1], "rounds": ratios, "statements": statements,
        "rust_mb": memory(rust), "node_mb": memory(node),
    });
    println!("{}", serde_json::to_string(&json)?);
    Ok(())
}
