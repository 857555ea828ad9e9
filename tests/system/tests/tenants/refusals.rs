//! What is refused, what is adopted, and what a second attempt finds.

use crate::cell::Cell;
use crate::holds::Point;
use crate::oracle::{self, Mailed};
use crate::rig::on_the_stack;
use crate::world::World;
use anyhow::ensure;
use devstack::MANAGEMENT_TENANT;
use futures::future::try_join_all;
use harness::{Ended, eventually};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

/// Gives somebody in the vendor's tenant the address.
async fn occupy(world: &World, cell: &Cell, user_type: &str) -> anyhow::Result<()> {
    world
        .rig
        .sql(&format!(
            "INSERT INTO users (tenant, username, email, hashed_password, user_type)
             VALUES ('{MANAGEMENT_TENANT}', '{0}', upper('{0}'), 'x:y', '{user_type}')",
            cell.email
        ))
        .await
}

#[test]
fn an_address_of_an_administrator_elsewhere_is_refused_without_saying_whose_it_is() {
    on_the_stack(async |world| {
        let cell = Cell::bought(world, "taken");
        occupy(world, &cell, "internal").await?;
        cell.start().await?;
        let Ended::Failed { kind, text, details } = cell.ended().await? else { anyhow::bail!("a second account") };
        ensure!((kind.as_str(), &details) == ("DuplicateError", &None), "{kind} {details:?}");
        ensure!(!text.contains(&cell.email) && !text.contains(MANAGEMENT_TENANT), "{text}");
        oracle::nothing(world, &cell).await?;
        // A client's user with this address is somebody else's customer, and no obstacle.
        let cell = Cell::new(world, "clientuser");
        occupy(world, &cell, "client").await?;
        cell.start().await?;
        let ended = cell.ended().await?;
        oracle::complete(world, &cell, &ended, Mailed::Once).await?;
        Ok(())
    });
}

/// Starts a creation, and ends its run by force while a step is in the middle.
async fn broken_off(world: &World, cell: &Cell, point: Point) -> anyhow::Result<()> {
    let holder = point.hold(world, cell).await?;
    cell.start().await?;
    eventually(&format!("{} is held", point.as_str()), Duration::from_secs(30), || async {
        match point.is_reached(world, cell, &holder).await {
            Ok(true) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    cell.run.terminate().await?;
    holder.release().await;
    Ok(())
}

#[test]
fn a_minted_id_is_adopted_also_by_a_second_attempt() {
    on_the_stack(async |world| {
        let minted = || Uuid::new_v4().to_string();
        // Somebody wrote the row of the tenant beforehand, and nothing else.
        let cell = Cell::new(world, "bare").with("tenantId", json!(minted()));
        let id = cell.input["tenantId"].as_str().unwrap_or_default().to_owned();
        world
            .rig
            .sql(&format!(
                "INSERT INTO tenants (tenant, client_name, email) VALUES ('{id}', 'To be replaced', 'x@y.test')"
            ))
            .await?;
        cell.start().await?;
        let ended = cell.ended().await?;
        ensure!(oracle::complete(world, &cell, &ended, Mailed::Once).await? == id, "another tenant");

        // The second attempt has the same workflow id, or only the same minted id.
        let points = [Point::CreateTenant, Point::Seeds, Point::Admin, Point::Settings, Point::MailNoted];
        let attempts = points.into_iter().flat_map(|point| [(point, true), (point, false)]);
        try_join_all(attempts.map(|(point, same)| async move {
            let cell = Cell::new(world, &format!("second{point:?}")).with("tenantId", json!(minted()));
            broken_off(world, &cell, point).await?;
            let run = if same { cell.run.clone() } else { world.rig.run(&format!("{}-again", cell.run.id)) };
            let again = Cell { run, ..cell };
            again.start().await?;
            let ended = again.ended().await?;
            let tenant = oracle::complete(world, &again, &ended, Mailed::Once).await?;
            ensure!(again.input["tenantId"] == json!(tenant), "{point:?}: another tenant");
            Ok(())
        }))
        .await?;
        Ok(())
    });
}

#[test]
fn a_minted_id_of_a_tenant_with_rows_of_others_is_refused() {
    on_the_stack(async |world| {
        let cell = Cell::new(world, "foreign").with("tenantId", json!(Uuid::new_v4().to_string()));
        let id = cell.input["tenantId"].as_str().unwrap_or_default();
        world
            .rig
            .sql(&format!(
                "INSERT INTO tenants (tenant, client_name, email) VALUES ('{id}', 'Somebody', 'x@y.test');
                 INSERT INTO roles (tenant, role_name) VALUES ('{id}', 'Admin')"
            ))
            .await?;
        cell.start().await?;
        let ended = cell.ended().await?;
        ensure!(matches!(&ended, Ended::Failed { kind, .. } if kind == "IdempotencyConflict"), "{ended:?}");
        oracle::nothing(world, &cell).await?;
        let kept = world.rig.ask(&format!("SELECT client_name FROM tenants WHERE tenant = '{id}'")).await?;
        ensure!(kept == "Somebody", "the foreign tenant was changed: {kept}");
        Ok(())
    });
}

#[test]
fn a_second_attempt_with_another_input_is_refused() {
    on_the_stack(async |world| {
        let cell = Cell::new(world, "changed");
        broken_off(world, &cell, Point::Seeds).await?;
        let other = cell.clone().with("companyName", json!("Quite Another"));
        other.start().await?;
        let ended = other.ended().await?;
        ensure!(matches!(&ended, Ended::Failed { kind, .. } if kind == "IdempotencyConflict"), "{ended:?}");
        // With the first input it goes on.
        cell.start().await?;
        let ended = cell.ended().await?;
        oracle::complete(world, &cell, &ended, Mailed::Once).await?;
        Ok(())
    });
}
