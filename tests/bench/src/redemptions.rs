//! `applianceLicenseRedeemWorkflow` from its start to its result, on real Temporal, PostgreSQL, API server and licence API, with
//! an appliance's worker that does nothing else. `cargo run --release -p bench --bin redemptions`, with `TENANTRY_BINARY` set to
//! a release build whose crate `license` has its checks on: see docs/benchmarks.md.
//!
//! `BENCH_REDEMPTIONS` (100) redemptions, each of a new activation code that was made before its time began, one after the
//! other, in the form of the existing starters: all five activities, the Secret and the licence state among them.

use crate::measure::{cpu_seconds, number, peak_mb, percentile};
use anyhow::{Context as _, ensure};
use harness::{APPLIANCE_TENANT, Appliance, Group, PartSet, Rig};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Redemptions before the first that is timed: connections are open and caches filled.
const WARM: usize = 5;
/// Most milliseconds of half of them.
const P50_MAX: f64 = 200.0;
/// Most milliseconds of all but the slowest hundredth.
const P99_MAX: f64 = 400.0;
/// What the appliance's tenant pays for.
const SUBSCRIPTION: &str = "sub_of_the_bench";

/// Runs the program.
///
/// # Errors
/// A part of the stack or a redemption failed, or in a release build a figure is beyond its target.
pub fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let parts = [Group::Temporal, Group::Postgres, Group::Dns, Group::Cluster, Group::License];
    let rig = Rig::start_of("bench-redemptions", &[], PartSet::of(&parts)).await?;
    let mut appliance = Appliance::of(&rig).await?;
    appliance.start_worker(&rig)?;
    register(&rig).await?;
    let mut took = Vec::new();
    let mut cpu = 0.0;
    for n in 0..WARM + number("BENCH_REDEMPTIONS", 100).max(1) {
        let code = activation_code(&rig).await?;
        let before = cpu_seconds(appliance.worker()?)?;
        let one = redeem(&appliance, n, &code).await?;
        if n >= WARM {
            took.push(one);
            cpu += cpu_seconds(appliance.worker()?)? - before;
        }
    }
    let (p50, p99) = (percentile(&mut took, 50), percentile(&mut took, 99));
    println!(
        "{} redemptions, one after the other: p50 {p50:.0} ms, p99 {p99:.0} ms; at most {P50_MAX} and {P99_MAX} ms; \
         {:.1} ms of CPU of the worker each, {:.1} MB at most",
        took.len(),
        cpu * 1e3 / took.len() as f64,
        peak_mb(appliance.worker()?)?,
    );
    appliance.kill_worker().await?;
    appliance.database.close().await;
    rig.stop().await?;
    ensure!((p50 <= P50_MAX && p99 <= P99_MAX) || cfg!(debug_assertions), "beyond the target");
    Ok(())
}

/// The appliance's tenant, with a subscription.
async fn register(rig: &Rig) -> anyhow::Result<()> {
    let (tenant, subscription) = (["--tenant", APPLIANCE_TENANT], ["--subscription", SUBSCRIPTION]);
    let args = ["register-tenant", "--company", "Birch MSP", "--email", "it@birch.example", "--edition", "pro"];
    license(rig, &[&args[..], &tenant, &subscription].concat()).await.map(drop)
}

async fn activation_code(rig: &Rig) -> anyhow::Result<String> {
    let made = license(rig, &["claim-code", "--subscription", SUBSCRIPTION]).await?;
    Ok(made["code"].as_str().with_context(|| made.to_string())?.to_owned())
}

async fn license(rig: &Rig, args: &[&str]) -> anyhow::Result<Value> {
    let (exit, out, err) = rig.tenantry(&[&["license"], args, &["--output", "json"]].concat()).await?;
    ensure!(exit == 0, "{args:?} exited with {exit}: {err}");
    Ok(serde_json::from_str(&out)?)
}

async fn redeem(appliance: &Appliance, n: usize, code: &str) -> anyhow::Result<Duration> {
    let id = format!("applianceLicenseRedeemWorkflow-bench-{n}");
    let begin = Instant::now();
    appliance.start("applianceLicenseRedeemWorkflow", &id, &json!({ "claimCode": code })).await?;
    let result = appliance.result(&id).await?;
    let took = begin.elapsed();
    ensure!(result["tenantId"] == json!(APPLIANCE_TENANT) && result["edition"] == json!("pro"), "{result}");
    Ok(took)
}
