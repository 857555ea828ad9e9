//! The matrix of activities and faults: holds a creation in each, lets a fault act, and asks the oracle.

use crate::cell::Cell;
use crate::holds::{Holder, Point};
use crate::oracle::{self, Mailed};
use crate::world::World;
use anyhow::ensure;
use futures::future::join_all;
use harness::eventually;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Cells of this binary so far.
static CELLS: AtomicUsize = AtomicUsize::new(0);

/// A creation that stands in the middle of an activity.
pub(crate) struct Held {
    pub(crate) cell: Cell,
    pub(crate) point: Point,
    holder: Option<Holder>,
    began: Instant,
}

impl Held {
    async fn is_reached(&self, world: &World) -> bool {
        match &self.holder {
            Some(holder) => self.point.is_reached(world, &self.cell, holder).await.unwrap_or(false),
            None => true,
        }
    }

    /// Lets it go on.
    pub(crate) async fn release(&mut self) {
        if let Some(holder) = self.holder.take() {
            holder.release().await;
        }
    }
}

/// Starts one creation per point, and waits until all of them stand in the middle of their activity at the same time.
pub(crate) async fn hold_all(world: &World, fault: &str, points: &[Point]) -> anyhow::Result<Vec<Held>> {
    let mut held: Vec<Held> = Vec::new();
    for point in Point::ALL.into_iter().filter(|point| points.contains(point)) {
        let cell = point.cell(world, fault);
        let holder = Some(point.hold(world, &cell).await?);
        cell.start().await?;
        let one = Held { cell, point, holder, began: Instant::now() };
        if point.is_outside() {
            let what = format!("{fault}: {} is asked", point.as_str());
            eventually(&what, Duration::from_secs(30), || async {
                if one.is_reached(world).await { Ok(()) } else { Err("not yet".to_owned()) }
            })
            .await?;
        }
        held.push(one);
    }
    eventually(&format!("{fault}: every activity is held"), Duration::from_secs(60), || async {
        let mut missing = Vec::new();
        for one in &held {
            if !one.is_reached(world).await {
                missing.push(one.point.as_str());
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
    })
    .await?;
    Ok(held)
}

/// Lets all of them go on.
pub(crate) async fn release_all(held: &mut [Held]) {
    for one in held {
        one.release().await;
    }
}

/// A creation that is judged, under the name of its line.
pub(crate) struct Case<'a> {
    pub(crate) what: &'a str,
    pub(crate) cell: &'a Cell,
    pub(crate) began: Instant,
}

/// Those that were held.
pub(crate) fn cases(held: &[Held]) -> Vec<Case<'_>> {
    held.iter().map(|one| Case { what: one.point.as_str(), cell: &one.cell, began: one.began }).collect()
}

/// Asks the oracle about each, when it has ended.
pub(crate) async fn all_complete(world: &World, fault: &str, held: &[Held]) -> anyhow::Result<()> {
    report(fault, &cases(held), async |case: &Case<'_>| {
        let ended = case.cell.ended().await?;
        oracle::complete(world, case.cell, &ended, Mailed::Once).await?;
        Ok(())
    })
    .await
}

/// Judges every case beside the others, and prints a line for each and a count.
pub(crate) async fn report(
    fault: &str,
    cases: &[Case<'_>],
    judge: impl AsyncFn(&Case<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let judge = &judge;
    let judged = join_all(cases.iter().map(|case| async move {
        let outcome = judge(case).await;
        line(fault, case, &outcome);
        outcome.map_err(|error| format!("{}: {error:#}", case.what)).err()
    }))
    .await;
    let wrong: Vec<String> = judged.into_iter().flatten().collect();
    let all = CELLS.fetch_add(cases.len(), Ordering::Relaxed) + cases.len();
    println!("cells {fault}: {}; all so far: {all}", cases.len());
    ensure!(wrong.is_empty(), "{fault}: {} of {} cells: {wrong:#?}", wrong.len(), cases.len());
    Ok(())
}

fn line(fault: &str, case: &Case<'_>, outcome: &anyhow::Result<()>) {
    let word = if outcome.is_ok() { "ok" } else { "WRONG" };
    println!("cell  {fault:<24} {:<32} {word:<6} {:>5.1} s", case.what, case.began.elapsed().as_secs_f32());
}
