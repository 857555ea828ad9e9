//! The looks of a round. Each answers with a finding; a look that fails is "could not tell".

use contract::activities::{Cluster, Dns, Probe, Store};
use contract::convert;
use contract::options::{long_look, outside_look, short_step};
use model::finding::Finding;
use model::portal::decide::{reschedule_certificate, reschedule_dns, reschedule_edge, slug_in_force};
use model::portal::expiry;
use model::portal::health::{CertificateLook, DnsLook, EdgeObjectsLook, Health, ProbeLook};
use model::portal::plan::{Look, Step};
use model::portal::record::RunSettings;
use model::portal::schedule::{EDGE_DEADLINE_MS, Jitter};
use model::reason::ReasonCode;
use proto::v1 as wire;
use std::time::Duration;
use temporalio_workflow::workflows::{join, select};
use temporalio_workflow::{CancellableFuture as _, WorkflowContext, WorkflowTermination};

use super::PortalDomain;
use super::state::Loaded;
use crate::clock::now_ms;

type Ctx = WorkflowContext<PortalDomain>;

/// One look at DNS: the contract's 15 s in all, and a margin.
const DNS_LOOK: Duration = Duration::from_secs(20);
/// One preflight: ten redirects within 10 s for each address, side by side, and a margin.
const PREFLIGHT_LOOK: Duration = Duration::from_secs(40);
/// One probe.
const PROBE_LOOK: Duration = Duration::from_secs(30);
/// A patient probe goes on trying for this long after an apply.
const PATIENCE: Duration = Duration::from_secs(25);
/// Waiting for the certificate: at most two minutes each, and a margin.
const AWAIT_LOOK: Duration = Duration::from_secs(150);
/// Life of a preflight token.
const TOKEN_LIFE_MS: i64 = 10 * 60_000;

/// Makes the looks side by side and folds them in. A patient look ends early when somebody asks.
pub(super) async fn look(ctx: &Ctx, wanted: &[Look]) -> Result<(), WorkflowTermination> {
    let Some(loaded) = ctx.state(|w| w.state.loaded.clone()) else { return Ok(()) };
    match wanted {
        [Look::AwaitCertificate] => return await_certificate(ctx, &loaded).await,
        [Look::Probe { patient: true }] => return patient_probe(ctx, &loaded).await,
        _ => {}
    }
    let wants = |look: Look| wanted.contains(&look);
    let dns = async { if wants(Look::Dns) { Some(dns(ctx, &loaded).await) } else { None } };
    let preflight = async { if wants(Look::Preflight) { Some(preflight(ctx, &loaded).await) } else { None } };
    let certificate = async { if wants(Look::Certificate) { Some(certificate(ctx, &loaded).await) } else { None } };
    let edge = async { if wants(Look::Edge) { Some(edge(ctx, &loaded).await) } else { None } };
    let quick = Look::Probe { patient: false };
    let probe = async { if wants(quick) { Some(probe(ctx, &loaded).await) } else { None } };
    let (dns, preflight, certificate, edge, probe) = join!(dns, preflight, certificate, edge, probe);
    fold(ctx, |health, settings, jitter, now| {
        if let Some(look) = dns {
            health.fold_dns(look, settings.dns_confirm_ms, now);
            reschedule_dns(health, settings, jitter, now);
        }
        if let Some(finding) = preflight {
            health.fold_preflight(finding, now);
        }
        // An existing Certificate outranks the preflight of a new one.
        match certificate {
            Some(look) if look.exists || look.finding.state.is_none() || health.certificate.state.usable() => {
                health.fold_certificate(look, now);
            }
            Some(_) | None => {}
        }
        if wanted.contains(&Look::Preflight) || wanted.contains(&Look::Certificate) {
            reschedule_certificate(health, jitter, now);
        }
        if let Some(look) = edge {
            health.fold_edge_objects(look, now);
            reschedule_edge(health, jitter, now);
        }
        if let Some(look) = probe {
            health.fold_probe(look, now);
            reschedule_edge(health, jitter, now);
        }
    });
    Ok(())
}

fn fold(ctx: &Ctx, with: impl FnOnce(&mut Health, &RunSettings, Jitter, i64)) {
    let jitter = Jitter::from_bits(ctx.random_stream("portal.jitter").random::<u32>());
    let now = now_ms(ctx);
    ctx.state_mut(|w| {
        let s = &mut w.state;
        if let (Some(loaded), Some(health)) = (&s.loaded, &mut s.health) {
            with(health, &loaded.settings, jitter, now);
            if !loaded.inventory.is_empty() {
                expiry::keep_row(health);
            }
            s.looked = true;
        }
    });
}

