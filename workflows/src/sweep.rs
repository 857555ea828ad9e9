//! `portalDomainSweepWorkflow`: scheduled every 60 s. Finds what no signal announced, proves live hosts again, refreshes the
//! copies of hosts that a change of domain left, and wakes runs only on change.

#![expect(missing_docs, reason = "the macros of the SDK make undocumented constants")]

use contract::activities::{Cluster, Dns, Probe, Store, Wake};
use contract::convert;
use contract::loose::Loose;
use contract::names::{PORTAL_DOMAIN_SWEEP_LIMIT, portal_domain_workflow_id};
use contract::options::{outside_look, short_step};
use model::portal::record::Status;
use model::portal::schedule::QUIET_MS;
use proto::v1 as wire;
use std::collections::BTreeMap;
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::workflows::join_all;
use temporalio_workflow::{ContinueAsNewOptions, WorkflowContext, WorkflowResult};

use crate::clock::now_ms;

/// Most pages of one run; a larger fleet is swept on in the next run.
const PAGES_MAX: usize = 60;
/// One batch of probes, one try each.
const BATCH: Duration = Duration::from_secs(50);

/// Live hosts that one sweep proves again; the runs of further ones are woken and look for themselves. Bounds a sweep's history
/// and time after a day without a worker.
const PROOFS_MAX: usize = 40;
/// Hosts left by a change of domain that one page refreshes; there are as many as unfinished changes.
const KEPT_MAX: usize = 50;
/// A sweep begins this often.
const SWEEP_EVERY_MS: i64 = 60_000;
/// Rows without a run are looked for this often (contract: every 5 min).
const LOST_EVERY_MS: i64 = 2 * SWEEP_EVERY_MS;
/// Proofs side by side: a slow name server takes seconds.
const PROOFS_AT_ONCE: usize = 10;
/// One look at DNS, as in a round.
const PROOF: Duration = Duration::from_secs(20);
/// A run looks by itself every [`QUIET_MS`]: a live row that was not looked at for a day longer has no run.
const RUN_LOST_MS: i64 = QUIET_MS + 24 * 3_600_000;

/// One sweep.
#[workflow]
#[derive(Default)]
pub struct PortalDomainSweep;

#[workflow_methods]
impl PortalDomainSweep {
    /// Answers how many runs were woken, by cause; of a fleet of many pages, by the last of several runs.
    #[run(name = "portalDomainSweepWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, input: Loose) -> WorkflowResult<wire::SweepReply> {
        let mut reply = wire::SweepReply::default();
        let mut after = input.read::<wire::SweepInput>().after_domain_id;
        let mut proofs = PROOFS_MAX;
        for _ in 0..PAGES_MAX {
            let request = wire::SweepRequest {
                now_ms: now_ms(ctx),
                after_domain_id: after.clone(),
                limit: PORTAL_DOMAIN_SWEEP_LIMIT,
                settled: now_ms(ctx) / LOST_EVERY_MS != (now_ms(ctx) - SWEEP_EVERY_MS) / LOST_EVERY_MS,
            };
            let page = ctx.execute_local_activity(Store::sweep_rows, request, short_step("sweep rows")).await?;
            let mut wake: BTreeMap<(String, String), String> = page
                .items
                .iter()
                .map(|item| ((item.tenant_id.clone(), item.portal_domain_id.clone()), item.why.clone()))
                .collect();
            if page.items.iter().any(silent) && ctx.patched("2026-11-prove-in-sweeps") {
                prove(ctx, &page.items, &mut proofs, &mut wake).await;
            }
            watch(ctx, &page.active, &mut wake).await;
            find_lost(ctx, &page.settled, &mut wake).await;
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
            reply.failed += refresh(ctx, page.kept).await;
            after = page.next_after_domain_id;
            if after.is_empty() {
                return Ok(reply);
            }
        }
        let next = wire::SweepInput { after_domain_id: after };
        ctx.continue_as_new(Loose::write(&next), ContinueAsNewOptions::default())?;
        Ok(reply)
    }
}

/// Nobody read the row of a live host for longer than a day, or ever.
fn silent(item: &wire::SweepItem) -> bool {
    item.why == "unannounced" && item.active
}

