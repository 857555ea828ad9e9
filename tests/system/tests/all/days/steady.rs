//! A domain that is well: how much it costs, day after day.

use super::life::{DAY, HOUR, Life, MINUTE, live};
use anyhow::ensure;
use std::collections::BTreeMap;

const DAY_MS: i64 = 86_400_000;
/// Target of the domain-health contract, section 14: events of one healthy domain and day.
const TARGET: f64 = 5.0;

/// Events of each day since `began_ms`, over the chain of runs.
async fn events_by_day(life: &Life, began_ms: i64) -> anyhow::Result<BTreeMap<i64, usize>> {
    let mut days: BTreeMap<i64, usize> = BTreeMap::new();
    for event in life.runs().await?.iter().flatten() {
        let at = event.event_time.map_or(0, |time| time.seconds * 1000);
        if at >= began_ms {
            *days.entry((at - began_ms) / DAY_MS).or_default() += 1;
        }
    }
    Ok(days)
}

fn mean(days: &BTreeMap<i64, usize>, count: i64) -> f64 {
    (0..count).filter_map(|day| days.get(&day)).sum::<usize>() as f64 / count as f64
}

/// Ninety days. Two of these sweeps are 26 h and 2 min apart, so a row that nobody read is found as soon as by the real ones,
/// which are a minute apart. The sweep proves it again and wakes nobody: the run wakes by itself every 30 days, and is
/// signalled for the renewal.
#[test]
fn a_healthy_domain_costs_few_events_for_ninety_days() {
    live(async |life| {
        life.sweep_every = 13 * HOUR + MINUTE;
        life.go_live().await?;
        let began = life.now_ms().await?;
        life.pass_watched(90 * DAY).await?;
        life.ends_well().await?;
        let days = events_by_day(life, began).await?;
        let (quiet, all) = (mean(&days, 30), mean(&days, 90));
        println!("steady history, swept: {quiet:.2} events a day over 30 days, {all:.2} over 90 days with a renewal");
        let wakes = life.world(|world| {
            let mut causes: BTreeMap<String, u32> = BTreeMap::new();
            for (_, what) in world.log.iter().filter(|(_, what)| what.starts_with("wake ")) {
                *causes.entry(what.clone()).or_default() += 1;
            }
            causes
        });
        let lengths: Vec<usize> = life.runs().await?.iter().map(Vec::len).collect();
        println!("  woken by sweeps: {wakes:?}; events of the runs: {lengths:?}");
        let of = |cause: &str| wakes.get(cause).copied().unwrap_or_default();
        // The run may find the renewal by its own monthly look. After it the sweep compares with the old fingerprint until the
        // row is written again, and wakes the run once too often.
        let renewals = of("wake certificate") <= 1 && of("wake probe") <= 1;
        ensure!(renewals && of("wake unannounced") == 0, "{wakes:?}");
        let proofs = life.world(|world| world.times("look dns").len());
        ensure!((75..=95).contains(&proofs), "{proofs} looks at DNS in 90 days");
        ensure!(quiet < TARGET && all < TARGET, "{quiet} events a day");
        Ok(())
    });
}

/// The same without sweeps: what the run costs by itself.
#[test]
fn the_run_of_a_healthy_domain_costs_nearly_nothing_by_itself() {
    live(async |life| {
        life.go_live().await?;
        let began = life.now_ms().await?;
        life.pass(59 * DAY).await?;
        life.ends_well().await?;
        let days = events_by_day(life, began).await?;
        println!("steady history, by itself: {:.2} events a day over 59 days", mean(&days, 59));
        ensure!(mean(&days, 59) < TARGET, "{days:?}");
        Ok(())
    });
}
