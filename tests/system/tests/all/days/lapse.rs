//! DNS of a live domain lapses for days.

use super::life::{DAY, HOUR, Life, MINUTE, live};
use super::script::DnsSays;
use anyhow::ensure;

/// A live domain whose DNS says this from now on, some days after it went live; the sweep has met it.
async fn lapses(life: &mut Life, says: DnsSays) -> anyhow::Result<()> {
    life.go_live().await?;
    life.pass_watched(3 * DAY).await?;
    let now = life.now_ms().await?;
    life.world(|world| world.dns.from(now, says));
    life.pass(MINUTE).await?;
    life.sweep().await
}

/// The record is back; answers after how long the domain was quite well again, looked at by its own schedule.
async fn is_repaired(life: &mut Life) -> anyhow::Result<()> {
    let now = life.now_ms().await?;
    life.world(|world| {
        world.dns.from(now, DnsSays::Here);
        world.note(now, "repaired");
    });
    life.pass_watched(5 * HOUR).await?;
    life.ends_well().await?;
    let orders = life.world(|world| world.authority.orders.len());
    ensure!(orders == 1, "{orders} orders");
    Ok(())
}

#[test]
fn a_record_that_is_gone_for_five_days_costs_no_object() {
    live(async |life| {
        lapses(life, DnsSays::Nothing).await?;
        life.becomes("the reason in the row", |world| world.shown.contains("DNS_NO_RECORDS")).await?;
        life.reaches("active").await?;
        // Nobody reaches the host: what the row says follows after a quarter of an hour.
        life.pass(20 * MINUTE).await?;
        life.reaches("verifying_dns").await?;
        life.pass_watched(5 * DAY).await?;
        let now = life.now_ms().await?;
        ensure!(life.world(|world| world.serves(now)), "something was taken away");
        is_repaired(life).await?;
        let (repaired, live) = life.world(|world| (world.times("repaired"), world.times("status active")));
        let late = live.last().zip(repaired.last()).map_or(0, |(live, repaired)| (live - repaired) / 60_000);
        println!("live again {late} min after the repair");
        Ok(())
    });
}

#[test]
fn a_name_server_that_is_wrong_for_two_days_leaves_the_domain_active() {
    live(async |life| {
        lapses(life, DnsSays::HereOnOneOfTwo).await?;
        let events = async |life: &Life| anyhow::Ok(life.runs().await?.iter().map(Vec::len).sum::<usize>());
        let before = events(life).await?;
        life.pass_watched(2 * DAY).await?;
        life.reaches("active").await?;
        ensure!(life.world(|world| world.shown.contains("DNS_PARTIAL")), "the row never said so");
        let spent = events(life).await? - before;
        println!("{} events a day while one name server is wrong", spent / 2);
        is_repaired(life).await?;
        let left = life.world(|world| world.times("status verifying_dns").len());
        ensure!(left == 1, "it stopped being active");
        Ok(())
    });
}
