//! The world around a run, in memory.
//!
//! Why a fake: the clocks of PostgreSQL, of cert-manager, of an ACME authority and of name servers cannot be skipped, so a
//! week with the real ones takes a week. The workflows, the decisions, the wire messages and their conversions are the real
//! ones, and so are Temporal's timers and histories; the real engines are met by the other modules of this binary, hour by
//! hour at most.
//!
//! What it models: one tenant's row with its compare-and-set and what the sweep's statement asks of it (`store.rs`), the
//! Certificate and its authority over time (`authority.rs`), DNS by a script, the Secret copy, route and Gateway at the edge
//! with a finalizer that may hold the Gateway, an API server that may refuse everything, and a probe that follows from all
//! of these. What it does not: several tenants, fences, Pods, caches, slowness. While it runs it checks what must hold in
//! every life, and keeps what is wrong in `violations`.

use super::authority::{Authority, Leaf};
use super::script::{DnsSays, Script};
use contract::convert::finding_to_wire;
use model::finding::Finding;
use model::portal::axis::{CertificateState, DnsState, EdgeState, OwnershipState};
use model::portal::certificate::{classify, retry_at_ms};
use model::reason::ReasonCode;
use proto::v1 as wire;
use std::collections::{BTreeMap, BTreeSet};

/// Host of the one domain.
pub(super) const HOST: &str = "portal.customer.example";
/// Its canonical host.
pub(super) const CANONICAL: &str = "aaaaaaa.portal.app.psa.example";

/// The edge and what holds its objects.
#[derive(Debug, Default)]
pub(super) struct Edge {
    pub(super) copy: Option<Leaf>,
    pub(super) route: bool,
    pub(super) gateway: bool,
    /// A finalizer keeps a deleted Gateway until somebody lets it go.
    pub(super) finalizer: bool,
    deleting: bool,
}

/// Everything outside the run.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) store: super::store::Store,
    pub(super) dns: Script<DnsSays>,
    pub(super) authority: Authority,
    pub(super) edge: Edge,
    /// The API server answers nothing.
    pub(super) cluster_down: bool,
    /// What happened, and when.
    pub(super) log: Vec<(i64, String)>,
    /// What must never happen and did.
    pub(super) violations: Vec<String>,
    /// Reasons that looks found, and reasons that the row showed.
    pub(super) told: BTreeSet<String>,
    pub(super) shown: BTreeSet<String>,
    pub(super) probe_was_good: bool,
}

impl World {
    pub(super) fn note(&mut self, now_ms: i64, what: impl Into<String>) {
        self.log.push((now_ms, what.into()));
    }

    /// When something happened, in order.
    pub(super) fn times(&self, what: &str) -> Vec<i64> {
        self.log.iter().filter(|(_, entry)| entry == what).map(|(at, _)| *at).collect()
    }

    /// Remembers a finding's reason: the row must show it at some time.
    fn tell<S>(&mut self, finding: &Finding<S>) {
        if let Some(reason) = finding.reason.filter(|_| finding.state.is_some()) {
            self.told.insert(reason.as_str().to_owned());
        }
    }

    /// Everything that a visitor's request needs at our side.
    pub(super) fn serves(&self, now_ms: i64) -> bool {
        self.edge.route && self.edge.gateway && self.edge.copy.as_ref().is_some_and(|leaf| leaf.not_after_ms > now_ms)
    }

