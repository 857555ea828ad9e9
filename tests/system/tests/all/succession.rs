//! A row that was deleted and made again before its objects were gone: the same tenant, another id.

use crate::rig::on_the_stack;
use anyhow::ensure;
use harness::{Door, Rig, Status, Visitor, eventually};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// What a person does who repairs a row by hand, or who deletes a tenant and enters it again.
async fn replace_row(rig: &Rig, domain: &mut harness::Domain, host: &str) -> anyhow::Result<()> {
    let former = domain.id;
    domain.lose_row(rig).await?;
    domain.register_row(rig, host).await?;
    ensure!(domain.id != former, "the row has a new id");
    Ok(())
}

#[test]
fn a_row_that_comes_back_under_another_id_takes_its_objects_over() {
    on_the_stack(async |rig| {
        let mut domain = rig.domain("heir").await?;
        domain.go_live(rig).await?;
        let former = domain.id;
        let ordered = certificate(rig, former).await?;
        let visitor = Visitor::send(&Door::of(&rig.environment)?, &domain.host);
        let host = domain.host.clone();
        replace_row(rig, &mut domain, &host).await?;
        domain.announce(rig, "register").await?;
        domain.reaches(rig, Status::Active, MINUTE).await?;
        eventually("every object carries the new id", MINUTE, || async {
            let left = rig.objects_of_domain(former).await.map_err(|error| error.to_string())?;
            ensure_none(&left)
        })
        .await?;
        visitor.was_served().await?;
        ensure!(certificate(rig, former).await? == ordered, "an order was spent");
        rig.oracle(&domain).await?;
        drop(visitor);
        domain.disable_row(rig).await?;
        domain.announce(rig, "disable").await?;
        domain.vanishes(rig, MINUTE).await?;
        rig.oracle(&domain).await?;
        ensure!(rig.secrets(&harness::Domain { id: former, ..domain.clone() }).await?.is_empty(), "a Secret is left");
        Ok(())
    });
}

#[test]
fn a_row_that_comes_back_with_another_host_clears_what_its_former_id_left() {
    on_the_stack(async |rig| {
        let mut domain = rig.domain("estate").await?;
        domain.go_live(rig).await?;
        let former = harness::Domain { ..domain.clone() };
        replace_row(rig, &mut domain, "estate-new.acme-customer.test").await?;
        domain.go_live(rig).await?;
        eventually("what the former id left is gone", MINUTE, || async {
            let secrets = rig.secrets(&former).await.map_err(|error| error.to_string())?;
            let objects = rig.objects(&domain).await.map_err(|error| error.to_string())?;
            let left = objects.iter().any(|object| object.contains(&former.id.to_string()));
            if left || !secrets.is_empty() { Err(format!("{objects:?} {secrets:?}")) } else { Ok(()) }
        })
        .await?;
        rig.oracle(&domain).await
    });
}

fn ensure_none(left: &[String]) -> Result<(), String> {
    if left.is_empty() { Ok(()) } else { Err(format!("{left:?} carry the former id")) }
}

/// What changes when a certificate is ordered: the Certificate's uid and revision, and the leaf in its Secret.
async fn certificate(rig: &Rig, id: uuid::Uuid) -> anyhow::Result<[serde_json::Value; 3]> {
    let name = format!("portal-domain-{id}");
    let certificate = rig.kubectl.object("certificates.cert-manager.io", "msp", &name).await?.unwrap_or_default();
    let secret = rig.kubectl.object("secret", "msp", &name).await?.unwrap_or_default();
    Ok([
        certificate["metadata"]["uid"].clone(),
        certificate["status"]["revision"].clone(),
        secret["data"]["tls.crt"].clone(),
    ])
}