async fn dns(ctx: &Ctx, loaded: &Loaded) -> DnsLook {
    let request = convert::look_up_request(&loaded.row, &loaded.claim, now_ms(ctx));
    let options = outside_look(DNS_LOOK, "look at DNS");
    let answer = ctx.execute_activity(Dns::look_up_host, request, options).await.ok();
    answer.and_then(|look| convert::dns_look(&look).ok()).unwrap_or_else(|| DnsLook {
        dns: Finding::unknown(ReasonCode::DnsLookupUnknown),
        ownership: Finding::unknown(ReasonCode::DnsLookupUnknown),
        proof_method: String::new(),
        addresses: Vec::new(),
        chain: Vec::new(),
        observed_cname: String::new(),
        evidence_digest: String::new(),
    })
}

/// Saves a token that our responder answers, then fetches it from every published address.
async fn preflight(ctx: &Ctx, loaded: &Loaded) -> Finding<model::portal::axis::CertificateState> {
    let now = now_ms(ctx);
    let token = if loaded.settings.challenge_ours {
        let request = wire::SavePreflightTokenRequest {
            host: loaded.claim.host.clone(),
            expires_ms: now + TOKEN_LIFE_MS,
            idempotency_key: format!("{}/{}/{now}", loaded.row.id, loaded.claim.generation),
            portal_domain_id: loaded.row.id.clone(),
        };
        let saved = ctx
            .execute_local_activity(Store::save_preflight_token, request, short_step("save a preflight token"))
            .await;
        match saved {
            Ok(saved) => saved,
            Err(_) => return Finding::unknown(ReasonCode::ProbeUnknown),
        }
    } else {
        wire::SavePreflightTokenReply::default()
    };
    let request = wire::PreflightRequest {
        host: loaded.claim.host.clone(),
        addresses: ctx.state(|w| w.state.health.as_ref().map(|h| h.dns_memory.addresses.clone())).unwrap_or_default(),
        token: token.token,
        body: token.body,
        now_ms: now,
        portal_domain_id: loaded.row.id.clone(),
    };
    let options = outside_look(PREFLIGHT_LOOK, "look at the challenge path");
    let answer = ctx.execute_activity(Probe::preflight_http01, request, options).await.ok();
    answer
        .and_then(|look| convert::preflight_finding(&look).ok())
        .unwrap_or_else(|| Finding::unknown(ReasonCode::ProbeUnknown))
}

fn certificate_request(ctx: &Ctx, loaded: &Loaded) -> wire::ReadCertificateRequest {
    let seen = ctx.state(|w| w.state.health.clone());
    let seen = seen.as_ref();
    wire::ReadCertificateRequest {
        objects: Some(objects(loaded)),
        now_ms: now_ms(ctx),
        seen_state: seen.map(|h| model::finding::AxisWord::word(h.certificate.state).to_owned()).unwrap_or_default(),
        seen_reason: seen
            .and_then(|h| h.certificate.reason)
            .map(|reason| reason.as_str().to_owned())
            .unwrap_or_default(),
        seen_fingerprint_sha256: seen.map(|h| h.certificate_memory.fingerprint.clone()).unwrap_or_default(),
        ordered_ms: seen.map_or(0, |h| h.certificate_memory.ordered_ms),
    }
}

fn certificate_answer(answer: Option<wire::CertificateLook>) -> CertificateLook {
    answer.and_then(|look| convert::certificate_look(&look).ok()).unwrap_or_else(|| CertificateLook {
        finding: Finding::unknown(ReasonCode::ClusterReadUnknown),
        exists: false,
        secret_name: String::new(),
        fingerprint: String::new(),
        not_after_ms: 0,
        retry_at_ms: 0,
    })
}

async fn certificate(ctx: &Ctx, loaded: &Loaded) -> CertificateLook {
    let request = certificate_request(ctx, loaded);
    let step = short_step("read the certificate");
    certificate_answer(ctx.execute_local_activity(Cluster::read_certificate, request, step).await.ok())
}

async fn await_certificate(ctx: &Ctx, loaded: &Loaded) -> Result<(), WorkflowTermination> {
    let request = certificate_request(ctx, loaded);
    let mut waiting =
        ctx.execute_activity(Cluster::await_certificate, request, long_look(AWAIT_LOOK, "wait for the certificate"));
    let answer = {
        let mut wake = std::pin::pin!(ctx.wait_condition(|w| w.state.pending()));
        select! {
            answer = waiting => Some(answer),
            woken = wake => { woken?; None }
        }
    };
    let Some(answer) = answer else {
        waiting.cancel();
        let _ = waiting.await;
        return Ok(());
    };
    let look = certificate_answer(answer.ok());
    fold(ctx, |health, _, jitter, now| {
        health.fold_certificate(look, now);
        reschedule_certificate(health, jitter, now);
    });
    Ok(())
}

