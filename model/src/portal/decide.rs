//! What a round does next: a total function of what was read and what is known.

use crate::portal::axis::{CertificateState, DnsState, EdgeState};
use crate::portal::expiry;
use crate::portal::health::{BAD_PROBES_MS, Health};
use crate::portal::names;
use crate::portal::plan::{Decision, Look, Plan, Step};
use crate::portal::record::{Claim, ObjectKind, OwnedObject, Row, RunSettings};
use crate::portal::schedule::{
    self, EDGE_DEADLINE_MS, Jitter, PREFLIGHT_LIFE_MS, QUIET_MS, RATE_LIMIT_SPREAD_MS, dns_recheck_ms, order_retry_ms,
};
use crate::reason::ReasonCode;

/// A certificate that does not move is waited for with one long look after the other for this long; then there are waits
/// in between. Looks that failed do not count: an outage of ours must not slow down what follows it.
const AWAIT_FOR_MS: i64 = 15 * 60_000;
/// Wait between long looks at a certificate that does not move.
const STUCK_POLL_MS: i64 = 10 * 60_000;
/// DNS of a domain that waits for its certificate is looked at again after this long.
const DNS_BEFORE_ORDER_MS: i64 = 15 * 60_000;
/// Early retries (evidence changed, or somebody asked) keep this distance once three orders failed, so that never more
/// than four fail in an hour.
const EARLY_RETRY_SPACING_MS: i64 = 60 * 60_000;

/// Everything that a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The application's row.
    pub row: &'a Row,
    /// Our claim on its host.
    pub claim: &'a Claim,
    /// Objects of every generation.
    pub inventory: &'a [OwnedObject],
    /// What is known of the current generation.
    pub health: &'a Health,
    /// Settings that were read with the row.
    pub settings: &'a RunSettings,
    /// The workflow's clock, Unix milliseconds.
    pub now_ms: i64,
}

/// Decides what comes next. Total: every input has exactly one answer, and applying a plan never leads to the same plan.
pub fn decide(s: &Situation<'_>) -> Decision {
    let h = s.health;
    // A renewed certificate follows to the edge whatever policy and DNS say: what serves must not expire.
    let newest = &h.certificate_memory.fingerprint;
    let renewed = h.certificate_good() && !newest.is_empty() && h.edge_memory.copied_fingerprint != *newest;
    let carries = h.edge_memory.applied && renewed;
    if !h.policy_good() && !carries {
        let quiet = s.now_ms + QUIET_MS;
        let goes = expiry::refused_row_goes_ms(s);
        if goes.is_some_and(|goes| s.now_ms >= goes) {
            return Decision::Release;
        }
        return while_serving(s, rest(quiet.min(goes.unwrap_or(quiet)), "a host name that may be used here"));
    }
    if h.dns.next_check_ms <= s.now_ms {
        let exists = h.edge_memory.applied || h.edge_memory.serving_now;
        return Decision::Look(if exists { EVERYTHING.to_vec() } else { vec![Look::Dns] });
    }
    if carries {
        return edge(s);
    }
    if !h.ownership_good() || !h.dns_good() {
        return while_serving(s, awaiting_dns(s));
    }
    match h.certificate.state {
        CertificateState::Issued | CertificateState::Renewing | CertificateState::Expiring => edge(s),
        CertificateState::Ordering | CertificateState::Validating | CertificateState::Expired => while_serving(
            s,
            look_when_due(h.certificate.next_check_ms, s.now_ms, Look::AwaitCertificate, "the certificate"),
        ),
        CertificateState::Failed => while_serving(s, after_failure(s)),
        CertificateState::None | CertificateState::Preflight | CertificateState::Queued | CertificateState::Paused => {
            while_serving(s, order(s))
        }
    }
}

