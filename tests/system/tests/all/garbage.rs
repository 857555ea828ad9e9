//! Rows that no application writes, and runs that somebody ends by hand: one of them is never more than its own trouble.

use crate::rig::on_the_stack;
use anyhow::ensure;
use harness::{Domain, Rig, Status, eventually};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Most events of a run within half a minute that has nothing to do: a loop makes nineteen a second.
const EVENTS_MAX: usize = 300;

/// The run stays open and quiet, and a disable still removes the domain.
async fn stays_its_own_trouble(rig: &Rig, domain: &Domain) -> anyhow::Result<()> {
    domain.signal(rig, "refresh").await?;
    tokio::time::sleep(MINUTE / 4).await;
    let (before, _) = rig.history_size(domain).await?;
    tokio::time::sleep(MINUTE / 2).await;
    let (after, _) = rig.history_size(domain).await?;
    ensure!(after - before < EVENTS_MAX, "a loop: {} events in half a minute", after - before);
    rig.neighbour_was_left_alone().await?;
    domain.disable_row(rig).await?;
    domain.announce(rig, "disable").await?;
    domain.vanishes(rig, 2 * MINUTE).await?;
    rig.oracle(domain).await
}

#[test]
fn a_version_from_far_away_is_compared_and_replaced() {
    on_the_stack(async |rig| {
        let versions =
            [("never", "infinity"), ("later", "3000-01-01 00:00:00.123457"), ("once", "1950-01-01 00:00:00.5")];
        for (label, version) in versions {
            let domain = rig.domain(label).await?;
            domain.go_live(rig).await?;
            rig.sql(&format!(
                "UPDATE portal_domains SET updated_at = '{version}', status = 'pending_dns' WHERE tenant = '{}'",
                domain.tenant
            ))
            .await?;
            stays_its_own_trouble(rig, &domain).await?;
        }
        Ok(())
    });
}

#[test]
fn texts_of_any_size_end_no_run() {
    on_the_stack(async |rig| {
        let domain = rig.domain("large").await?;
        domain.go_live(rig).await?;
        let tenant = domain.tenant;
        rig.sql(&format!(
            "UPDATE portal_domains SET domain = repeat('a', 4000) || '.test', updated_at = now(), status = 'pending_dns', \
             verification_details = jsonb_build_object('expected_cname', repeat('b', 3000000)) WHERE tenant = '{tenant}'"
        ))
        .await?;
        stays_its_own_trouble(rig, &domain).await
    });
}

#[test]
fn a_name_that_is_none_is_refused_and_removed() {
    on_the_stack(async |rig| {
        let mut domain = rig.domain("any-name").await?;
        domain.register_row(rig, "a..b.acme-customer.test").await?;
        domain.announce(rig, "register").await?;
        domain.reaches(rig, Status::DnsFailed, MINUTE).await?;
        domain.disable_row(rig).await?;
        domain.announce(rig, "disable").await?;
        domain.vanishes(rig, MINUTE).await?;
        rig.oracle(&domain).await
    });
}

#[test]
fn a_cancelled_run_ends_and_another_one_is_started() {
    on_the_stack(async |rig| {
        let domain = rig.domain("cancelled").await?;
        domain.go_live(rig).await?;
        domain.cancel(rig).await?;
        eventually("the run ends", MINUTE / 2, || async {
            match rig.history_size(&domain).await {
                Ok((events, _)) if domain.is_open(rig).await.is_ok_and(|open| !open) => Ok(events),
                Ok((events, _)) => Err(format!("open with {events} events")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await?;
        eventually("another run", 5 * MINUTE, || async {
            match domain.is_open(rig).await {
                Ok(true) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
        domain.reaches(rig, Status::Active, MINUTE).await?;
        rig.oracle(&domain).await
    });
}