/// Proves live hosts again whose runs sleep, daily (domain-health contract, section 8, "Live: ownership"), and lets those
/// runs sleep whose hosts are as good as they were. A round of a run would cost twenty events a day.
async fn prove(
    ctx: &WorkflowContext<PortalDomainSweep>,
    items: &[wire::SweepItem],
    proofs: &mut usize,
    wake: &mut BTreeMap<(String, String), String>,
) {
    let silent: Vec<&wire::SweepItem> = items.iter().filter(|item| silent(item)).collect();
    let silent = &silent[..silent.len().min(*proofs)];
    *proofs -= silent.len();
    for some in silent.chunks(PROOFS_AT_ONCE) {
        let proven = join_all(some.iter().map(|item| still_proven(ctx, item))).await;
        for (item, _) in some.iter().zip(proven).filter(|(_, proven)| *proven) {
            wake.remove(&(item.tenant_id.clone(), item.portal_domain_id.clone()));
        }
    }
}

/// Reads the row, which also notes that it was read, and looks at DNS if it is live and has a run.
async fn still_proven(ctx: &WorkflowContext<PortalDomainSweep>, item: &wire::SweepItem) -> bool {
    let now = now_ms(ctx);
    let request = wire::LoadDomainRequest {
        tenant_id: item.tenant_id.clone(),
        portal_domain_id: item.portal_domain_id.clone(),
        now_ms: now,
        workflow_id: String::new(),
    };
    let record = ctx.execute_local_activity(Store::load_domain, request, short_step("read a silent row")).await;
    let Ok(wire::DomainRecord { row: Some(row), claim: Some(claim), .. }) = record else { return false };
    let Ok(row) = convert::row_from_wire(&row) else { return false };
    let claim = convert::claim_from_wire(&claim);
    // A claim of this very read is a row that no run ever saw: one of the earlier worker, to be adopted.
    let has_run = claim.opened_ms < now && now - row.last_checked_ms < RUN_LOST_MS;
    if row.status != Status::Active || !has_run {
        return false;
    }
    let request = convert::look_up_request(&row, &claim, now);
    let options = outside_look(PROOF, "prove a live host again");
    let look = ctx.execute_activity(Dns::look_up_host, request, options).await;
    let says = |finding: &Option<wire::Finding>, state| finding.as_ref().is_some_and(|f| f.state == state);
    look.is_ok_and(|look| says(&look.dns, "correct") && says(&look.ownership, "proven"))
}

/// Finds rows whose run was terminated, cancelled or lost with its server (domain-health contract, section 8, "Sweep for rows
/// without a run"). Nobody notices otherwise until the row or its host changes.
async fn find_lost(
    ctx: &WorkflowContext<PortalDomainSweep>,
    settled: &[wire::SweepItem],
    wake: &mut BTreeMap<(String, String), String>,
) {
    if settled.is_empty() {
        return;
    }
    let tenant_ids = settled.iter().map(|item| item.tenant_id.clone()).collect();
    let request = wire::FindLostRunsRequest { tenant_ids };
    let answer = ctx.execute_local_activity(Wake::find_lost_runs, request, short_step("find lost runs")).await;
    let Ok(lost) = answer else { return };
    for item in settled.iter().filter(|item| lost.tenant_ids.contains(&item.tenant_id)) {
        let key = (item.tenant_id.clone(), item.portal_domain_id.clone());
        wake.entry(key).or_insert_with(|| "lost".to_owned());
    }
}

/// Carries the renewals of hosts that a change of domain left; answers how many could not be. Their runs are busy with the new
/// host. A cluster that is away is not asked again and again: the next sweep goes on.
async fn refresh(ctx: &WorkflowContext<PortalDomainSweep>, kept: Vec<wire::KeptHost>) -> u32 {
    let mut failed = 0;
    for host in kept.into_iter().take(KEPT_MAX) {
        let request = wire::ApplyStepRequest {
            step: "refresh_copy".to_owned(),
            target: "istio".to_owned(),
            objects: Some(wire::DomainObjects {
                tenant_id: host.tenant_id,
                portal_domain_id: host.portal_domain_id,
                host: host.host,
                generation: host.generation,
                fence: host.fence,
                slug: host.secret_name.strip_prefix("portal-domain-").unwrap_or_default().to_owned(),
                ..wire::DomainObjects::default()
            }),
            ..wire::ApplyStepRequest::default()
        };
        match ctx.execute_local_activity(Cluster::apply_step, request, short_step("refresh a kept copy")).await {
            Ok(reply) => failed += u32::from(reply.outcome == "refused"),
            Err(_) => return failed + 1,
        }
    }
    failed
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
                portal_domain_id: domain.portal_domain_id.clone(),
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