/// What serves is probed on while something else is waited for, so that the record tells the truth about visitors.
fn while_serving(s: &Situation<'_>, next: Decision) -> Decision {
    let h = s.health;
    if !h.edge_memory.serving_now {
        return next;
    }
    let waits = match &next {
        Decision::Rest { .. } => true,
        Decision::Look(looks) => looks.as_slice() == [Look::AwaitCertificate],
        Decision::Apply(_) | Decision::Release => false,
    };
    if waits && h.edge.next_check_ms <= s.now_ms {
        return Decision::Look(vec![Look::Probe { patient: false }]);
    }
    match next {
        Decision::Rest { until_ms, why } => Decision::Rest { until_ms: until_ms.min(h.edge.next_check_ms), why },
        Decision::Look(_) | Decision::Apply(_) | Decision::Release => next,
    }
}

/// What is looked at when somebody asks about a domain whose objects exist.
const EVERYTHING: [Look; 4] = [Look::Dns, Look::Certificate, Look::Edge, Look::Probe { patient: false }];

fn awaiting_dns(s: &Situation<'_>) -> Decision {
    let h = s.health;
    if expiry::is_expired(h) {
        return expiry::next_of_expired(s);
    }
    let why = match h.dns.state {
        DnsState::Correct if h.ownership_good() => "a second good look at DNS",
        DnsState::Correct => "proof of ownership in DNS",
        DnsState::Absent | DnsState::Elsewhere | DnsState::Partial | DnsState::Proxied | DnsState::Bogus => {
            "a DNS record that leads to us"
        }
    };
    rest(h.dns.next_check_ms, why)
}

/// Before an order: the challenge path, who else claims the host at the edge, then the Certificate.
fn order(s: &Situation<'_>) -> Decision {
    let h = s.health;
    let memory = &h.certificate_memory;
    if h.edge.state == EdgeState::Conflict || h.edge.unknown.is_some() {
        return look_when_due(h.edge.next_check_ms, s.now_ms, Look::Edge, "the host to be free at the edge");
    }
    if memory.preflight_passed_ms > 0 && s.now_ms - memory.preflight_passed_ms <= PREFLIGHT_LIFE_MS {
        let mut steps = vec![Step::RecordInventory(objects(s))];
        steps.push(Step::ApplyCertificate);
        return Decision::Apply(plan(s, steps));
    }
    if h.certificate.next_check_ms > s.now_ms {
        return rest(h.certificate.next_check_ms, "the checks before a certificate order");
    }
    if h.certificate.checked() {
        return Decision::Look(vec![Look::Preflight, Look::Edge]);
    }
    // The first look in a generation also finds what an earlier worker or run left.
    Decision::Look(vec![Look::Preflight, Look::Certificate, Look::Edge])
}

/// A failed order. Its Certificate goes at once, because nothing serves from it and cert-manager would repeat the order by a
/// back-off of its own, also while the authority refuses; it is made again when our time has come.
fn after_failure(s: &Situation<'_>) -> Decision {
    let h = s.health;
    let failed =
        s.inventory.iter().find(|object| object.host == s.claim.host && object.kind == ObjectKind::Certificate);
    if let Some(object) = failed {
        return Decision::Apply(plan(s, vec![Step::DiscardFailedCertificate(object.clone())]));
    }
    let due = retry_order_at(h);
    if s.now_ms < due {
        return rest(due, "the next try at the certificate authority");
    }
    // The checks before an order begin with DNS, looked at since the retry came due.
    if h.dns.unknown.is_some() {
        return rest(h.dns.next_check_ms, "a look at DNS before the next try");
    }
    if h.dns.last_checked_ms < due {
        return Decision::Look(vec![Look::Dns]);
    }
    Decision::Look(vec![Look::Preflight, Look::Certificate, Look::Edge])
}

