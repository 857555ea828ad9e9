//! cert-manager renews at 60 of 90 days; the new certificate follows to the edge.

use super::authority::RENEWAL_MS;
use super::life::{DAY, MINUTE, live};
use anyhow::{Context as _, ensure};
use std::time::Duration;

#[test]
fn each_renewal_reaches_the_edge_within_a_minute() {
    live(async |life| {
        life.sweep_every = DAY;
        life.go_live().await?;
        for renewal in 1..=2 {
            let leaf = life.world(|world| world.edge.copy.clone()).context("a copy at the edge")?;
            let due = leaf.not_before_ms + RENEWAL_MS;
            let left = u64::try_from(due - life.now_ms().await?)?;
            life.pass_watched(Duration::from_millis(left) - MINUTE).await?;
            // Renewed within this minute; the sweep at its end sees an old copy.
            life.pass(MINUTE + Duration::from_secs(10)).await?;
            let before = life.world(|world| world.edge.copy.clone());
            ensure!(before.as_ref() == Some(&leaf), "renewal {renewal}: the copy changed before there was a new one");
            life.sweep().await?;
            life.becomes("the copy follows", |world| {
                world.edge.copy == world.authority.secret && world.edge.copy.as_ref() != Some(&leaf)
            })
            .await?;
            let now = life.now_ms().await?;
            println!("renewal {renewal}: at the edge {} s after it was due", (now - due) / 1000);
            ensure!(now - due <= 60_000, "late");
            life.ends_well().await?;
        }
        let (orders, left) = life.world(|world| (world.authority.orders.len(), world.times("status deploying").len()));
        ensure!((orders, left) == (3, 1), "{orders} orders, {left} times deploying");
        Ok(())
    });
}
