//! `portalDomainSweepWorkflow`: scheduled every 60 s. Finds what no signal announced, and wakes runs only on change.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use contract::activities::{Cluster, Probe, Store, Wake};
use contract::loose::Loose;
use contract::names::{PORTAL_DOMAIN_SWEEP_LIMIT, portal_domain_workflow_id};
use contract::options::{outside_look, short_step};
use proto::v1 as wire;
use std::collections::BTreeMap;
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::{WorkflowContext, WorkflowResult};

use crate::clock::now_ms;

/// Most pages of one sweep; the next sweep goes on with what changed meanwhile.
const PAGES_MAX: usize = 60;
/// One batch of probes, one try each.
const BATCH: Duration = Duration::from_secs(50);

/// One sweep.
#[workflow]
#[derive(Default)]
pub struct PortalDomainSweep;

#[workflow_methods]
impl PortalDomainSweep {
    /// Answers how many runs were woken, by cause.
    #[run(name = "portalDomainSweepWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, _input: Loose) -> WorkflowResult<wire::SweepReply> {
        let mut reply = wire::SweepReply::default();
        let mut after = String::new();
        for _ in 0..PAGES_MAX {
            let request = wire::SweepRequest {
                now_ms: now_ms(ctx),
                after_domain_id: after.clone(),
                limit: PORTAL_DOMAIN_SWEEP_LIMIT,
            };
            let page = ctx.execute_local_activity(Store::sweep_rows, request, short_step("sweep rows")).await?;
            let mut wake: BTreeMap<(String, String), String> = page
                .items
                .iter()
                .map(|item| ((item.tenant_id.clone(), item.portal_domain_id.clone()), item.why.clone()))
                .collect();
            watch(ctx, &page.active, &mut wake).await;
            for ((tenant, domain), why) in wake {
                *reply.woken.entry(why.clone()).or_default() += 1;
                let request = wire::WakeDomainRequest {
                    workflow_id: portal_domain_workflow_id(&tenant),
                    tenant_id: tenant,
                    portal_domain_id: domain,
                    why,
                };
                // One run that cannot be woken is no reason to leave the others asleep.
                let woken = ctx.execute_local_activity(Wake::wake_domain, request, short_step("wake a run")).await;
                reply.failed += u32::from(woken.is_err());
            }
            after = page.next_after_domain_id;
            if after.is_empty() {
                break;
            }
        }
        Ok(reply)
    }
}

/// Looks at the live domains of one page: Secret copies by name, hosts from outside.
async fn watch(
    ctx: &WorkflowContext<PortalDomainSweep>,
    active: &[wire::SweepDomain],
    wake: &mut BTreeMap<(String, String), String>,
) {
    if active.is_empty() {
        return;
    }
    let copies = wire::SweepCopiesRequest { domains: active.to_vec() };
    let options = outside_look(BATCH, "compare Secret copies");
    if let Ok(stale) = ctx.execute_activity(Cluster::sweep_copies, copies, options).await {
        for domain in active.iter().filter(|d| stale.portal_domain_ids.contains(&d.portal_domain_id)) {
            let key = (domain.tenant_id.clone(), domain.portal_domain_id.clone());
            wake.entry(key).or_insert_with(|| "certificate".to_owned());
        }
    }
    let probes = wire::ProbeBatchRequest {
        probes: active
            .iter()
            .map(|domain| wire::ProbeRequest {
                host: domain.host.clone(),
                nonce: domain.probe_nonce.clone(),
                fingerprint_sha256: domain.fingerprint_sha256.clone(),
                now_ms: now_ms(ctx),
                patience_ms: 0,
            })
            .collect(),
    };
    let Ok(batch) = ctx.execute_activity(Probe::probe_hosts, probes, outside_look(BATCH, "probe live hosts")).await
    else {
        return;
    };
    for (domain, look) in active.iter().zip(&batch.looks) {
        let Some(finding) = &look.finding else { continue };
        let differs = finding.state != "unknown" && finding.state != domain.edge_state;
        if differs {
            let key = (domain.tenant_id.clone(), domain.portal_domain_id.clone());
            wake.entry(key).or_insert_with(|| "probe".to_owned());
        }
    }
}