/// When a failed order may be tried again: on the schedule, earlier when the evidence changed or somebody asked, and
/// never before the instant that the authority named.
pub fn retry_order_at(health: &Health) -> i64 {
    let memory = &health.certificate_memory;
    let scheduled = memory.last_failure_ms + order_retry_ms(memory.failures);
    let asked = health.certificate.next_check_ms > 0 && health.certificate.next_check_ms < scheduled;
    let changed = memory.failed_digest != health.dns_memory.evidence_digest;
    let early = match memory.failures {
        0..=2 => memory.last_failure_ms,
        _ => memory.last_failure_ms + EARLY_RETRY_SPACING_MS,
    };
    let ours = if asked || changed { early.min(scheduled) } else { scheduled };
    ours.max(memory.retry_at_ms)
}

/// A valid certificate exists: bring it to the edge, see it from outside, then clear what it replaces.
fn edge(s: &Situation<'_>) -> Decision {
    let h = s.health;
    if h.certificate.next_check_ms <= s.now_ms {
        return Decision::Look(vec![Look::Certificate]);
    }
    let (memory, newest) = (&h.edge_memory, &h.certificate_memory.fingerprint);
    let stale_copy = memory.copied_fingerprint != *newest;
    if !memory.applied || stale_copy {
        if keeps_from_installing(h) && h.edge.next_check_ms > s.now_ms {
            return rest(h.edge.next_check_ms, "the edge to take the domain");
        }
        if h.edge.state == EdgeState::Conflict {
            return Decision::Look(vec![Look::Edge]);
        }
        let mut steps = Vec::new();
        if !memory.applied {
            steps.push(Step::RecordInventory(objects(s)));
            if !certificate_is_of_this_generation(s) {
                // It stays as it is, and gets the labels and the fence of this generation.
                steps.push(Step::ApplyCertificate);
            }
        }
        steps.push(Step::CopySecret);
        if !memory.applied {
            steps.push(Step::ApplyVirtualService);
            steps.push(Step::ApplyGateway);
            if s.settings.manifests {
                steps.push(Step::WriteManifests);
            }
        }
        return Decision::Apply(plan(s, steps));
    }
    if !h.edge_good() || h.edge.state == EdgeState::ServingStale {
        let patient = s.now_ms - memory.applied_ms < EDGE_DEADLINE_MS;
        return look_when_due(h.edge.next_check_ms, s.now_ms, Look::Probe { patient }, "the domain seen from outside");
    }
    let replaced = replaced_objects(s);
    if !replaced.is_empty() {
        return Decision::Apply(plan(s, replaced));
    }
    if h.edge.next_check_ms <= s.now_ms {
        return Decision::Look(vec![Look::Probe { patient: false }]);
    }
    rest(h.dns.next_check_ms.min(h.edge.next_check_ms), "nothing; the domain is live and watched by sweeps")
}

/// The cluster refused a write, or would.
const fn refused_by_cluster(reason: ReasonCode) -> bool {
    matches!(reason, ReasonCode::EdgeConflictHost | ReasonCode::EdgeRejected | ReasonCode::EdgeUnguarded)
}

/// What a probe saw is no reason to wait: the write is what mends it.
fn keeps_from_installing(h: &Health) -> bool {
    h.edge.reason.is_some_and(|reason| refused_by_cluster(reason) || reason == ReasonCode::SecretNotMirrored)
        || h.edge.unknown.is_some_and(|unknown| unknown.reason == ReasonCode::ClusterReadUnknown)
}

fn certificate_is_of_this_generation(s: &Situation<'_>) -> bool {
    let ours = |o: &OwnedObject| (o.kind, &o.host) == (ObjectKind::Certificate, &s.claim.host);
    s.inventory.iter().any(|object| ours(object) && object.generation == s.claim.generation)
}

/// Deletes of the objects of other hosts, once the current host serves. Objects of this host are in use whatever
/// generation made them: a tenant may return to a host before its objects are gone.
fn replaced_objects(s: &Situation<'_>) -> Vec<Step> {
    let replaced = |object: &&OwnedObject| object.generation < s.claim.generation && object.host != s.claim.host;
    let old: Vec<_> = s.inventory.iter().filter(replaced).cloned().collect();
    crate::portal::removal::delete_steps(&old)
}

