//! A tenant who is slow: the looks become rare, the claim expires, and Retry goes on.

use super::life::{DAY, MINUTE, live};
use super::script::DnsSays;
use anyhow::ensure;
use std::ops::RangeInclusive;

const DAY_MS: i64 = 86_400_000;

/// Looks a day: 15 s growing to 15 min on the first, hourly until the third, four-hourly until the fourteenth, each with
/// ±20 % (domain-health contract, section 8). After that only the sweep has a row looked at that nobody looks at.
const LOOKS: [(RangeInclusive<usize>, RangeInclusive<usize>); 4] =
    [(0..=0, 95..=140), (1..=2, 20..=31), (3..=13, 5..=8), (15..=20, 0..=1)];

#[test]
fn a_record_that_comes_after_three_weeks_is_waited_for_ever_more_rarely() {
    live(async |life| {
        let began = life.now_ms().await?;
        life.announce("register").await?;
        life.pass_watched(13 * DAY).await?;
        life.reaches("verifying_dns").await?;
        life.pass_watched(8 * DAY).await?;
        life.reaches("dns_failed").await?;
        let health = life.world(|world| world.store.details.get("health").cloned().unwrap_or_default());
        ensure!(health.contains("CLAIM_EXPIRED"), "{health}");

        let looks = life.world(|world| world.times("look dns"));
        let of_day = |day: usize| looks.iter().filter(|at| (*at - began) / DAY_MS == day as i64).count();
        println!("looks by day: {:?}; {} in all", (0..21).map(of_day).collect::<Vec<_>>(), looks.len());
        for (days, expected) in LOOKS {
            for day in days {
                ensure!(expected.contains(&of_day(day)), "day {day}: {} looks, expected {expected:?}", of_day(day));
            }
        }
        ensure!(life.world(|world| world.authority.orders.is_empty()), "an order without a record");

        let now = life.now_ms().await?;
        life.world(|world| {
            world.dns.from(now, DnsSays::Here);
            world.store.application_writes("pending_dns", now);
        });
        life.announce("refresh").await?;
        life.pass(5 * MINUTE).await?;
        life.ends_well().await
    });
}

#[test]
fn a_domain_that_nobody_ever_pointed_here_frees_its_name_after_44_days() {
    live(async |life| {
        let began = life.now_ms().await?;
        life.announce("register").await?;
        life.pass_watched(43 * DAY).await?;
        life.reaches("dns_failed").await?;
        let message = life.world(|world| world.store.row.as_ref().map(|row| row.status_message.clone()));
        ensure!(message.is_some_and(|text| text.contains("Your settings are kept until")), "the tenant is not told");
        life.pass_watched(2 * DAY).await?;
        life.reaches("gone").await?;
        let gone = life.now_ms().await? - began;
        ensure!(gone < 46 * DAY_MS, "{} days", gone / DAY_MS);
        life.ended().await
    });
}
