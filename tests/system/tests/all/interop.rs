//! The web application's own client library performs its own sequence (tests/interop/caller.mjs).

use crate::rig::on_the_stack;
use anyhow::ensure;
use harness::Status;
use std::time::Duration;

#[test]
fn the_existing_caller_starts_and_signals() {
    on_the_stack(async |rig| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop");
        let installed = std::path::Path::new(folder).join("node_modules/@temporalio/client").exists();
        ensure!(installed, "run `npm ci` in tests/interop first; `./gate interop` does");
        let domain = rig.domain("interop").await?;
        domain.point_here(rig)?;
        let output = tokio::process::Command::new("node")
            .args(["caller.mjs", &domain.tenant.to_string(), &domain.id.to_string()])
            .current_dir(folder)
            .envs(&rig.environment)
            .kill_on_drop(true)
            .output()
            .await?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{err}");
        println!("caller: {out}");
        domain.reaches(rig, Status::Active, Duration::from_secs(60)).await?;
        rig.oracle(&domain).await
    });
}
