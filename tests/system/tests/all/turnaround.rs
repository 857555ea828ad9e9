//! Register in each stage of a removal: it ends in a served domain, and nothing of the removal comes later.

use crate::rig::on_the_stack;
use anyhow::ensure;
use harness::{Domain, Rig, Status, eventually};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// What holds an object back while it is being deleted.
const HOLD: &str = "test.tenantry.io/hold";

async fn hold(rig: &Rig, kind: &str, namespace: &str, name: &str, on: bool) -> anyhow::Result<()> {
    let patch = match on {
        true => format!(r#"{{"metadata":{{"finalizers":["{HOLD}"]}}}}"#),
        false => r#"{"metadata":{"finalizers":null}}"#.to_owned(),
    };
    rig.kubectl.run(&["patch", kind, "-n", namespace, name, "--type=merge", "-p", &patch], None).await?;
    Ok(())
}

async fn disable(rig: &Rig, domain: &Domain) -> anyhow::Result<()> {
    domain.disable_row(rig).await?;
    domain.announce(rig, "disable").await
}

async fn register_again(rig: &Rig, domain: &mut Domain) -> anyhow::Result<()> {
    let host = domain.host.clone();
    domain.register_row(rig, &host).await?;
    domain.announce(rig, "register").await
}

#[test]
fn register_while_the_deletion_of_each_object_is_held_back_ends_served() {
    on_the_stack(async |rig| {
        let stages = [
            ("virtualservices.networking.istio.io", "msp", "portal-domain-vs-"),
            ("gateways.networking.istio.io", "istio-system", "portal-domain-gw-"),
            ("secrets", "istio-system", "portal-domain-"),
            ("certificates.cert-manager.io", "msp", "portal-domain-"),
            ("secrets", "msp", "portal-domain-"),
        ];
        for (n, (kind, namespace, prefix)) in stages.into_iter().enumerate() {
            let mut domain = rig.domain(&format!("held-{n}")).await?;
            domain.go_live(rig).await?;
            let name = format!("{prefix}{}", domain.id);
            hold(rig, kind, namespace, &name, true).await?;
            disable(rig, &domain).await?;
            eventually(&format!("{kind} {name} is being deleted"), MINUTE, || async {
                match rig.kubectl.object(kind, namespace, &name).await {
                    Ok(Some(object)) if object["metadata"]["deletionTimestamp"].is_string() => Ok(()),
                    other => Err(format!("{:?}", other.map(|object| object.is_some()))),
                }
            })
            .await?;
            ensure!(domain.row(rig).await?.is_some_and(|row| row.status == "disabled"), "the row went too early");
            register_again(rig, &mut domain).await?;
            hold(rig, kind, namespace, &name, false).await?;
            domain.reaches(rig, Status::Active, 2 * MINUTE).await?;
            // Nothing of the removal comes later.
            let reply = domain.reconcile(rig).await?;
            ensure!(reply.status == "active", "{kind}: {reply:?}");
            rig.oracle(&domain).await?;
        }
        Ok(())
    });
}

#[test]
fn register_at_any_moment_of_a_removal_ends_served() {
    on_the_stack(async |rig| {
        let mut domain = rig.domain("moments").await?;
        domain.go_live(rig).await?;
        for moment in [0, 40, 80, 120, 160, 200, 280, 360, 440, 600] {
            disable(rig, &domain).await?;
            tokio::time::sleep(Duration::from_millis(moment)).await;
            register_again(rig, &mut domain).await?;
            domain.reaches(rig, Status::Active, 2 * MINUTE).await?;
            let reply = domain.reconcile(rig).await?;
            ensure!(reply.status == "active", "after {moment} ms: {reply:?}");
            rig.oracle(&domain).await?;
        }
        Ok(())
    });
}
