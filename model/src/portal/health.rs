//! The record of one domain's health: five axes, and what is remembered between looks.

use crate::finding::{AxisWord, Evidence, Finding};
use crate::portal::axis::{CertificateState, DnsState, EdgeState, OwnershipState, PolicyState};
use crate::portal::schedule::EDGE_DEADLINE_MS;
use crate::reason::ReasonCode;
use crate::time::iso8601;
use std::collections::BTreeMap;

/// A served host is called unserved after this long of bad probes from the only vantage point (contract section 2).
pub const BAD_PROBES_MS: i64 = 15 * 60_000;

/// Most pieces of evidence kept per axis; newer ones replace the whole set.
pub const EVIDENCE_MAX: usize = 8;

/// One axis: what is in force, since when, and what the last look said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxisRecord<S> {
    /// State in force. A look that could not tell leaves it as it is.
    pub state: S,
    /// Why it is not good; `None` for good states and normal progress.
    pub reason: Option<ReasonCode>,
    /// Values of the reason's placeholders.
    pub vars: BTreeMap<String, String>,
    /// Since when state and reason hold.
    pub since_ms: i64,
    /// Last look that could tell; 0 when never in this generation.
    pub last_checked_ms: i64,
    /// When we look again; 0 when nothing is planned.
    pub next_check_ms: i64,
    /// Last time the axis was good; 0 when never.
    pub last_good_ms: i64,
    /// Looks in a row that were not good; drives the schedule.
    pub attempt: u32,
    /// Generation that the state speaks of.
    pub generation: u64,
    /// Set while we cannot tell.
    pub unknown: Option<Unknown>,
    /// Servers or addresses that agreed.
    pub agree: u32,
    /// Servers or addresses that were asked.
    pub asked: u32,
    /// What was answered at the last look.
    pub evidence: Vec<Evidence>,
}

/// We cannot tell, since when and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown {
    /// First look that could not tell.
    pub since_ms: i64,
    /// Why.
    pub reason: ReasonCode,
}

impl<S: AxisWord + PartialEq> AxisRecord<S> {
    /// An axis that nothing was learned about.
    pub fn new(state: S) -> Self {
        Self {
            state,
            reason: None,
            vars: BTreeMap::new(),
            since_ms: 0,
            last_checked_ms: 0,
            next_check_ms: 0,
            last_good_ms: 0,
            attempt: 0,
            generation: 0,
            unknown: None,
            agree: 0,
            asked: 0,
            evidence: Vec::new(),
        }
    }

    /// Was this axis looked at in this generation?
    pub const fn checked(&self) -> bool {
        self.last_checked_ms > 0
    }

    /// Takes in one finding. `good` says whether its state is a good one on this axis.
    pub fn fold(&mut self, finding: Finding<S>, good: impl Fn(S) -> bool, generation: u64, now_ms: i64) {
        self.evidence = finding.evidence;
        self.evidence.truncate(EVIDENCE_MAX);
        let Some(state) = finding.state else {
            let reason = finding.reason.unwrap_or(ReasonCode::DnsLookupUnknown);
            let since_ms = self.unknown.map_or(now_ms, |unknown| unknown.since_ms);
            self.unknown = Some(Unknown { since_ms, reason });
            self.attempt = self.attempt.saturating_add(1);
            return;
        };
        if !self.checked() || self.state != state || self.reason != finding.reason {
            self.since_ms = now_ms;
        }
        self.unknown = None;
        self.state = state;
        self.reason = finding.reason;
        self.vars = finding.vars;
        (self.agree, self.asked) = (finding.agree, finding.asked);
        self.generation = generation;
        self.last_checked_ms = now_ms;
        if good(state) {
            self.last_good_ms = now_ms;
            self.attempt = 0;
        } else {
            self.attempt = self.attempt.saturating_add(1);
        }
    }

