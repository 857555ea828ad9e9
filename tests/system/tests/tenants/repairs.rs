//! Waiting for somebody's decision: in the run itself, and in the successor that it hands over to.

use crate::cell::Cell;
use crate::holds::Point;
use crate::oracle::{self, Mailed};
use crate::rig::on_the_stack;
use crate::world::World;
use anyhow::{Context as _, ensure};
use devstack::MANAGEMENT_TENANT;
use harness::{CreationRun, Ended, eventually};
use serde_json::json;
use std::time::Duration;

/// The run hands over after half of this.
const SHORT: Duration = Duration::from_secs(40);

/// Somebody takes the administrator's address between two steps, so that `createAdminUser` fails for good.
pub(crate) async fn blocked(world: &World, cell: &Cell) -> anyhow::Result<()> {
    let holder = Point::Seeds.hold(world, cell).await?;
    cell.start().await?;
    eventually("the seeds are held", Duration::from_secs(30), || async {
        match Point::Seeds.is_reached(world, cell, &holder).await {
            Ok(true) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    let email = &cell.email;
    world
        .rig
        .sql(&format!(
            "INSERT INTO users (tenant, username, email, hashed_password, user_type)
             VALUES ('{MANAGEMENT_TENANT}', '{email}', '{email}', 'x:y', 'internal')"
        ))
        .await?;
    holder.release().await;
    Ok(())
}

/// The address is free again.
pub(crate) async fn mend(world: &World, cell: &Cell) -> anyhow::Result<()> {
    world.rig.sql(&format!("DELETE FROM users WHERE tenant = '{MANAGEMENT_TENANT}' AND email = '{}'", cell.email)).await
}

async fn waits(run: &CreationRun) -> anyhow::Result<String> {
    let state = run.waits(Duration::from_secs(60)).await?;
    let repair = state.repair.context("no repair")?;
    let seen = (state.step.as_deref(), repair.reason.as_deref());
    ensure!(seen == (Some("creating_admin_user"), Some("DuplicateError")), "{seen:?}");
    ensure!(repair.attempts.is_some_and(|attempts| attempts > 0) && repair.since.is_some(), "{repair:?}");
    state.tenant_id.context("no tenant")
}

async fn decided(run: &CreationRun, action: &str) -> anyhow::Result<()> {
    let reply = run.decide(action).await?;
    ensure!(reply.accepted == Some(true), "{reply:?}");
    Ok(())
}

#[test]
fn a_retry_goes_on_from_the_step_that_failed_as_often_as_it_takes() {
    on_the_stack(async |world| {
        let cell = Cell::bought(world, "retried");
        blocked(world, &cell).await?;
        let tenant = waits(&cell.run).await?;
        // Nothing was mended: it waits again.
        decided(&cell.run, "retry").await?;
        eventually("a second try", Duration::from_secs(30), || async {
            match cell.run.state().await {
                Ok(state) if state.repair.as_ref().and_then(|repair| repair.attempts) == Some(2) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
        ensure!(cell.run.decide("sometimes").await.is_err(), "a malformed decision was taken");
        mend(world, &cell).await?;
        decided(&cell.run, "retry").await?;
        let ended = cell.ended().await?;
        ensure!(oracle::complete(world, &cell, &ended, Mailed::Once).await? == tenant, "another tenant");
        let log = world
            .rig
            .ask(&format!(
                "SELECT string_agg(state || ' ' || decided_by, ', ' ORDER BY id) FROM tenantry.creation_log
                 WHERE tenant = '{tenant}'"
            ))
            .await?;
        ensure!(log == "repair , open operator-1, repair , open operator-1, completed ", "{log}");
        Ok(())
    });
}

#[test]
fn an_abandoned_creation_is_told_of_and_left_to_the_operator() {
    on_the_stack(async |world| {
        let cell = Cell::bought(world, "abandoned");
        blocked(world, &cell).await?;
        let tenant = waits(&cell.run).await?;
        decided(&cell.run, "abandon").await?;
        let ended = cell.ended().await?;
        ensure!(matches!(&ended, Ended::Failed { kind, .. } if kind == "CreationAbandoned"), "{ended:?}");
        oracle::records(world, &tenant, "abandoned").await?;
        oracle::callbacks(world, &cell, "failed")?;
        // The purchase is still this tenant's: nobody gets a second one for it.
        let other = Cell::new(world, "other").with("checkoutSessionId", cell.input["checkoutSessionId"].clone());
        other.start().await?;
        let ended = other.ended().await?;
        ensure!(matches!(&ended, Ended::Failed { kind, .. } if kind == "DuplicateError"), "{ended:?}");
        // A re-run of the same creation goes on with what is there.
        mend(world, &cell).await?;
        cell.start().await?;
        let ended = cell.ended().await?;
        ensure!(oracle::whole(world, &cell, &ended, Mailed::Once).await? == tenant, "another tenant");
        Ok(())
    });
}

#[test]
fn a_run_whose_time_is_up_hands_over_to_a_successor_that_completes() {
    on_the_stack(async |world| {
        let cell = Cell { run_timeout: SHORT, ..Cell::bought(world, "handed") };
        blocked(world, &cell).await?;
        let tenant = waits(&cell.run).await?;
        let ended = cell.ended().await?;
        let successor = format!("tenant-repair-{tenant}");
        let Ended::Failed { kind, details, .. } = &ended else { anyhow::bail!("{ended:?}") };
        let named = json!({ "workflowId": successor });
        ensure!((kind.as_str(), details.as_ref()) == ("RepairRequired", Some(&named)), "{ended:?}");
        let state = cell.run.state().await?;
        let to = state.repair.and_then(|repair| repair.workflow_id);
        ensure!(to.as_deref() == Some(successor.as_str()), "getState names {to:?}");
        let run = world.rig.run(&successor);
        ensure!(waits(&run).await? == tenant, "another tenant");
        // The application starts the same creation again: it is told at once.
        cell.start().await?;
        let ended = cell.ended().await?;
        ensure!(matches!(&ended, Ended::Failed { kind, .. } if kind == "RepairRequired"), "{ended:?}");
        mend(world, &cell).await?;
        decided(&run, "retry").await?;
        let ended = run.ended(Duration::from_secs(60)).await?;
        ensure!(oracle::whole(world, &cell, &ended, Mailed::Once).await? == tenant, "another tenant");
        Ok(())
    });
}

#[test]
fn a_password_is_still_there_for_a_retry_in_the_same_run() {
    on_the_stack(async |world| {
        let mut cell = Cell::new(world, "ownpassword");
        cell.input["adminUser"]["password"] = json!(format!("Operators-own-{}", cell.word));
        blocked(world, &cell).await?;
        let tenant = waits(&cell.run).await?;
        mend(world, &cell).await?;
        decided(&cell.run, "retry").await?;
        let ended = cell.ended().await?;
        ensure!(oracle::complete(world, &cell, &ended, Mailed::Once).await? == tenant, "another tenant");
        Ok(())
    });
}

#[test]
fn a_cancellation_during_the_wait_goes_with_the_hand_over() {
    on_the_stack(async |world| {
        for by_signal in [true, false] {
            let cell = Cell { run_timeout: SHORT, ..Cell::bought(world, "cancelledwait") };
            blocked(world, &cell).await?;
            let tenant = waits(&cell.run).await?;
            match by_signal {
                true => cell.run.signal("cancel", &json!({ "reason": "test" })).await?,
                false => cell.run.cancel().await?,
            }
            let ended = cell.ended().await?;
            ensure!(matches!(&ended, Ended::Failed { kind, .. } if kind == "RepairRequired"), "{ended:?}");
            mend(world, &cell).await?;
            let run = world.rig.run(&format!("tenant-repair-{tenant}"));
            waits(&run).await?;
            let reply = run.decide("retry").await?;
            ensure!((reply.accepted, reply.code.as_deref()) == (Some(false), Some("CANCELLED")), "{reply:?}");
            decided(&run, "abandon").await?;
            let ended = run.ended(Duration::from_secs(60)).await?;
            ensure!(matches!(&ended, Ended::Failed { kind, .. } if kind == "CreationAbandoned"), "{ended:?}");
            oracle::records(world, &tenant, "abandoned").await?;
        }
        Ok(())
    });
}

#[test]
fn a_tenant_that_was_perhaps_written_is_looked_for_by_a_successor() {
    on_the_stack(async |world| {
        // No try of the step ends: nobody knows whether one was committed.
        let cell = Cell { run_timeout: SHORT, ..Cell::bought(world, "perhaps") };
        let holder = Point::CreateTenant.hold(world, &cell).await?;
        cell.start().await?;
        let ended = cell.ended().await?;
        let Ended::Failed { kind, details, .. } = &ended else { anyhow::bail!("{ended:?}") };
        ensure!(kind == "RepairRequired", "{ended:?}");
        let details = details.clone().unwrap_or_default();
        let successor = details["workflowId"].as_str().context("no successor")?.to_owned();
        holder.release().await;
        let run = world.rig.run(&successor);
        run.waits(Duration::from_secs(60)).await?;
        decided(&run, "retry").await?;
        let ended = run.ended(Duration::from_secs(60)).await?;
        let tenant = oracle::whole(world, &Cell { run, ..cell }, &ended, Mailed::Once).await?;
        ensure!(successor == format!("tenant-repair-{tenant}"), "{successor} made {tenant}");
        Ok(())
    });
}

#[test]
fn the_note_of_a_wait_is_tried_until_it_is_written() {
    on_the_stack(async |world| {
        let role = store::WORKER_ROLE;
        world.rig.sql(&format!("REVOKE UPDATE ON tenantry.creations FROM {role}")).await?;
        let cell = Cell::bought(world, "notnoted");
        blocked(world, &cell).await?;
        let tenant = waits(&cell.run).await?;
        let tried = eventually("the note is tried again and again", Duration::from_secs(60), || async {
            let described = cell.run.describe().await.map_err(|error| format!("{error:#}"))?;
            let tries = described.raw_description.pending_activities.iter().map(|activity| activity.attempt).max();
            if tries >= Some(4) { Ok(()) } else { Err(format!("{tries:?}")) }
        })
        .await;
        let before = cell.run.history().await?.len();
        world.rig.sql(&format!("GRANT UPDATE ON tenantry.creations TO {role}")).await?;
        tried?;
        eventually("the record says so", Duration::from_secs(60), || async {
            oracle::records(world, &tenant, "repair").await.map_err(|error| error.to_string())
        })
        .await?;
        let after = cell.run.history().await?.len();
        ensure!(after <= before + 5, "{before} events, then {after}");
        mend(world, &cell).await?;
        decided(&cell.run, "retry").await?;
        let ended = cell.ended().await?;
        ensure!(oracle::complete(world, &cell, &ended, Mailed::Once).await? == tenant, "another tenant");
        Ok(())
    });
}