fn look_when_due(next_ms: i64, now_ms: i64, look: Look, why: &str) -> Decision {
    if next_ms > now_ms { rest(next_ms, why) } else { Decision::Look(vec![look]) }
}

fn rest(until_ms: i64, why: &str) -> Decision {
    Decision::Rest { until_ms, why: why.to_owned() }
}

fn plan(s: &Situation<'_>, steps: Vec<Step>) -> Plan {
    Plan {
        tenant: s.row.tenant.clone(),
        domain_id: s.row.id.clone(),
        host: s.claim.host.clone(),
        generation: s.claim.generation,
        slug: slug_in_force(&s.row.id, s.claim.generation, &s.claim.host, s.inventory),
        steps,
    }
}

/// The slug of a generation's names: as recorded for its host, or made from the id; beside objects of another host it
/// carries the generation.
pub fn slug_in_force(domain_id: &str, generation: u64, host: &str, inventory: &[OwnedObject]) -> String {
    let own = inventory
        .iter()
        .filter(|object| object.host == host && matches!(object.kind, ObjectKind::Certificate | ObjectKind::Secret))
        .max_by_key(|object| object.generation)
        .and_then(|object| object.name.strip_prefix("portal-domain-"));
    if let Some(slug) = own {
        return slug.to_owned();
    }
    let base = names::slug(domain_id);
    if inventory.iter().any(|object| object.host != host) { names::slug_beside(&base, generation) } else { base }
}

/// The objects that the current generation owns or is about to own.
pub fn objects(s: &Situation<'_>) -> Vec<OwnedObject> {
    let slug = slug_in_force(&s.row.id, s.claim.generation, &s.claim.host, s.inventory);
    objects_of(&slug, s.claim.generation, &s.claim.host, s.settings)
}

/// The objects of one generation under a slug. There is no Secret copy where the two namespaces are the same.
pub fn objects_of(slug: &str, generation: u64, host: &str, settings: &RunSettings) -> Vec<OwnedObject> {
    let names = names::ObjectNames::of(slug);
    let object = |kind, namespace: &str, name: &str| OwnedObject {
        generation,
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: String::new(),
        host: host.to_owned(),
    };
    let mut all = vec![
        object(ObjectKind::Certificate, &settings.certificate_namespace, &names.certificate),
        object(ObjectKind::Secret, &settings.certificate_namespace, &names.secret),
        object(ObjectKind::VirtualService, &settings.routes_namespace, &names.virtual_service),
        object(ObjectKind::Gateway, &settings.gateway_namespace, &names.gateway),
    ];
    if settings.certificate_namespace != settings.gateway_namespace {
        all.push(object(ObjectKind::SecretCopy, &settings.gateway_namespace, &names.secret));
    }
    all
}

/// Somebody asked: look at everything now. The authority's own limits stand.
pub fn ask_now(health: &mut Health, now_ms: i64) {
    health.dns.next_check_ms = now_ms;
    health.edge.next_check_ms = now_ms;
    health.certificate.next_check_ms = now_ms;
}

/// Plans the next look at DNS after one was folded in.
pub fn reschedule_dns(health: &mut Health, settings: &RunSettings, jitter: Jitter, now_ms: i64) {
    let serving = health.edge_memory.serving_now;
    // A failure of ours is over soon. Name servers that do not answer are looked at like a record that is not there.
    let ours = health.dns.unknown.is_some_and(|unknown| unknown.reason == ReasonCode::DnsLookupUnknown);
    let silent = health.dns.unknown.is_some() && !ours;
    health.dns.next_check_ms = if ours {
        now_ms + schedule::unknown_ms(health.dns.attempt, jitter)
    } else if silent && serving {
        now_ms + schedule::degraded_dns_ms(health.dns.attempt, jitter)
    } else if silent {
        recheck_dns(health, jitter, now_ms)
    } else if health.dns.state == DnsState::Correct && !health.dns_memory.confirmed {
        health.dns_memory.first_good_ms + settings.dns_confirm_ms
    } else if health.dns_good() && health.ownership_good() {
        now_ms + if serving { QUIET_MS } else { DNS_BEFORE_ORDER_MS }
    } else if serving {
        now_ms + schedule::degraded_dns_ms(health.dns.attempt, jitter)
    } else {
        recheck_dns(health, jitter, now_ms)
    };
}