    pub(super) fn look_up(&mut self, now_ms: i64, own_target: &str) -> wire::HostLook {
        self.note(now_ms, "look dns");
        let says = self.dns.at(now_ms);
        let (dns, ownership) = match says {
            DnsSays::Nothing => (
                Finding::bad(DnsState::Absent, ReasonCode::DnsNoRecords).var("h", HOST).var("record", "a CNAME record"),
                Finding::good(OwnershipState::Pending),
            ),
            DnsSays::Here => (Finding::good(DnsState::Correct), Finding::good(OwnershipState::Proven)),
            DnsSays::HereOnOneOfTwo => (
                Finding::bad(DnsState::Partial, ReasonCode::DnsPartial).var("k", "1").var("n", "2"),
                Finding::good(OwnershipState::Proven),
            ),
        };
        self.tell(&dns);
        let here = says != DnsSays::Nothing;
        wire::HostLook {
            proof_method: if here { "canonical_host".to_owned() } else { String::new() },
            chain: if here { vec![CANONICAL.to_owned()] } else { Vec::new() },
            addresses: if here { vec!["203.0.113.7".to_owned()] } else { Vec::new() },
            observed_cname: if here { CANONICAL.to_owned() } else { String::new() },
            evidence_digest: format!("{says:?}/{own_target}"),
            ownership: Some(finding_to_wire(&ownership)),
            dns: Some(finding_to_wire(&dns)),
        }
    }

    pub(super) fn preflight(&mut self, now_ms: i64) -> wire::PreflightLook {
        self.note(now_ms, "preflight");
        let finding = match self.dns.at(now_ms) {
            DnsSays::Nothing => Finding::bad(CertificateState::Preflight, ReasonCode::Http01Unreachable).var("a", HOST),
            DnsSays::Here | DnsSays::HereOnOneOfTwo => Finding::good(CertificateState::None),
        };
        self.tell(&finding);
        wire::PreflightLook { finding: Some(finding_to_wire(&finding)) }
    }

    /// The Certificate as the model's own classification reads it.
    pub(super) fn certificate(&mut self, now_ms: i64, ordered_ms: i64) -> wire::CertificateLook {
        self.authority.turn(now_ms);
        let name = self.store.object_name();
        let facts = self.authority.facts(HOST, &name);
        let finding = classify(&facts, now_ms, ordered_ms);
        self.tell(&finding);
        let leaf = self.authority.secret.clone().unwrap_or(Leaf {
            fingerprint: String::new(),
            not_before_ms: 0,
            not_after_ms: 0,
        });
        wire::CertificateLook {
            exists: self.authority.exists(),
            secret_name: name,
            retry_at_ms: retry_at_ms(&facts),
            finding: Some(finding_to_wire(&finding)),
            fingerprint_sha256: leaf.fingerprint,
            not_before_ms: leaf.not_before_ms,
            not_after_ms: leaf.not_after_ms,
            ..wire::CertificateLook::default()
        }
    }

    pub(super) fn edge_objects(&mut self, fingerprint: &str) -> wire::EdgeLook {
        let copied = self.edge.copy.as_ref().map_or("", |leaf| &leaf.fingerprint).to_owned();
        let complete = self.edge.route && self.edge.gateway;
        let fresh = !copied.is_empty() && (fingerprint.is_empty() || copied == fingerprint);
        let finding = match (complete, fresh) {
            (true, true) => Finding::good(EdgeState::Accepted),
            (true, false) => Finding::bad(EdgeState::SecretMissing, ReasonCode::SecretNotMirrored),
            (false, _) => Finding::good(EdgeState::None),
        };
        self.tell(&finding);
        wire::EdgeLook {
            finding: Some(finding_to_wire(&finding)),
            gateway_exists: self.edge.gateway,
            virtual_service_exists: self.edge.route,
            copied_fingerprint_sha256: copied,
            objects: Vec::new(),
        }
    }

    /// The host as a visitor meets it.
    pub(super) fn probe(&mut self, now_ms: i64, newest: &str) -> wire::ProbeLook {
        self.note(now_ms, "probe");
        let expired = self.edge.copy.as_ref().is_some_and(|leaf| leaf.not_after_ms <= now_ms);
        if self.store.status() == "active" && expired {
            self.violations.push("a live host has an expired certificate".to_owned());
        }
        let reached = self.serves(now_ms) && self.dns.at(now_ms) != DnsSays::Nothing;
        let leaf = self.edge.copy.clone().filter(|_| reached);
        let finding = match &leaf {
            None => Finding::bad(EdgeState::Unreachable, ReasonCode::EdgeUnreachable),
            Some(leaf) if newest.is_empty() || leaf.fingerprint == newest => Finding::good(EdgeState::Serving),
            Some(_) => Finding::good(EdgeState::ServingStale),
        };
        wire::ProbeLook {
            finding: Some(finding_to_wire(&finding)),
            fingerprint_sha256: leaf.as_ref().map_or(String::new(), |leaf| leaf.fingerprint.clone()),
            not_after_ms: leaf.as_ref().map_or(0, |leaf| leaf.not_after_ms),
            https_status: if reached { 200 } else { 0 },
            tries: 1,
        }
    }

