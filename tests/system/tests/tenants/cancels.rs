//! Cancelling, and signals without effect, in each activity: they count at the next boundary of a step.

use crate::cell::Cell;
use crate::holds::Point;
use crate::matrix::{Case, all_complete, cases, hold_all, release_all, report};
use crate::oracle;
use crate::rig::on_the_stack;
use crate::world::World;
use anyhow::{Context as _, ensure};
use harness::{Ended, eventually};
use serde_json::json;
use std::time::Duration;

/// The points before the last boundary. A call to the shop runs beside the steps, so that it holds none of them.
const BOUND: [Point; 10] = [
    Point::Mail,
    Point::FetchStripe,
    Point::CreateTenant,
    Point::Seeds,
    Point::Admin,
    Point::Settings,
    Point::CustomerClient,
    Point::CustomerContact,
    Point::TagCustomer,
    Point::MailNoted,
];

/// Who cancels.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Signal,
    Temporal,
}

async fn cancelled(world: &World, fault: &str, by: By) -> anyhow::Result<()> {
    let mut held = hold_all(world, fault, &BOUND).await?;
    for one in &held {
        match by {
            // The argument has no meaning; what does not fit is no reason to go on.
            By::Signal => one.cell.run.signal("cancel", &json!(["garbage"])).await?,
            By::Temporal => one.cell.run.cancel().await?,
        }
    }
    release_all(&mut held).await;
    report(fault, &cases(&held), async |case: &Case<'_>| {
        if case.what == Point::FetchStripe.as_str() {
            clean(world, case.cell, by).await
        } else {
            waiting(world, case.cell).await
        }
    })
    .await
}

/// Nothing was written yet: the run ends, and nothing is left.
async fn clean(world: &World, cell: &Cell, by: By) -> anyhow::Result<()> {
    let ended = cell.ended().await?;
    match by {
        By::Temporal => ensure!(ended == Ended::Cancelled, "{ended:?}"),
        By::Signal => {
            let is_cancelled = matches!(&ended, Ended::Failed { kind, .. } if kind == "CreationCancelled");
            ensure!(is_cancelled, "{ended:?}");
        }
    }
    oracle::nothing(world, cell).await
}

/// Something was written: the run waits, only to be abandoned, and keeps what it wrote.
async fn waiting(world: &World, cell: &Cell) -> anyhow::Result<()> {
    let state = cell.run.waits(Duration::from_secs(60)).await?;
    let reason = state.repair.and_then(|repair| repair.reason);
    ensure!(reason.as_deref() == Some("cancelled"), "{reason:?}");
    let tenant = state.tenant_id.context("the state names no tenant")?;
    // It waits already while it is being noted.
    eventually("the record says so", Duration::from_secs(30), || async {
        oracle::records(world, &tenant, "repair").await.map_err(|error| error.to_string())
    })
    .await?;
    let again = cell.run.decide("retry").await?;
    ensure!((again.accepted, again.code.as_deref()) == (Some(false), Some("CANCELLED")), "{again:?}");
    ensure!(cell.run.decide("abandon").await?.accepted == Some(true), "not accepted");
    let ended = cell.ended().await?;
    ensure!(matches!(ended, Ended::Failed { .. }), "{ended:?}");
    let state = cell.run.state().await?;
    ensure!(state.step.as_deref() == Some("failed") && state.repair.is_none(), "{state:?}");
    oracle::records(world, &tenant, "abandoned").await?;
    let kept =
        world.rig.ask(&format!("SELECT count(*)::text FROM tenants WHERE client_name = '{}'", cell.name)).await?;
    ensure!(kept == "1", "{kept} tenants are left for the operator");
    oracle::no_failing_task(cell).await
}

#[test]
fn a_signal_cancels_at_each_boundary() {
    on_the_stack(async |world| cancelled(world, "signal cancel", By::Signal).await);
}

#[test]
fn temporals_own_cancellation_acts_at_each_boundary() {
    on_the_stack(async |world| cancelled(world, "cancelled", By::Temporal).await);
}

#[test]
fn signals_without_effect_change_nothing_in_each_activity() {
    on_the_stack(async |world| {
        let mut held = hold_all(world, "other signals", &Point::ALL).await?;
        for one in &held {
            one.cell.run.signal("update", &json!({ "field": "tenantName", "value": "Other" })).await?;
            one.cell.run.signal("update", &json!("garbage")).await?;
            one.cell.run.signal("nobodyKnowsThis", &json!(null)).await?;
            let early = one.cell.run.decide("retry").await?;
            ensure!(early.code.as_deref() == Some("NOT_WAITING"), "{early:?}");
        }
        release_all(&mut held).await;
        all_complete(world, "other signals", &held).await
    });
}