/// When DNS of a domain that serves nothing is looked at again; an unproven claim ends with its life.
fn recheck_dns(health: &mut Health, jitter: Jitter, now_ms: i64) -> i64 {
    let age = now_ms - expiry::unproven_since_ms(health);
    let attempt = health.dns.attempt.max(health.ownership.attempt).saturating_sub(1);
    match dns_recheck_ms(age, attempt, jitter) {
        Some(wait) => now_ms + wait,
        None if health.ownership_good() => now_ms + 4 * 3_600_000,
        None => {
            expiry::expire(health);
            now_ms + QUIET_MS
        }
    }
}

/// Plans the next look at the certificate after one was folded in.
pub fn reschedule_certificate(health: &mut Health, jitter: Jitter, now_ms: i64) {
    let attempt = health.certificate.attempt;
    health.certificate.next_check_ms = if health.certificate.unknown.is_some() {
        now_ms + schedule::unknown_ms(attempt, jitter)
    } else {
        match health.certificate.state {
            CertificateState::Preflight if health.certificate.reason.is_some() => {
                now_ms + schedule::preflight_retry_ms(attempt.saturating_sub(1), jitter)
            }
            CertificateState::None | CertificateState::Preflight | CertificateState::Queued => now_ms,
            CertificateState::Ordering | CertificateState::Validating | CertificateState::Expired => {
                let patient = now_ms - health.certificate.since_ms < AWAIT_FOR_MS;
                if patient { now_ms } else { now_ms + STUCK_POLL_MS }
            }
            // A failed order keeps 0: only a request from now on counts as "somebody asked".
            CertificateState::Failed => {
                let memory = &mut health.certificate_memory;
                if memory.last_failure_ms == now_ms {
                    if memory.retry_at_ms > 0 {
                        // A fleet that was refused together does not come back together.
                        memory.retry_at_ms += jitter.up_to(RATE_LIMIT_SPREAD_MS);
                    }
                    0
                } else {
                    health.certificate.next_check_ms
                }
            }
            CertificateState::Issued
            | CertificateState::Renewing
            | CertificateState::Expiring
            | CertificateState::Paused => now_ms + QUIET_MS,
        }
    };
}

/// Plans the next look at the edge after one was folded in.
pub fn reschedule_edge(health: &mut Health, jitter: Jitter, now_ms: i64) {
    let memory = &health.edge_memory;
    let attempt = health.edge.attempt;
    let fresh = now_ms - memory.applied_ms < EDGE_DEADLINE_MS;
    health.edge.next_check_ms = if health.edge.unknown.is_some() {
        now_ms + schedule::unknown_ms(attempt, jitter)
    } else if health.edge_good() && health.edge.state == EdgeState::Serving {
        now_ms + QUIET_MS
    } else if health.edge.reason == Some(ReasonCode::SecretNotMirrored) {
        // Seen by a look: the copy that mends it follows at once.
        now_ms
    } else if health.edge.reason.is_some_and(refused_by_cluster) {
        now_ms + schedule::REFUSED_RETRY_MS
    } else if memory.serving_now && memory.bad_since_ms > 0 {
        (now_ms + schedule::degraded_ms(attempt, jitter)).min(now_ms.max(memory.bad_since_ms + BAD_PROBES_MS))
    } else if fresh {
        now_ms + schedule::probe_retry_ms(attempt)
    } else {
        now_ms + 60_000
    };
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
