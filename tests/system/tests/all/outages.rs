//! Our own parts fail: the worker, Temporal, the database, the cluster. A domain in the middle still ends live.

use crate::rig::on_the_stack;
use anyhow::ensure;
use harness::{Rig, Signal, Status};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// How a part goes away.
#[derive(Clone, Copy)]
enum Away {
    /// SIGKILL, and started again after this long.
    Killed(Duration),
    /// SIGSTOP: connections stay open and nothing is answered. The test server of Temporal keeps its data in memory, so it
    /// cannot be killed and come back.
    Frozen(Duration),
}

/// Takes a part away while a registration stands in `stage`, brings it back, and expects the domain to go live.
async fn part_dies(rig: &Rig, part: &str, stage: Status, away: Away) -> anyhow::Result<()> {
    let label = format!("{}-{}", part.replace('_', "-"), stage.as_str().replace('_', "-"));
    let domain = rig.domain(&label).await?;
    domain.point_here(rig)?;
    domain.announce(rig, "register").await?;
    // A stage may pass faster than it is seen; the part then dies in the next one.
    let _ = domain.reaches(rig, stage, Duration::from_secs(2)).await;
    match away {
        Away::Killed(down) => {
            rig.stack.kill_part(part, Signal::Kill).await?;
            tokio::time::sleep(down).await;
            rig.stack.start_part(part).await?;
        }
        Away::Frozen(down) => {
            rig.stack.kill_part(part, Signal::Freeze).await?;
            tokio::time::sleep(down).await;
            rig.stack.kill_part(part, Signal::Thaw).await?;
        }
    }
    domain.reaches(rig, Status::Active, 3 * MINUTE).await?;
    rig.oracle(&domain).await
}

#[test]
fn the_worker_is_killed_in_each_stage() {
    on_the_stack(async |rig| {
        for stage in [
            Status::VerifyingDns,
            Status::PendingCertificate,
            Status::CertificateIssuing,
            Status::Deploying,
            Status::Active,
        ] {
            part_dies(rig, "worker", stage, Away::Killed(Duration::ZERO)).await?;
        }
        Ok(())
    });
}

#[test]
fn the_database_is_down_for_a_minute_in_the_middle() {
    on_the_stack(async |rig| part_dies(rig, "postgres", Status::VerifyingDns, Away::Killed(OUTAGE)).await);
}

#[test]
fn the_api_server_is_down_for_a_minute_in_the_middle() {
    on_the_stack(async |rig| part_dies(rig, "apiserver", Status::CertificateIssuing, Away::Killed(OUTAGE)).await);
}

#[test]
fn temporal_is_down_for_a_minute_in_the_middle() {
    on_the_stack(async |rig| {
        let live = rig.domain("temporal-live").await?;
        live.go_live(rig).await?;
        part_dies(rig, "temporal", Status::VerifyingDns, Away::Frozen(OUTAGE)).await?;
        ensure!(live.row(rig).await?.is_some_and(|row| row.status == "active"), "a live domain changed");
        rig.oracle(&live).await
    });
}

/// How long a part stays away.
const OUTAGE: Duration = MINUTE;
