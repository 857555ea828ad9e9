//! CPU of a Rust worker beside a Node worker: rounds in turns, fresh processes, one Temporal server, ratios of one run.
//!
//! Needs Node 20 and `npm ci` in `tests/bench/js`. Variables: `BENCH_ROUNDS` (5), `BENCH_STARTS` (300), `BENCH_LOOPS` (100),
//! `BENCH_SECONDS` (20). Prints a line per round and worker, then a table of medians.

mod load;

use crate::measure::{cpu_seconds, median, number, resident_mb};
use anyhow::Context as _;
use harness::Rig;
use load::Load;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::{Child, Command};

/// CPU milliseconds of one worker process per unit of each workload, and its idle memory.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    registration_ms: f64,
    loop_task_ms: f64,
    domain_ms: f64,
    idle_mb: f64,
}

/// Sizes of the workloads.
struct Sizes {
    starts: usize,
    loops: usize,
    window: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rust,
    Node,
}

/// Runs the program.
///
/// # Errors
/// A part of the stack failed, or a workflow did.
pub fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let sizes = Sizes {
        starts: number("BENCH_STARTS", 300),
        loops: number("BENCH_LOOPS", 100),
        window: Duration::from_secs(number("BENCH_SECONDS", 20) as u64),
    };
    let js = js()?;
    let rig = Rig::start("node").await?;
    only_temporal(&rig).await?;
    let bundle = bundle(&js, "./workflows", rig.stack.root()).await?;
    let (mut rust, mut node) = (Vec::new(), Vec::new());
    for round in 1..=number("BENCH_ROUNDS", 5) {
        let order = if round % 2 == 1 { [Kind::Rust, Kind::Node] } else { [Kind::Node, Kind::Rust] };
        for kind in order {
            let cost = one(&rig, kind, round, &js, &bundle, &sizes).await?;
            println!("round {round} {kind:?}: {cost:?}");
            if kind == Kind::Rust { rust.push(cost) } else { node.push(cost) }
        }
    }
    report(&rust, &node);
    rig.stop().await
}

/// The folder of the Node half, with its packages installed.
///
/// # Errors
/// They are not.
pub(crate) fn js() -> anyhow::Result<PathBuf> {
    let js = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    anyhow::ensure!(js.join("node_modules/pg").exists(), "run `npm ci` in {} first", js.display());
    Ok(js)
}

/// Bundles a module of workflows into a file in `folder`.
///
/// # Errors
/// Node is not there, or refuses the module.
pub(crate) async fn bundle(js: &Path, module: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let file = folder.join("workflows.js");
    let bundled = Command::new("node").arg(js.join("bundle.js")).arg(&file).arg(module).status().await?;
    anyhow::ensure!(bundled.success(), "the workflows could not be bundled");
    Ok(file)
}

/// Nothing else of the stack may take the two cores.
async fn only_temporal(rig: &Rig) -> anyhow::Result<()> {
    for part in rig.stack.status() {
        if part.name != "temporal" && part.pid.is_some() {
            rig.stack.stop_part(&part.name).await?;
        }
    }
    Ok(())
}

/// One worker process through all workloads.
async fn one(rig: &Rig, kind: Kind, round: usize, js: &Path, bundle: &Path, sizes: &Sizes) -> anyhow::Result<Cost> {
    let load = Load::new(&rig.temporal, format!("bench-{kind:?}-{round}"));
    let address = rig.environment.get("TEMPORAL_ADDRESS").context("no Temporal")?;
    let mut command = match kind {
        Kind::Rust => Command::new(beside("bench-worker")?),
        Kind::Node => {
            let mut node = Command::new("node");
            node.arg(js.join("worker.js")).env("BUNDLE", bundle).env("NODE_ENV", "production");
            node
        }
    };
    let mut child = command.arg(load.queue()).env("TEMPORAL_ADDRESS", address).kill_on_drop(true).spawn()?;
    let pid = i32::try_from(child.id().context("the worker ended at once")?)?;
    load.many("benchRegistration", 1, 1).await?;
    let idle_mb = resident_mb(pid)?;
    // Node compiles hot code late; both start the measured part warm.
    load.many("benchRegistration", 50, 10).await?;
    load.many("benchDomain", 20, 10).await?;

    let begin = cpu_seconds(pid)?;
    load.many("benchRegistration", sizes.starts, 50).await?;
    let registered = cpu_seconds(pid)?;
    load.many("benchDomain", sizes.starts, 50).await?;
    let domains = cpu_seconds(pid)?;
    let (loop_cpu, tasks) = load.loops(sizes.loops, sizes.window, || cpu_seconds(pid)).await?;
    end(&mut child, pid).await?;
    let per_start = |cpu: f64| cpu * 1e3 / sizes.starts as f64;
    Ok(Cost {
        registration_ms: per_start(registered - begin),
        domain_ms: per_start(domains - registered),
        loop_task_ms: loop_cpu * 1e3 / tasks,
        idle_mb,
    })
}

/// Asks a worker to end and waits until it is gone.
///
/// # Errors
/// It cannot be asked, or not be killed after 15 s.
pub(crate) async fn end(child: &mut Child, pid: i32) -> anyhow::Result<()> {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM)?;
    if tokio::time::timeout(Duration::from_secs(15), child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(())
}

/// Another program of this crate.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(path.exists(), "build it first: cargo build --release -p bench");
    Ok(path)
}

/// One figure of a cost.
type Measure = fn(&Cost) -> f64;

fn report(rust: &[Cost], node: &[Cost]) {
    let rows: [(&str, Measure); 4] = [
        ("registration, four remote steps each: CPU ms", |cost| cost.registration_ms),
        ("task of a loop, every second one with a step: CPU ms", |cost| cost.loop_task_ms),
        ("domain as built, against every step remote: CPU ms", |cost| cost.domain_ms),
        ("memory after the first workflow: MB", |cost| cost.idle_mb),
    ];
    println!(
        "| median of {} rounds | Rust | Node | Rust / Node | ratios of the rounds |\n|---|---|---|---|---|",
        rust.len()
    );
    for (what, of) in rows {
        let (mine, theirs): (Vec<f64>, Vec<f64>) = (rust.iter().map(of).collect(), node.iter().map(of).collect());
        let mut ratios: Vec<f64> = mine.iter().zip(&theirs).map(|(r, n)| r / n).collect();
        ratios.sort_by(f64::total_cmp);
        let shown: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        let (r, n) = (median(&mine), median(&theirs));
        println!("| {what} | {r:.2} | {n:.2} | {:.2} | {} |", r / n, shown.join(" "));
    }
}