async fn edge(ctx: &Ctx, loaded: &Loaded) -> EdgeObjectsLook {
    let request = wire::ReadEdgeRequest {
        objects: Some(objects(loaded)),
        fingerprint_sha256: ctx
            .state(|w| w.state.health.as_ref().map(|h| h.certificate_memory.fingerprint.clone()))
            .unwrap_or_default(),
        now_ms: now_ms(ctx),
    };
    let step = short_step("read the edge");
    let answer = ctx.execute_local_activity(Cluster::read_edge, request, step).await.ok();
    answer.and_then(|look| convert::edge_look(&look).ok()).unwrap_or_else(|| EdgeObjectsLook {
        finding: Finding::unknown(ReasonCode::ClusterReadUnknown),
        gateway: true,
        virtual_service: true,
        copied_fingerprint: String::new(),
    })
}

fn probe_request(ctx: &Ctx, loaded: &Loaded, patience: Duration) -> wire::ProbeRequest {
    wire::ProbeRequest {
        host: loaded.claim.host.clone(),
        nonce: loaded.claim.probe_nonce.clone(),
        fingerprint_sha256: ctx
            .state(|w| w.state.health.as_ref().map(|h| h.edge_memory.copied_fingerprint.clone()))
            .unwrap_or_default(),
        now_ms: now_ms(ctx),
        patience_ms: u32::try_from(patience.as_millis()).unwrap_or(u32::MAX),
        portal_domain_id: loaded.row.id.clone(),
    }
}

fn probe_answer(answer: Option<wire::ProbeLook>) -> ProbeLook {
    answer.and_then(|look| convert::probe_look(&look).ok()).unwrap_or_else(|| ProbeLook {
        finding: Finding::unknown(ReasonCode::ProbeUnknown),
        fingerprint: String::new(),
        not_after_ms: 0,
    })
}

async fn probe(ctx: &Ctx, loaded: &Loaded) -> ProbeLook {
    let request = probe_request(ctx, loaded, Duration::ZERO);
    let options = outside_look(PROBE_LOOK, "look from outside");
    probe_answer(ctx.execute_activity(Probe::probe_host, request, options).await.ok())
}

async fn patient_probe(ctx: &Ctx, loaded: &Loaded) -> Result<(), WorkflowTermination> {
    let request = probe_request(ctx, loaded, PATIENCE);
    let options = long_look(PATIENCE + PROBE_LOOK, "look from outside until it serves");
    let mut looking = ctx.execute_activity(Probe::probe_host, request, options);
    let answer = {
        let mut wake = std::pin::pin!(ctx.wait_condition(|w| w.state.pending()));
        select! {
            answer = looking => Some(answer),
            woken = wake => { woken?; None }
        }
    };
    let Some(answer) = answer else {
        looking.cancel();
        let _ = looking.await;
        return Ok(());
    };
    let mut look = probe_answer(answer.ok());
    fold(ctx, |health, _, jitter, now| {
        // After five minutes "almost there" is no longer true.
        if look.finding.reason == Some(ReasonCode::EdgePropagating)
            && now - health.edge_memory.applied_ms >= EDGE_DEADLINE_MS
        {
            look.finding.reason = Some(ReasonCode::EdgeUnreachable);
        }
        health.fold_probe(look, now);
        reschedule_edge(health, jitter, now);
    });
    Ok(())
}

/// Which objects of the cluster belong to the current generation.
pub(super) fn objects(loaded: &Loaded) -> wire::DomainObjects {
    let (row, claim) = (&loaded.row, &loaded.claim);
    wire::DomainObjects {
        tenant_id: row.tenant.clone(),
        portal_domain_id: row.id.clone(),
        former_ids: loaded.former_ids.clone(),
        host: claim.host.clone(),
        tenant_prefix: row.canonical_host.split('.').next().unwrap_or_default().to_owned(),
        generation: claim.generation,
        fence: claim.fence,
        probe_nonce: claim.probe_nonce.clone(),
        slug: slug_in_force(&row.id, claim.generation, &claim.host, &loaded.inventory),
    }
}

/// The same for one step: a delete speaks of the generation and host that made the object.
pub(super) fn objects_of_step(loaded: &Loaded, step: &Step) -> wire::DomainObjects {
    let mut all = objects(loaded);
    if let Some(object) = step.deletes() {
        all.host.clone_from(&object.host);
        all.generation = object.generation;
        all.slug = slug_in_force(&loaded.row.id, object.generation, &object.host, &loaded.inventory);
    }
    all
}
