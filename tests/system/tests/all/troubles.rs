//! What goes wrong outside, and what must then hold: DNS in every way, the authority, the edge, garbage.

use crate::rig::on_the_stack;
use anyhow::{Context as _, ensure};
use harness::{Fault, FaultKind, Rig, Status, eventually};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(20);

/// Registers a domain while DNS is wrong, expects the reason, repairs it, and expects the domain to go live.
async fn dns_trouble(
    rig: &Rig,
    label: &str,
    reason: &str,
    breaks: impl Fn(&Rig, &str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let domain = rig.domain(label).await?;
    breaks(rig, &domain.host)?;
    domain.announce(rig, "register").await?;
    let row = domain.shows(rig, reason, MINUTE).await?;
    ensure!(row.status != Status::Active.as_str(), "active with broken DNS: {row:?}");
    rig.oracle(&domain).await?;
    rig.dns_well()?;
    rig.dns_unset(&domain.host)?;
    domain.go_live(rig).await?;
    rig.oracle(&domain).await
}

#[test]
fn an_absent_record_is_waited_for() {
    on_the_stack(async |rig| dns_trouble(rig, "absent", "DNS_NO_RECORDS", |_, _| Ok(())).await);
}

#[test]
fn a_record_that_points_elsewhere_is_named() {
    on_the_stack(async |rig| {
        dns_trouble(rig, "elsewhere", "DNS_POINTS_ELSEWHERE", |rig, host| rig.dns_set(host, "A", "127.0.0.99")).await
    });
}

#[test]
fn a_loop_of_aliases_is_named() {
    on_the_stack(async |rig| {
        dns_trouble(rig, "loop", "DNS_CHAIN_BAD", |rig, host| rig.dns_set(host, "CNAME", host)).await
    });
}

#[test]
fn silent_and_failing_name_servers_are_not_the_tenants_fault() {
    on_the_stack(async |rig| {
        for (label, kind) in [("servfail", FaultKind::Servfail), ("timeout", FaultKind::Timeout)] {
            dns_trouble(rig, label, "DNS_SERVFAIL", |rig, host| {
                rig.dns_set(host, "CNAME", "nowhere.tenantry.test")?;
                rig.dns_fault(Fault::new(kind).for_host(host))
            })
            .await?;
        }
        Ok(())
    });
}

#[test]
fn truncated_answers_are_asked_again_over_tcp() {
    on_the_stack(async |rig| {
        let domain = rig.domain("truncated").await?;
        rig.dns_fault(Fault::new(FaultKind::Truncate).for_host(&domain.host))?;
        let live = domain.go_live(rig).await;
        rig.dns_well()?;
        live?;
        rig.oracle(&domain).await
    });
}

#[test]
fn another_gateway_with_the_host_stops_us_and_is_not_touched() {
    on_the_stack(async |rig| {
        let domain = rig.domain("conflict").await?;
        let foreign = format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: somebody-else, namespace: istio-system}}\n\
             spec:\n  selector: {{istio: ingressgateway}}\n  servers:\n  - port: {{number: 443, name: https-foreign, protocol: HTTPS}}\n\
             \x20   hosts: [\"msp/{}\"]\n    tls: {{mode: SIMPLE, credentialName: somebody-else}}\n",
            domain.host
        );
        rig.kubectl.run(&["apply", "-f", "-"], Some(&foreign)).await?;
        domain.point_here(rig)?;
        domain.announce(rig, "register").await?;
        domain.shows(rig, "EDGE_CONFLICT_HOST", MINUTE).await?;
        rig.oracle(&domain).await?;
        let kept = rig.kubectl.object("gateways.networking.istio.io", "istio-system", "somebody-else").await?;
        ensure!(kept.is_some(), "a foreign Gateway was removed");
        rig.kubectl
            .run(&["delete", "gateways.networking.istio.io", "-n", "istio-system", "somebody-else"], None)
            .await?;
        eventually("served once the claim is gone", MINUTE, || async {
            domain.announce(rig, "refresh").await.map_err(|error| error.to_string())?;
            domain.reaches(rig, Status::Active, Duration::from_secs(4)).await.map_err(|error| error.to_string())
        })
        .await?;
        rig.oracle(&domain).await
    });
}

