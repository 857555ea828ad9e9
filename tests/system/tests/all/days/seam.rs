//! A year of a domain: a run hands over to the next every month, and nothing that is asked at the seam is lost.

use super::life::{DAY, Life, SECOND, live};
use anyhow::{Context as _, ensure};
use std::time::Duration;

/// Months of the year.
const SEAMS: usize = 12;
/// Signals around each seam.
const BURST: usize = 25;

#[test]
fn a_year_of_runs_loses_no_signal_at_a_seam() {
    live(async |life| {
        life.sweep_every = DAY;
        life.go_live().await?;
        for seam in 1..=SEAMS {
            let runs = life.runs().await?;
            ensure!(runs.len() == seam, "{} runs before seam {seam}", runs.len());
            let first = runs.last().and_then(|run| run.first()).context("a run")?;
            let began_s = first.event_time.map_or(0, |time| time.seconds);
            let due = Duration::from_secs(u64::try_from(began_s)?) + 30 * DAY;
            let now = Duration::from_millis(u64::try_from(life.now_ms().await?)?);
            life.pass_watched(due - now - 2 * SECOND).await?;
            life.rests("nothing").await?;
            // One burst over the moment from which a run may hand over, and one after it, whose last rest must.
            let (asked, passed) = tokio::join!(burst(life), life.pass(6 * SECOND));
            asked?;
            passed?;
            let (asked, passed) = tokio::join!(burst(life), life.pass(6 * SECOND));
            passed?;
            let last = asked?;
            life.pass(10 * SECOND).await?;
            life.becomes("a look after the last signal", |world| {
                world.times("look dns").last().is_some_and(|at| *at >= last)
            })
            .await?;
            life.pass(10 * SECOND).await?;
            life.rests("nothing").await?;
        }
        life.pass_watched(5 * DAY).await?;
        let runs = life.runs().await?;
        let lengths: Vec<usize> = runs.iter().map(Vec::len).collect();
        println!("a year: {} events in {} runs: {lengths:?}", lengths.iter().sum::<usize>(), runs.len());
        ensure!(runs.len() == SEAMS + 1, "{} runs", runs.len());
        life.ends_well().await
    });
}

/// Signals one after the other; answers the server's time before the last one.
async fn burst(life: &Life) -> anyhow::Result<i64> {
    for _ in 1..BURST {
        life.signal("refresh").await?;
    }
    let before = life.now_ms().await?;
    life.signal("refresh").await?;
    Ok(before)
}