    /// Sets a state that follows from our own act, not from a look.
    pub fn set(&mut self, state: S, now_ms: i64) {
        if self.state != state || self.reason.is_some() {
            self.since_ms = now_ms;
        }
        self.state = state;
        self.reason = None;
        self.vars = BTreeMap::new();
        self.attempt = 0;
    }
}

/// What is remembered of DNS between looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DnsMemory {
    /// First good look of the current series; 0 when there is none.
    pub first_good_ms: i64,
    /// Two good looks, far enough apart, were made.
    pub confirmed: bool,
    /// Digest of the last answers.
    pub evidence_digest: String,
    /// Published addresses.
    pub addresses: Vec<String>,
    /// Alias chain.
    pub chain: Vec<String>,
    /// What the host shows: first alias, or its addresses.
    pub observed_cname: String,
    /// When ownership was last proven; 0 when never.
    pub proven_ms: i64,
    /// Method of that proof; empty when never.
    pub proof_method: String,
    /// First look since then that found no proof; 0 when the last one found it, and before any proof.
    pub lost_ms: i64,
}

/// What is remembered of the certificate between looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateMemory {
    /// When the preflight last passed; 0 when it did not.
    pub preflight_passed_ms: i64,
    /// When the Certificate object was written; 0 when it was not.
    pub ordered_ms: i64,
    /// Orders that failed in this generation.
    pub failures: u32,
    /// When the last one failed.
    pub last_failure_ms: i64,
    /// Instant before which the authority refuses; 0 when none.
    pub retry_at_ms: i64,
    /// Leaf of the newest certificate; empty when none.
    pub fingerprint: String,
    /// Its end.
    pub not_after_ms: i64,
    /// Name of its Secret.
    pub secret_name: String,
    /// Digest of the DNS answers when the last order failed.
    pub failed_digest: String,
}

/// What is remembered of the edge between looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EdgeMemory {
    /// Route and Gateway of this generation were written and not seen missing since.
    pub applied: bool,
    /// When they were.
    pub applied_ms: i64,
    /// The last outside probe was good, or bad ones have not lasted [`BAD_PROBES_MS`].
    pub serving_now: bool,
    /// Last good probe; 0 when never.
    pub last_good_probe_ms: i64,
    /// First bad probe since the last good one; 0 when the last one was good.
    pub bad_since_ms: i64,
    /// Leaf that the last probe saw.
    pub served_fingerprint: String,
    /// Its end.
    pub served_not_after_ms: i64,
    /// Leaf that was last copied to the edge.
    pub copied_fingerprint: String,
}

/// Health of one domain in one generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Generation that this record speaks of.
    pub generation: u64,
    /// First look in this generation, or the last request that resumed it; schedules count from here.
    pub opened_ms: i64,
    /// Policy axis.
    pub policy: AxisRecord<PolicyState>,
    /// Ownership axis.
    pub ownership: AxisRecord<OwnershipState>,
    /// Dns axis.
    pub dns: AxisRecord<DnsState>,
    /// Certificate axis.
    pub certificate: AxisRecord<CertificateState>,
    /// Edge axis.
    pub edge: AxisRecord<EdgeState>,
    /// Between looks: DNS.
    pub dns_memory: DnsMemory,
    /// Between looks: certificate.
    pub certificate_memory: CertificateMemory,
    /// Between looks: edge.
    pub edge_memory: EdgeMemory,
}

impl Health {
    /// A generation that nothing was learned about.
    pub fn new(generation: u64, now_ms: i64) -> Self {
        Self {
            generation,
            opened_ms: now_ms,
            policy: AxisRecord::new(PolicyState::Allowed),
            ownership: AxisRecord::new(OwnershipState::None),
            dns: AxisRecord::new(DnsState::Absent),
            certificate: AxisRecord::new(CertificateState::None),
            edge: AxisRecord::new(EdgeState::None),
            dns_memory: DnsMemory::default(),
            certificate_memory: CertificateMemory::default(),
            edge_memory: EdgeMemory::default(),
        }
    }

