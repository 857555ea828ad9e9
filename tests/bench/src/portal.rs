//! Numbers of the portal domain on the real stack. `cargo run --release -p bench --bin portal`, with `TENANTRY_BINARY` set to
//! a release build of the executable. Prints one line per number; docs/benchmarks.md quotes them.

use crate::measure::{cpu_seconds, median, number, percentile, resident_mb};
use futures::future::try_join_all;
use harness::{Rig, Status};
use std::time::{Duration, Instant};

/// Starts that are timed up to the first status, one after the other.
const FIRSTS: usize = 100;
/// Registrations that are timed up to `active`.
const REGISTRATIONS: usize = 30;
/// Between two registrations: some eight wait for their second look at DNS meanwhile, and none for another.
const SPACING: Duration = Duration::from_secs(3);
/// Open runs after which the memory is looked at.
const OPEN: [usize; 3] = [250, 500, 1_000];

/// Runs the program.
///
/// # Errors
/// A part of the stack failed, or a workflow did.
pub fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let confirm = std::env::var("BENCH_CONFIRM_SECONDS").unwrap_or_else(|_| "20".to_owned());
    let issuer = std::env::var("BENCH_ISSUER").unwrap_or_else(|_| "letsencrypt-http01-nocheck".to_owned());
    let variables =
        [("PORTAL_DOMAIN_DNS_CONFIRM_SECONDS", confirm.as_str()), ("PORTAL_DOMAIN_CERT_ISSUER", issuer.as_str())];
    let rig = Rig::start_with("bench", &variables).await?;
    let worker = rig.stack.status().into_iter().find(|part| part.name == "worker").and_then(|part| part.pid);
    let worker = worker.ok_or_else(|| anyhow::anyhow!("no worker"))?;
    println!("issuer {issuer}, second look at DNS after {confirm} s");
    println!("worker idle: {:.1} MB", resident_mb(worker)?);
    firsts(&rig).await?;
    println!("worker after the first statuses: {:.1} MB", resident_mb(worker)?);
    registrations(&rig, worker).await?;
    println!("worker after the registrations: {:.1} MB", resident_mb(worker)?);
    open_runs(&rig, worker).await?;
    rig.stop().await
}

/// Start to the first status in the row, while nothing else runs: each domain is removed before the next one.
async fn firsts(rig: &Rig) -> anyhow::Result<()> {
    let mut first = Vec::new();
    for n in 0..number("BENCH_FIRSTS", FIRSTS) {
        let domain = rig.domain(&format!("first-{n}")).await?;
        let begin = Instant::now();
        domain.announce(rig, "register").await?;
        while domain.row(rig).await?.is_some_and(|row| row.status == Status::PendingDns.as_str()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        first.push(begin.elapsed());
        domain.shows(rig, "DNS_NO_RECORDS", Duration::from_secs(30)).await?;
        domain.disable_row(rig).await?;
        domain.announce(rig, "disable").await?;
        domain.vanishes(rig, Duration::from_secs(30)).await?;
    }
    if first.is_empty() {
        return Ok(());
    }
    let (p50, p99) = (percentile(&mut first, 50), percentile(&mut first, 99));
    println!("start to first status, {} starts: p50 {p50:.0} ms, p99 {p99:.0} ms", first.len());
    Ok(())
}

/// What one registration took.
struct Took {
    live: Duration,
    events: usize,
    tasks: usize,
}

async fn registrations(rig: &Rig, worker: i32) -> anyhow::Result<()> {
    let count = u32::try_from(number("BENCH_REGISTRATIONS", REGISTRATIONS))?;
    let before = cpu_seconds(worker)?;
    let took = try_join_all((0..count).map(|n| async move {
        tokio::time::sleep(SPACING * n).await;
        register(rig, n).await
    }))
    .await?;
    if took.is_empty() {
        return Ok(());
    }
    let cpu = cpu_seconds(worker)? - before;
    let mut live: Vec<Duration> = took.iter().map(|one| one.live).collect();
    let (p50, p99) = (percentile(&mut live, 50) / 1e3, percentile(&mut live, 99) / 1e3);
    println!("start to active, {count} registrations: p50 {p50:.1} s, p99 {p99:.1} s");
    for (what, of) in [("events", (|one: &Took| one.events) as fn(&Took) -> usize), ("workflow tasks", |one| one.tasks)]
    {
        let all: Vec<f64> = took.iter().map(|one| of(one) as f64).collect();
        let (least, most) = all.iter().fold((f64::MAX, 0.0_f64), |(l, m), n| (l.min(*n), m.max(*n)));
        println!("{what} up to active: {least} to {most}, median {}", median(&all));
    }
    println!("worker CPU: {:.1} ms per registration", cpu * 1e3 / f64::from(count));
    Ok(())
}

/// Records are right when the row is announced.
async fn register(rig: &Rig, n: u32) -> anyhow::Result<Took> {
    let domain = rig.domain(&format!("bench-{n}")).await?;
    domain.point_here(rig)?;
    let begin = Instant::now();
    domain.announce(rig, "register").await?;
    domain.reaches(rig, Status::Active, Duration::from_secs(180)).await?;
    let live = begin.elapsed();
    let (events, tasks) = rig.history_size(&domain).await?;
    Ok(Took { live, events, tasks })
}

/// Memory with runs that wait for DNS. The worker keeps 500 of them cached.
async fn open_runs(rig: &Rig, worker: i32) -> anyhow::Result<()> {
    let mut made = 0;
    for open in OPEN {
        while made < open {
            made += 1;
            let domain = rig.domain(&format!("open-{made}")).await?;
            domain.announce(rig, "register").await?;
            if made == open {
                domain.shows(rig, "DNS_NO_RECORDS", Duration::from_secs(120)).await?;
            }
        }
        println!("worker with {open} waiting domains: {:.1} MB", resident_mb(worker)?);
    }
    Ok(())
}