    /// One write. What serves must go on serving unless the row asks for its end.
    pub(super) fn step(&mut self, now_ms: i64, request: &wire::ApplyStepRequest) -> wire::ApplyStepReply {
        self.note(now_ms, format!("step {}", request.step));
        let before = self.serves(now_ms);
        let reply = self.write(now_ms, request);
        if before && !self.serves(now_ms) && self.store.wanted() {
            self.violations.push(format!("{} took away what served", request.step));
        }
        reply
    }

    fn write(&mut self, now_ms: i64, request: &wire::ApplyStepRequest) -> wire::ApplyStepReply {
        let reply = |outcome: &str| wire::ApplyStepReply { outcome: outcome.to_owned(), ..Default::default() };
        let deleted = |was: bool| reply(if was { "deleted" } else { "absent" });
        match request.step.as_str() {
            "apply_certificate" => {
                self.authority.apply(now_ms);
                reply("applied")
            }
            "copy_secret" => match &self.authority.secret {
                Some(leaf) if leaf.fingerprint == request.fingerprint_sha256 => {
                    self.edge.copy = Some(leaf.clone());
                    wire::ApplyStepReply { fingerprint_sha256: leaf.fingerprint.clone(), ..reply("applied") }
                }
                _ => wire::ApplyStepReply { reason: "SECRET_NOT_MIRRORED".to_owned(), ..reply("refused") },
            },
            "apply_virtual_service" => {
                self.edge.route = true;
                reply("applied")
            }
            "apply_gateway" => {
                self.edge.gateway = true;
                reply("applied")
            }
            "delete_virtual_service" => deleted(std::mem::take(&mut self.edge.route)),
            "delete_gateway" if self.edge.finalizer && self.edge.gateway => {
                self.edge.deleting = true;
                reply("deleted")
            }
            "delete_gateway" => deleted(std::mem::take(&mut self.edge.gateway)),
            "delete_secret_copy" => deleted(self.edge.copy.take().is_some()),
            "delete_certificate" => {
                let was = self.authority.exists();
                self.authority.delete(now_ms);
                deleted(was)
            }
            "delete_secret" => deleted(self.authority.secret.take().is_some()),
            _ => reply("absent"),
        }
    }

    /// The finalizer's owner lets the Gateway go.
    pub(super) fn let_go(&mut self) {
        self.edge.finalizer = false;
        if std::mem::take(&mut self.edge.deleting) {
            self.edge.gateway = false;
        }
    }

    /// Which of these objects are still there.
    pub(super) fn read_back(&mut self, now_ms: i64, objects: &[wire::InventoryObject]) -> wire::ReadBackReply {
        self.note(now_ms, "read back");
        let exists = |object: &&wire::InventoryObject| match object.kind.as_str() {
            "virtual_service" => self.edge.route,
            "gateway" => self.edge.gateway,
            "secret_copy" => self.edge.copy.is_some(),
            "certificate" => self.authority.exists(),
            _ => self.authority.secret.is_some(),
        };
        let remaining: Vec<_> = objects.iter().filter(exists).cloned().collect();
        let held = remaining.iter().filter(|object| object.kind == "gateway" && self.edge.finalizer);
        let held_by: BTreeMap<_, _> = held.map(|object| (object.name.clone(), "example.org/hold".to_owned())).collect();
        wire::ReadBackReply { remaining, held_by }
    }

    /// Nothing of the domain is left.
    pub(super) fn is_empty(&self) -> bool {
        let edge = &self.edge;
        !edge.route
            && !edge.gateway
            && edge.copy.is_none()
            && !self.authority.exists()
            && self.authority.secret.is_none()
    }
}