    /// The next generation of the same host: the row asks for other targets, or asks again. Proof and DNS begin anew; the
    /// certificate stays, and what serves goes on serving. The edge is probed once the new generation had time to get there,
    /// because its nonce is new.
    pub fn next_generation(&self, generation: u64, now_ms: i64) -> Self {
        let mut next = Self::new(generation, now_ms);
        next.certificate = self.certificate.clone();
        next.certificate.next_check_ms = now_ms;
        next.certificate_memory = self.certificate_memory.clone();
        next.edge = self.edge.clone();
        next.edge.next_check_ms = now_ms + EDGE_DEADLINE_MS;
        next.edge_memory = EdgeMemory { applied: false, ..self.edge_memory.clone() };
        next
    }

    /// The host may be used.
    pub fn policy_good(&self) -> bool {
        self.policy.checked() && self.policy.state == PolicyState::Allowed
    }

    /// Ownership was proven in this generation.
    pub fn ownership_good(&self) -> bool {
        matches!(self.ownership.state, OwnershipState::Proven)
    }

    /// Two good looks in a row, and the last one was good.
    pub fn dns_good(&self) -> bool {
        self.dns.checked() && self.dns.state == DnsState::Correct && self.dns_memory.confirmed
    }

    /// A certificate that browsers accept exists.
    pub fn certificate_good(&self) -> bool {
        self.certificate.state.usable()
    }

    /// The last outside probe was good.
    pub fn edge_good(&self) -> bool {
        matches!(self.edge.state, EdgeState::Serving | EdgeState::ServingStale) && self.edge_memory.serving_now
    }

    /// Takes in one look at DNS, which answers ownership too.
    pub fn fold_dns(&mut self, look: DnsLook, confirm_ms: i64, now_ms: i64) {
        let generation = self.generation;
        let told = look.dns.state.is_some();
        let correct = look.dns.state == Some(DnsState::Correct);
        let proven = look.ownership.state == Some(OwnershipState::Proven);
        self.dns.fold(look.dns, |state| state == DnsState::Correct, generation, now_ms);
        self.ownership.fold(look.ownership, |state| state == OwnershipState::Proven, generation, now_ms);
        let memory = &mut self.dns_memory;
        if proven {
            memory.proven_ms = now_ms;
            memory.proof_method = look.proof_method;
            memory.lost_ms = 0;
        } else if told && memory.proven_ms > 0 && memory.lost_ms == 0 {
            memory.lost_ms = now_ms;
        }
        if !told {
            return;
        }
        if correct {
            if memory.first_good_ms == 0 {
                memory.first_good_ms = now_ms;
            } else if now_ms - memory.first_good_ms >= confirm_ms {
                memory.confirmed = true;
            }
        } else {
            memory.first_good_ms = 0;
            memory.confirmed = false;
        }
        memory.evidence_digest = look.evidence_digest;
        memory.addresses = look.addresses;
        memory.chain = look.chain;
        memory.observed_cname = look.observed_cname;
    }

    /// Takes in one look at the certificate.
    pub fn fold_certificate(&mut self, look: CertificateLook, now_ms: i64) {
        let told = look.finding.state;
        let was_failed = self.certificate.state == CertificateState::Failed;
        self.certificate.fold(look.finding, CertificateState::usable, self.generation, now_ms);
        let Some(state) = told else { return };
        let memory = &mut self.certificate_memory;
        if !look.exists {
            memory.ordered_ms = 0;
        }
        memory.retry_at_ms = look.retry_at_ms;
        if state == CertificateState::Failed && !was_failed {
            memory.failures = memory.failures.saturating_add(1);
            memory.last_failure_ms = now_ms;
            memory.preflight_passed_ms = 0;
            memory.failed_digest = self.dns_memory.evidence_digest.clone();
        }
        if state.usable() {
            memory.failures = 0;
        }
        if !look.fingerprint.is_empty() {
            memory.fingerprint = look.fingerprint;
            memory.not_after_ms = look.not_after_ms;
        }
        memory.secret_name = look.secret_name;
    }

