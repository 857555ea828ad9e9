//! Numbers of the portal domain on the real stack. `cargo run --release -p bench --bin portal`, with `TENANTRY_BINARY` set to
//! a release build of the executable. Prints one line per number; docs/benchmarks.md quotes them.

use bench::{cpu_seconds, percentile, resident_mb};
use harness::{Rig, Status};
use std::time::{Duration, Instant};

/// Registrations that are timed one after the other.
const REGISTRATIONS: usize = 30;
/// Runs that wait in the cache.
const CACHED: usize = 1_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let confirm = std::env::var("BENCH_CONFIRM_SECONDS").unwrap_or_else(|_| "20".to_owned());
    let issuer = std::env::var("BENCH_ISSUER").unwrap_or_else(|_| "letsencrypt-http01-nocheck".to_owned());
    let variables =
        [("PORTAL_DOMAIN_DNS_CONFIRM_SECONDS", confirm.as_str()), ("PORTAL_DOMAIN_CERT_ISSUER", issuer.as_str())];
    let rig = Rig::start_with("bench", &variables).await?;
    let worker = rig.stack.status().into_iter().find(|part| part.name == "worker").and_then(|part| part.pid);
    let worker = worker.ok_or_else(|| anyhow::anyhow!("no worker"))?;
    println!("worker idle: {:.1} MB", resident_mb(worker)?);
    registrations(&rig, worker).await?;
    cached(&rig, worker).await?;
    rig.stop().await
}

async fn registrations(rig: &Rig, worker: i32) -> anyhow::Result<()> {
    let count = std::env::var("BENCH_REGISTRATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(REGISTRATIONS);
    let (mut first, mut live, mut events, mut tasks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let before = cpu_seconds(worker)?;
    for n in 0..count {
        let domain = rig.domain(&format!("bench-{n}")).await?;
        domain.point_here(rig)?;
        let begin = Instant::now();
        domain.announce(rig, "register").await?;
        while domain.row(rig).await?.is_some_and(|row| row.status == Status::PendingDns.as_str()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        first.push(begin.elapsed());
        domain.reaches(rig, Status::Active, Duration::from_secs(120)).await?;
        live.push(begin.elapsed());
        let (e, t) = rig.history_size(&domain).await?;
        events.push(e);
        tasks.push(t);
    }
    let cpu = cpu_seconds(worker)? - before;
    println!(
        "start to first status: p50 {:.0} ms, p99 {:.0} ms",
        percentile(&mut first, 50),
        percentile(&mut first, 99)
    );
    println!(
        "start to active: p50 {:.1} s, p99 {:.1} s",
        percentile(&mut live, 50) / 1e3,
        percentile(&mut live, 99) / 1e3
    );
    events.sort_unstable();
    tasks.sort_unstable();
    println!("events {} to {}, workflow tasks {} to {}", events[0], events[count - 1], tasks[0], tasks[count - 1]);
    println!("worker CPU: {:.1} ms per registration", cpu * 1e3 / count as f64);
    Ok(())
}

async fn cached(rig: &Rig, worker: i32) -> anyhow::Result<()> {
    for n in 0..CACHED {
        let domain = rig.domain(&format!("cached-{n}")).await?;
        domain.announce(rig, "register").await?;
        if n + 1 == CACHED {
            domain.shows(rig, "DNS_NO_RECORDS", Duration::from_secs(120)).await?;
        }
    }
    println!("worker with {CACHED} waiting domains: {:.1} MB", resident_mb(worker)?);
    Ok(())
}