#[test]
fn a_deleted_certificate_and_copy_come_back_while_the_host_serves() {
    on_the_stack(async |rig| {
        let domain = rig.domain("deleted").await?;
        domain.go_live(rig).await?;
        let name = format!("portal-domain-{}", domain.id);
        rig.kubectl.run(&["delete", "certificates.cert-manager.io", "-n", "msp", &name], None).await?;
        rig.kubectl.run(&["delete", "secret", "-n", "istio-system", &name], None).await?;
        domain.announce(rig, "refresh").await?;
        eventually("both are back", MINUTE, || async {
            let certificate = rig.kubectl.object("certificates.cert-manager.io", "msp", &name).await;
            let copy = rig.kubectl.object("secret", "istio-system", &name).await;
            match (certificate, copy) {
                (Ok(Some(_)), Ok(Some(_))) => Ok(()),
                other => Err(format!("{:?}", other.0.is_ok())),
            }
        })
        .await?;
        ensure!(domain.row(rig).await?.is_some_and(|row| row.status == "active"), "it stopped being active");
        rig.oracle(&domain).await
    });
}

#[test]
fn a_refusing_authority_is_said_and_spends_few_orders() {
    on_the_stack(async |rig| {
        let mut domain = rig.domain("any").await?;
        // A label `limited` makes the sample authority answer rateLimited.
        domain.register_row(rig, "portal.limited.acme-customer.test").await?;
        domain.point_here(rig)?;
        domain.announce(rig, "register").await?;
        let row = domain.shows(rig, "ACME_RATE_LIMITED", MINUTE).await?;
        ensure!(row.status == Status::CertificateFailed.as_str(), "{row:?}");
        for _ in 0..5 {
            domain.reconcile(rig).await?;
        }
        let row = domain.shows(rig, "ACME_RATE_LIMITED", SHORT).await?;
        ensure!(row.status == Status::CertificateFailed.as_str(), "{row:?}");
        domain.disable_row(rig).await?;
        domain.announce(rig, "disable").await?;
        domain.vanishes(rig, MINUTE).await?;
        rig.oracle(&domain).await
    });
}

#[test]
fn a_refused_order_is_tried_again_when_the_tenant_asks() {
    on_the_stack(async |rig| {
        let mut domain = rig.domain("any").await?;
        domain.register_row(rig, "portal.pinned.acme-customer.test").await?;
        rig.dns_set("pinned.acme-customer.test", "CAA", "0 issue \"another-authority.test\"")?;
        domain.point_here(rig)?;
        domain.announce(rig, "register").await?;
        let row = domain.reaches(rig, Status::CertificateFailed, MINUTE).await?;
        rig.oracle(&domain).await?;
        rig.dns_unset("pinned.acme-customer.test")?;
        domain.retry_row(rig).await?;
        domain.announce(rig, "refresh").await?;
        let live = domain.reaches(rig, Status::Active, MINUTE).await;
        live.with_context(|| format!("after {row:?}"))?;
        rig.oracle(&domain).await
    });
}

#[test]
fn a_thousand_signals_in_a_second_lose_nothing() {
    on_the_stack(async |rig| {
        let domain = rig.domain("thousand").await?;
        domain.announce(rig, "register").await?;
        domain.shows(rig, "DNS_NO_RECORDS", MINUTE).await?;
        domain.point_here(rig)?;
        let mut sending = Vec::new();
        for _ in 0..10 {
            let domain = domain.clone();
            sending.push(async move {
                for _ in 0..100 {
                    domain.signal(rig, "refresh").await?;
                }
                anyhow::Ok(())
            });
        }
        for sent in sending {
            sent.await?;
        }
        domain.reaches(rig, Status::Active, MINUTE).await?;
        rig.oracle(&domain).await
    });
}

#[test]
fn a_row_that_nobody_announced_is_found_by_the_sweep() {
    on_the_stack(async |rig| {
        let domain = rig.domain("unannounced").await?;
        domain.point_here(rig)?;
        domain.reaches(rig, Status::Active, 3 * MINUTE).await?;
        rig.oracle(&domain).await
    });
}

#[test]
fn another_tenants_row_in_a_signal_is_refused() {
    on_the_stack(async |rig| {
        let (mine, other) = (rig.domain("mine").await?, rig.domain("other").await?);
        mine.go_live(rig).await?;
        let mut forged = mine.clone();
        forged.id = other.id;
        forged.signal(rig, "disable").await?;
        let reply = mine.reconcile(rig).await?;
        ensure!(reply.status == "active", "{reply:?}");
        rig.oracle(&mine).await
    });
}
