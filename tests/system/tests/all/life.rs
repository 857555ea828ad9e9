//! The life of a domain: to live HTTPS, through changes, to removal.

use crate::rig::on_the_stack;
use anyhow::ensure;
use harness::{Door, Rig, Visitor, eventually};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

use harness::Status;

#[test]
fn a_domain_goes_live_and_is_removed_without_a_trace() {
    on_the_stack(async |rig| {
        let domain = rig.domain("life").await?;
        domain.go_live(rig).await?;
        rig.oracle(&domain).await?;
        domain.disable_row(rig).await?;
        domain.announce(rig, "disable").await?;
        domain.vanishes(rig, MINUTE).await?;
        rig.oracle(&domain).await
    });
}

#[test]
fn broken_dns_shows_and_a_repair_is_seen() {
    on_the_stack(async |rig| {
        let domain = rig.domain("broken").await?;
        domain.go_live(rig).await?;
        let visitor = Visitor::send(&Door::of(&rig.environment)?, &domain.host);
        rig.dns_unset(&domain.host)?;
        domain.announce(rig, "refresh").await?;
        let row = domain.shows(rig, "DNS_NO_RECORDS", MINUTE).await?;
        ensure!(row.status == Status::Active.as_str(), "what serves stays active: {row:?}");
        rig.oracle(&domain).await?;
        domain.point_here(rig)?;
        let reply = domain.reconcile(rig).await?;
        ensure!(reply.status == "active", "{reply:?}");
        visitor.was_served().await?;
        rig.oracle(&domain).await
    });
}

#[test]
fn a_change_of_domain_serves_the_new_host_before_the_old_objects_go() {
    on_the_stack(async |rig| {
        let mut domain = rig.domain("before").await?;
        domain.go_live(rig).await?;
        let before = rig.objects(&domain).await?;
        let secrets_before = rig.secrets(&domain).await?;
        let visitor = Visitor::send(&Door::of(&rig.environment)?, &domain.host);
        domain.register_row(rig, "after.acme-customer.test").await?;
        domain.announce(rig, "refresh").await?;
        domain.reaches(rig, Status::VerifyingDns, MINUTE).await?;
        let during = rig.objects(&domain).await?;
        ensure!(before.iter().all(|object| during.contains(object)), "the old host lost an object: {during:?}");
        visitor.was_served().await?;
        drop(visitor);
        domain.point_here(rig)?;
        domain.announce(rig, "refresh").await?;
        domain.reaches(rig, Status::Active, MINUTE).await?;
        eventually("old objects gone", MINUTE, || async {
            let now = rig.objects(&domain).await.map_err(|error| error.to_string())?;
            let secrets = rig.secrets(&domain).await.map_err(|error| error.to_string())?;
            let left = before.iter().any(|object| now.contains(object))
                || secrets_before.iter().any(|secret| secrets.contains(secret));
            if left { Err(format!("{now:?} {secrets:?}")) } else { Ok(()) }
        })
        .await?;
        let explained = domain.explain(rig).await?;
        let face = explained.status.unwrap_or_default();
        ensure!(face.phase == "active" && face.reason.is_empty(), "not quite good: {face:?}");
        rig.oracle(&domain).await
    });
}

#[test]
fn register_again_in_the_middle_of_a_removal_ends_served() {
    on_the_stack(async |rig| {
        let mut domain = rig.domain("again").await?;
        domain.go_live(rig).await?;
        domain.disable_row(rig).await?;
        domain.announce(rig, "disable").await?;
        let host = domain.host.clone();
        domain.register_row(rig, &host).await?;
        domain.announce(rig, "register").await?;
        domain.reaches(rig, Status::Active, MINUTE).await?;
        rig.oracle(&domain).await
    });
}

#[test]
fn disable_in_each_stage_of_a_registration_ends_clean() {
    on_the_stack(async |rig| {
        for stage in [
            Status::PendingDns,
            Status::VerifyingDns,
            Status::PendingCertificate,
            Status::CertificateIssuing,
            Status::Deploying,
        ] {
            let domain = rig.domain(&format!("stage-{}", stage.as_str().replace('_', "-"))).await?;
            domain.point_here(rig)?;
            domain.announce(rig, "register").await?;
            // A stage may pass faster than it is seen; then the order meets the next one.
            let _ = domain.reaches(rig, stage, Duration::from_secs(3)).await;
            domain.disable_row(rig).await?;
            domain.announce(rig, "disable").await?;
            domain.vanishes(rig, MINUTE).await?;
            rig.oracle(&domain).await?;
        }
        Ok(())
    });
}

/// Lets cert-manager issue again although nothing is near its end, as `cmctl renew` does, and waits until the copy follows.
async fn renew(rig: &Rig, name: &str) -> anyhow::Result<()> {
    let copy = async || -> anyhow::Result<String> {
        let secret = rig.kubectl.object("secret", "istio-system", name).await?.unwrap_or_default();
        Ok(secret["data"]["tls.crt"].as_str().unwrap_or_default().to_owned())
    };
    let before = copy().await?;
    let kind = "certificates.cert-manager.io";
    let certificate = rig.kubectl.object(kind, "msp", name).await?.unwrap_or_default();
    let generation = &certificate["metadata"]["generation"];
    let condition = |kind: &str, reason: &str| {
        serde_json::json!({"type": kind, "status": "True", "reason": reason, "message": "test",
            "lastTransitionTime": certificate["metadata"]["creationTimestamp"], "observedGeneration": generation})
    };
    let conditions = [condition("Ready", "Ready"), condition("Issuing", "ManuallyTriggered")];
    let patch = serde_json::json!({"status": {"conditions": conditions}}).to_string();
    let args = ["patch", kind, "-n", "msp", name, "--subresource=status", "--type=merge", "-p", &patch];
    rig.kubectl.run(&args, None).await?;
    eventually("the copy follows", 3 * MINUTE, || async {
        let now = copy().await.map_err(|error| error.to_string())?;
        if now == before || now.is_empty() { Err("still the old certificate".to_owned()) } else { Ok(()) }
    })
    .await
}

#[test]
fn a_renewed_certificate_reaches_the_edge_by_itself() {
    on_the_stack(async |rig| {
        let domain = rig.domain("renewed").await?;
        domain.go_live(rig).await?;
        let visitor = Visitor::send(&Door::of(&rig.environment)?, &domain.host);
        renew(rig, &format!("portal-domain-{}", domain.id)).await?;
        ensure!(domain.row(rig).await?.is_some_and(|row| row.status == "active"), "it stopped being active");
        visitor.was_served().await?;
        rig.oracle(&domain).await
    });
}

#[test]
fn a_host_that_is_being_left_is_renewed_for_as_long_as_it_serves() {
    on_the_stack(async |rig| {
        let mut domain = rig.domain("kept").await?;
        domain.go_live(rig).await?;
        let visitor = Visitor::send(&Door::of(&rig.environment)?, &domain.host);
        domain.register_row(rig, "kept-new.acme-customer.test").await?;
        domain.announce(rig, "refresh").await?;
        domain.reaches(rig, Status::VerifyingDns, MINUTE).await?;
        renew(rig, &format!("portal-domain-{}", domain.id)).await?;
        visitor.was_served().await?;
        rig.oracle(&domain).await
    });
}