    /// Takes in the answer of a preflight: passed when the finding has no reason.
    pub fn fold_preflight(&mut self, finding: Finding<CertificateState>, now_ms: i64) {
        let passed = finding.state.is_some() && finding.reason.is_none();
        self.certificate.fold(finding, |_| false, self.generation, now_ms);
        self.certificate_memory.preflight_passed_ms = if passed { now_ms } else { 0 };
        if passed {
            self.certificate.attempt = 0;
        }
    }

    /// Takes in what the cluster says about the edge's objects, without a look from outside.
    pub fn fold_edge_objects(&mut self, look: EdgeObjectsLook, now_ms: i64) {
        if look.finding.state.is_none() {
            self.edge.fold(look.finding, |_| false, self.generation, now_ms);
            return;
        }
        let complete = look.gateway && look.virtual_service;
        self.edge_memory.copied_fingerprint = look.copied_fingerprint;
        if !complete {
            self.edge_memory.applied = false;
        }
        // What was seen from outside outranks what the cluster says, unless the cluster says why it must fail, or that a
        // conflict, which only it can see, is over.
        let over = self.edge.state == EdgeState::Conflict;
        if look.finding.reason.is_some() || over || !self.edge_memory.serving_now {
            self.edge.fold(look.finding, |_| false, self.generation, now_ms);
        }
    }

    /// Takes in one probe from outside.
    pub fn fold_probe(&mut self, look: ProbeLook, now_ms: i64) {
        let good = |state| matches!(state, EdgeState::Serving | EdgeState::ServingStale);
        let told = look.finding.state;
        self.edge.fold(look.finding, good, self.generation, now_ms);
        let memory = &mut self.edge_memory;
        match told {
            None => {}
            Some(state) if good(state) => {
                memory.serving_now = true;
                memory.last_good_probe_ms = now_ms;
                memory.bad_since_ms = 0;
                memory.served_fingerprint = look.fingerprint;
                memory.served_not_after_ms = look.not_after_ms;
            }
            Some(_) => {
                if memory.bad_since_ms == 0 {
                    memory.bad_since_ms = now_ms;
                }
                if now_ms - memory.bad_since_ms >= BAD_PROBES_MS {
                    memory.serving_now = false;
                }
                // "Not reachable since {t}": only this record knows since when.
                self.edge.vars.insert("t".to_owned(), iso8601(memory.bad_since_ms));
            }
        }
    }
}

/// One look at DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsLook {
    /// Dns axis.
    pub dns: Finding<DnsState>,
    /// Ownership axis.
    pub ownership: Finding<OwnershipState>,
    /// Method that proved ownership; empty when not proven.
    pub proof_method: String,
    /// Published addresses.
    pub addresses: Vec<String>,
    /// Alias chain.
    pub chain: Vec<String>,
    /// First alias, or the addresses.
    pub observed_cname: String,
    /// Digest of the answers.
    pub evidence_digest: String,
}

/// One look at the Certificate and its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateLook {
    /// Certificate axis.
    pub finding: Finding<CertificateState>,
    /// The Certificate object exists.
    pub exists: bool,
    /// Name of its Secret.
    pub secret_name: String,
    /// Leaf of the source Secret; empty when there is none.
    pub fingerprint: String,
    /// Its end.
    pub not_after_ms: i64,
    /// Instant before which the authority refuses; 0 when none.
    pub retry_at_ms: i64,
}

/// One look at the edge's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeObjectsLook {
    /// none, accepted, conflict or secret_missing.
    pub finding: Finding<EdgeState>,
    /// The Gateway exists.
    pub gateway: bool,
    /// The VirtualService exists.
    pub virtual_service: bool,
    /// Leaf of the Secret copy; empty when there is none.
    pub copied_fingerprint: String,
}

/// One probe from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeLook {
    /// Edge axis.
    pub finding: Finding<EdgeState>,
    /// Leaf on the wire; empty when there was none.
    pub fingerprint: String,
    /// Its end.
    pub not_after_ms: i64,
}
