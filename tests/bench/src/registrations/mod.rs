//! `POST /register` under load, on a real PostgreSQL and the executable's own `license-api`.
//!
//! `TEST_DATABASE_URL` names an administrator's connection on loopback; another address is refused. Codes are minted before the
//! load, half of them paid; every request comes from one of `BENCH_SOURCES` (2000) sources, named by the proxy that this
//! program is. First as many requests as `BENCH_WIDTH` (16) connections carry, `BENCH_CODES` (4000) of them; then half of that
//! rate for `BENCH_SECONDS` (20), each request at its time whatever became of those before it; last, `BENCH_REFUSALS` (1000)
//! of each kind of refusal in uniform mode, in turns. Prints one line per number.
//!
//! Licences are signed with the key of development, which a release build trusts only when the crate `license` was compiled
//! with its checks on: see docs/benchmarks.md.

mod client;
mod codes;
mod load;
mod refusals;
mod registry;
mod service;

use crate::measure::{cpu_seconds, forget_peak, number, peak_mb, percentile, resident_mb};
use anyhow::{Context as _, ensure};
use codes::{Code, Keys};
use load::Outcome;
use registry::Registry;
use service::Service;
use std::time::Duration;

/// Least requests per second at full load.
const RATE_MIN: f64 = 250.0;
/// Most milliseconds of the slowest hundredth at half of that rate.
const P99_MAX: f64 = 80.0;
/// Most megabytes of the service under load.
const RESIDENT_MAX: f64 = 60.0;
/// Connections at once before the first that is timed: more than the service has to its database. One more at a time, so that
/// no request waits for many to be opened.
const WARM_WIDTH: usize = 24;
/// Budgets that no guess uses up, for the refusals: what is compared there is their cost.
const NO_LIMITS: &str = "source=1000000000/900,under_attack=1000000000/900,network=1000000000/900,region=1000000000/900,\
                         alert=1000000000/900,cap=1000000000";

/// Runs the program.
///
/// # Errors
/// The database is not on loopback, the service does not start, an answer is no success, or in a release build a figure is
/// beyond its target.
pub fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let registry = Registry::create().await?;
    let outcome = in_registry(&registry).await;
    registry.remove().await?;
    outcome
}

async fn in_registry(registry: &Registry) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let keys = Keys::generate()?;
    let service = Service::start(registry, &keys, folder.path(), None).await?;
    let over = load(registry, &keys, &service).await.with_context(|| service.end_of_log())?;
    service.stop().await?;
    let service = Service::start(registry, &keys, folder.path(), Some(NO_LIMITS)).await?;
    refusals::compare(registry, &keys, &service).await.with_context(|| service.end_of_log())?;
    service.stop().await?;
    ensure!(over.is_empty() || cfg!(debug_assertions), "beyond the target: {}", over.join(", "));
    Ok(())
}

/// The two loads. Gives what is beyond its target.
async fn load(registry: &Registry, keys: &Keys, service: &Service) -> anyhow::Result<Vec<&'static str>> {
    let (width, sources) = (number("BENCH_WIDTH", 16).max(1), number("BENCH_SOURCES", 2_000).max(1_000));
    println!("service idle: {:.1} MB", resident_mb(service.pid())?);
    let mut used = 0;
    for width in 1..=WARM_WIDTH {
        let codes = minted(registry, keys, 2 * width).await?;
        used += codes.len();
        no_error("warm", &load::full(service.address(), codes, width, sources).await?)?;
    }

    let codes = minted(registry, keys, number("BENCH_CODES", 4_000)).await?;
    used += codes.len();
    forget_peak(service.pid())?;
    let cpu = cpu_seconds(service.pid())?;
    let mut full = load::full(service.address(), codes, width, sources).await?;
    let (rate, cpu) = (full.rate(), cpu_seconds(service.pid())? - cpu);
    println!(
        "full load, {width} connections, {sources} sources: {rate:.0} redemptions a second, p50 {:.1} ms, p99 {:.1} ms, \
         {:.2} ms of CPU of the service each, at least {RATE_MIN} a second",
        percentile(&mut full.took, 50),
        percentile(&mut full.took, 99),
        cpu * 1e3 / full.took.len() as f64,
    );
    no_error("full load", &full)?;

    let half = rate / 2.0;
    let seconds = number("BENCH_SECONDS", 20) as f64;
    let codes = minted(registry, keys, (half * seconds).ceil() as usize).await?;
    used += codes.len();
    let mut open = load::open(service.address(), codes, Duration::from_secs_f64(1.0 / half), sources).await?;
    let (p50, p99) = (percentile(&mut open.took, 50), percentile(&mut open.took, 99));
    println!("half of it, {half:.0} a second: p50 {p50:.1} ms, p99 {p99:.1} ms, at most {P99_MAX} ms");
    no_error("half load", &open)?;
    let peak = peak_mb(service.pid())?;
    println!("service under load: {peak:.1} MB at most, {RESIDENT_MAX} MB allowed");

    let redeemed: i64 = registry.ask("SELECT count(*) FROM code_redemptions").await?;
    ensure!(redeemed == i64::try_from(used)?, "{used} codes were redeemed, and the registry has {redeemed}");
    let beyond = [("rate", rate < RATE_MIN), ("p99 at half rate", p99 > P99_MAX), ("memory", peak > RESIDENT_MAX)];
    Ok(beyond.into_iter().filter_map(|(what, is)| is.then_some(what)).collect())
}

async fn minted(registry: &Registry, keys: &Keys, count: usize) -> anyhow::Result<Vec<Code>> {
    let codes = codes::mint(&registry.admin, keys, count).await?;
    // The planner knows the tables, as in a registry that has its size since long.
    registry.execute("ANALYZE").await?;
    Ok(codes)
}

fn no_error(what: &str, outcome: &Outcome) -> anyhow::Result<()> {
    ensure!(outcome.errors.is_empty(), "{what}: answers other than 200: {:?}", outcome.errors);
    Ok(())
}
