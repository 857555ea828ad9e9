//! A removal that is held up for hours.

use super::life::{DAY, HOUR, MINUTE, live};
use anyhow::ensure;

#[test]
fn a_removal_that_reads_back_objects_for_hours_ends_clean() {
    live(async |life| {
        life.go_live().await?;
        life.pass_watched(DAY).await?;
        let now = life.now_ms().await?;
        let before = life.runs().await?.iter().map(Vec::len).sum::<usize>();
        life.world(|world| {
            world.edge.finalizer = true;
            world.store.application_writes("disabled", now);
        });
        life.announce("disable").await?;
        life.pass_watched(2 * HOUR).await?;
        let edge = life.explain().await?.axes.into_iter().find(|axis| axis.axis == "edge").unwrap_or_default();
        ensure!(edge.reason == "REMOVAL_BLOCKED", "{edge:?}");
        ensure!(life.world(|world| world.store.status() == "disabled"), "the row went before its objects");
        let held = life.runs().await?.iter().map(Vec::len).sum::<usize>() - before;
        // On top, the API server answers nothing.
        life.world(|world| world.cluster_down = true);
        life.pass(20 * MINUTE).await?;
        let down = life.runs().await?.iter().map(Vec::len).sum::<usize>() - before - held;
        println!(
            "a removal costs {} events an hour while it is held, {} while the cluster is down",
            held / 2,
            down * 3
        );
        life.world(|world| {
            world.cluster_down = false;
            world.let_go();
        });
        life.pass(2 * MINUTE).await?;
        life.becomes("the row is gone", |world| world.store.row.is_none()).await?;
        ensure!(life.world(|world| world.is_empty() && world.store.inventory.is_empty()), "something is left");
        life.ended().await?;
        life.histories_are_bounded().await
    });
}
