//! Repairs whose run is not what it seems: one that somebody made up, and one that somebody ended.

use crate::cell::Cell;
use crate::oracle::{self, Mailed};
use crate::repairs::{blocked, mend};
use crate::rig::on_the_stack;
use anyhow::{Context as _, ensure};
use contract::names;
use harness::{Ended, Start};
use serde_json::{Value, json};
use std::time::Duration;
use temporalio_common::protos::temporal::api::common::v1::Payload;

/// The run hands over after half of this.
const SHORT: Duration = Duration::from_secs(40);
const END: Duration = Duration::from_secs(60);

fn payload(value: &Value) -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: value.to_string().into_bytes(),
        ..Payload::default()
    }
}

#[test]
fn a_repair_that_was_made_up_does_nothing() {
    on_the_stack(async |world| {
        let (one, two) = (Cell::new(world, "one"), Cell::new(world, "two"));
        one.start().await?;
        let ended = one.ended().await?;
        let tenant = oracle::complete(world, &one, &ended, Mailed::Once).await?;
        blocked(world, &two).await?;
        let other = two.run.waits(END).await?.tenant_id.context("no tenant")?;
        let user = world.rig.ask(&format!("SELECT user_id::text FROM users WHERE tenant = '{tenant}'")).await?;
        let everything = format!("SELECT string_agg(u::text, ' ') FROM users u WHERE tenant = '{tenant}'");
        let before = world.rig.ask(&everything).await?;
        let wanted = json!({ "tenantName": "Eve", "adminUser": { "firstName": "Eve", "lastName": "Evil", "email": "eve@evil.test" } });
        // Of a creation that is complete, of another one's tenant, and of one that never was.
        let cases = [
            (one.run.id.as_str(), tenant.as_str()),
            (two.run.id.as_str(), tenant.as_str()),
            (one.run.id.as_str(), other.as_str()),
            ("tenant-creation-nobody", tenant.as_str()),
        ];
        for (n, (origin, tenant)) in cases.into_iter().enumerate() {
            let forged = json!({
                "originId": origin, "step": "sending_welcome_email", "reason": "TIME_IS_UP", "attempts": 1, "sinceMs": "1",
                "facts": { "tenantId": tenant, "adminUserId": user, "progress": 90, "createdMs": "1" },
                "input": wanted.to_string(), "productCode": "psa",
            });
            let run = world.rig.run(&format!("tenant-repair-made-up-{n}"));
            run.start(Start {
                workflow: names::TENANT_REPAIR_WORKFLOW,
                queue: names::TENANT_LIFECYCLE_QUEUE.to_owned(),
                arguments: vec![payload(&forged)],
                run_timeout: Duration::from_secs(600),
            })
            .await?;
            let ended = run.ended(END).await?;
            ensure!(
                matches!(&ended, Ended::Failed { kind, .. } if kind == "IdempotencyConflict"),
                "{origin}: {ended:?}"
            );
        }
        ensure!(world.rig.ask(&everything).await? == before, "a user was changed");
        oracle::records(world, &tenant, "completed").await?;
        Ok(())
    });
}

#[test]
fn a_successor_that_was_ended_is_started_again_by_the_command_that_decides() {
    on_the_stack(async |world| {
        // What nobody reads is not carried.
        let noise = json!("\"".repeat(100_000));
        let cell = Cell { run_timeout: SHORT, ..Cell::bought(world, "ended") }.with("noise", noise);
        blocked(world, &cell).await?;
        let tenant = cell.run.waits(END).await?.tenant_id.context("no tenant")?;
        let ended = cell.ended().await?;
        ensure!(matches!(&ended, Ended::Failed { kind, .. } if kind == "RepairRequired"), "{ended:?}");
        let successor = world.rig.run(&format!("tenant-repair-{tenant}"));
        successor.waits(END).await?;
        successor.terminate().await?;
        // The database cannot see it: another run of the creation is told of the one that waited.
        cell.start().await?;
        let ended = cell.ended().await?;
        ensure!(matches!(&ended, Ended::Failed { kind, .. } if kind == "RepairRequired"), "{ended:?}");
        mend(world, &cell).await?;
        let command = async |words: &str| {
            let line: Vec<&str> = words.split(' ').chain(["--tenant", &tenant]).collect();
            world.rig.tenantry(&line).await
        };
        let (code, out, error) = command("tenant status").await?;
        ensure!(code == 0 && out.contains("--action retry") && out.contains("starts it again"), "{code} {out} {error}");
        let (code, out, error) = command("tenant repair --action retry --by operator-1 --note ended").await?;
        ensure!(code == 0, "{code} {out} {error}");
        let ended = successor.ended(END).await?;
        ensure!(oracle::whole(world, &cell, &ended, Mailed::Once).await? == tenant, "another tenant");
        Ok(())
    });
}
