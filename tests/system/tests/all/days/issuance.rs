//! The authority fails a first issuance for days.

use super::life::{DAY, HOUR, Life, live};
use super::script::{AuthoritySays, DnsSays};
use anyhow::ensure;

const DAY_MS: i64 = 86_400_000;

/// Registers with a good record while the authority says this for some days.
async fn registers(life: &mut Life, says: AuthoritySays, until_ms: i64) -> anyhow::Result<()> {
    let now = life.now_ms().await?;
    life.world(|world| {
        world.dns.from(now, DnsSays::Here);
        world.authority.script.from(now, says);
        world.authority.script.from(until_ms, AuthoritySays::Yes);
    });
    life.announce("register").await?;
    life.pass(HOUR).await
}

#[test]
fn an_outage_of_two_days_spends_one_order() {
    live(async |life| {
        let end = life.now_ms().await? + 2 * DAY_MS;
        registers(life, AuthoritySays::Nothing, end).await?;
        life.reaches("certificate_issuing").await?;
        life.becomes("the reason in the row", |world| world.shown.contains("ACME_CA_UNAVAILABLE")).await?;
        life.pass_watched(2 * DAY).await?;
        life.ends_well().await?;
        let live_after = life.world(|world| world.times("status active").first().map_or(0, |at| (at - end) / 60_000));
        println!("live {live_after} min after the outage");
        let orders = life.world(|world| world.authority.orders.len());
        ensure!(orders == 1, "{orders} orders");
        Ok(())
    });
}

#[test]
fn a_rate_limit_of_seven_days_is_waited_out() {
    live(async |life| {
        let end = life.now_ms().await? + 7 * DAY_MS;
        registers(life, AuthoritySays::LimitUntil(end), end).await?;
        life.reaches("certificate_failed").await?;
        life.becomes("the reason in the row", |world| world.shown.contains("ACME_RATE_LIMITED")).await?;
        life.pass_watched(7 * DAY).await?;
        life.ends_well().await?;
        // One that was refused, one when the limit is over; cert-manager repeats none in between.
        let orders = life.world(|world| world.authority.orders.len());
        ensure!(orders == 2, "{orders} orders");
        Ok(())
    });
}
