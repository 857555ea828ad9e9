//! The worker goes away in each activity: killed, asked to end, or one of two.

use crate::holds::Point;
use crate::matrix::{all_complete, hold_all, release_all};
use crate::replica::Replica;
use crate::rig::on_the_stack;
use anyhow::ensure;
use harness::Signal;
use std::time::Duration;

/// The drain period of the stack's worker, and some time of a busy machine.
const DRAINED: Duration = Duration::from_secs(10 + 10);

#[test]
fn the_worker_is_killed_in_each_activity() {
    on_the_stack(async |world| {
        let mut held = hold_all(world, "killed", &Point::ALL).await?;
        world.rig.stack.kill_part("worker", Signal::Kill).await?;
        release_all(&mut held).await;
        world.rig.stack.start_part("worker").await?;
        all_complete(world, "killed", &held).await
    });
}

#[test]
fn the_worker_is_asked_to_end_in_each_activity() {
    on_the_stack(async |world| {
        world.rig.stack.stop_part("worker").await?;
        let worker = Replica::start(world, "terminated", &[])?;
        let mut held = hold_all(world, "terminated", &Point::ALL).await?;
        // Held until the end: what does not finish within the grace period is given back.
        worker.terminate().await?;
        let status = worker.ended(DRAINED).await?;
        ensure!(status.code() == Some(0), "the worker ended with {status}");
        release_all(&mut held).await;
        world.rig.stack.start_part("worker").await?;
        all_complete(world, "terminated", &held).await
    });
}

#[test]
fn what_goes_on_within_the_grace_period_is_taken_up_by_the_next_worker() {
    on_the_stack(async |world| {
        world.rig.stack.stop_part("worker").await?;
        let worker = Replica::start(world, "drained", &[])?;
        let mut held = hold_all(world, "drained", &Point::ALL).await?;
        worker.terminate().await?;
        release_all(&mut held).await;
        let status = worker.ended(DRAINED).await?;
        ensure!(status.code() == Some(0), "the worker ended with {status}");
        world.rig.stack.start_part("worker").await?;
        all_complete(world, "drained", &held).await
    });
}

#[test]
fn one_of_two_workers_is_killed_in_each_activity() {
    on_the_stack(async |world| {
        world.rig.stack.stop_part("worker").await?;
        let first = Replica::start(world, "first", &[])?;
        let mut held = hold_all(world, "one of two", &Point::ALL).await?;
        let _second = Replica::start(world, "second", &[])?;
        first.kill().await?;
        release_all(&mut held).await;
        all_complete(world, "one of two", &held).await
    });
}
