//! The database goes away, refuses writes or refuses sessions, in each activity.

use crate::holds::Point;
use crate::matrix::{Held, all_complete, hold_all, release_all};
use crate::rig::on_the_stack;
use crate::world::World;
use harness::eventually;
use std::time::Duration;
use store::WORKER_ROLE;

/// Tries that meet the trouble before it ends.
const TRIES: i32 = 3;

#[test]
fn the_database_is_restarted_in_each_activity() {
    on_the_stack(async |world| {
        let mut held = hold_all(world, "database restarted", &Point::ALL).await?;
        world.rig.stack.stop_part("postgres").await?;
        world.rig.stack.start_part("postgres").await?;
        release_all(&mut held).await;
        all_complete(world, "database restarted", &held).await
    });
}

/// Breaks the database with one statement, ends the sessions of the worker, waits until every held step has met the trouble
/// several times, and mends it with another. The worker's sessions of the bad time are left to it.
async fn troubled(world: &World, fault: &str, breaks: &str, mends: &str) -> anyhow::Result<()> {
    let points: Vec<Point> = Point::ALL.into_iter().filter(|point| !point.is_outside()).collect();
    let mut held = hold_all(world, fault, &points).await?;
    world.rig.sql(breaks).await?;
    let ended =
        format!("SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity WHERE usename = '{WORKER_ROLE}'");
    world.rig.ask(&ended).await?;
    release_all(&mut held).await;
    let what = format!("{fault}: every step meets it");
    let met = eventually(&what, Duration::from_secs(60), || async {
        for one in &held {
            let tries = tries(one).await.map_err(|error| format!("{error:#}"))?;
            if tries < TRIES {
                return Err(format!("{}: try {tries}", one.point.as_str()));
            }
        }
        Ok(())
    })
    .await;
    world.rig.sql(mends).await?;
    met?;
    all_complete(world, fault, &held).await
}

/// Which try of its activity a creation is at.
async fn tries(one: &Held) -> anyhow::Result<i32> {
    let described = one.cell.run.describe().await?;
    let pending = &described.raw_description.pending_activities;
    Ok(pending.iter().map(|activity| activity.attempt).max().unwrap_or(0))
}

#[test]
fn the_database_takes_no_writes_in_each_activity() {
    on_the_stack(async |world| {
        // Sessions that begin in the bad time stay read-only after it, as those with a former primary do.
        let role = format!("ALTER ROLE {WORKER_ROLE} IN DATABASE server");
        let set = format!("{role} SET default_transaction_read_only = on");
        troubled(world, "read-only", &set, &format!("{role} RESET default_transaction_read_only")).await
    });
}

#[test]
fn the_database_takes_no_sessions_in_each_activity() {
    on_the_stack(async |world| {
        let set = format!("ALTER ROLE {WORKER_ROLE} CONNECTION LIMIT 0");
        let reset = format!("ALTER ROLE {WORKER_ROLE} CONNECTION LIMIT -1");
        troubled(world, "no sessions", &set, &reset).await
    });
}
