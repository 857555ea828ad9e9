//! The record of a domain's health, as it is carried into the next run and stored with the row.

use crate::convert::finding::{evidence_from_wire, evidence_to_wire};
use model::finding::AxisWord;
use model::portal::health::{AxisRecord, CertificateMemory, DnsMemory, EdgeMemory, Health, Unknown};
use model::reason::{Axis, ReasonCode};
use proto::v1 as wire;

/// Version of the carried message that this build writes.
const CARRY_VERSION: u32 = 1;

/// The five axes as wire messages, most upstream first.
pub fn axis_states(health: &Health) -> Vec<wire::AxisState> {
    vec![
        axis_to_wire(&health.policy),
        axis_to_wire(&health.ownership),
        axis_to_wire(&health.dns),
        axis_to_wire(&health.certificate),
        axis_to_wire(&health.edge),
    ]
}

fn axis_to_wire<S: AxisWord>(axis: &AxisRecord<S>) -> wire::AxisState {
    wire::AxisState {
        axis: S::AXIS.as_str().to_owned(),
        state: axis.state.word().to_owned(),
        reason: axis.reason.map_or("", ReasonCode::as_str).to_owned(),
        vars: axis.vars.clone(),
        since_ms: axis.since_ms,
        last_checked_ms: axis.last_checked_ms,
        next_check_ms: axis.next_check_ms,
        last_good_ms: axis.last_good_ms,
        attempt: axis.attempt,
        observed_generation: axis.generation,
        unknown_since_ms: axis.unknown.map_or(0, |unknown| unknown.since_ms),
        unknown_reason: axis.unknown.map_or("", |unknown| unknown.reason.as_str()).to_owned(),
        agree: axis.agree,
        asked: axis.asked,
        evidence: axis.evidence.iter().map(evidence_to_wire).collect(),
    }
}

/// Reads an axis. A state word of another build leaves the axis as new: it is looked at again.
fn axis_from_wire<S: AxisWord + PartialEq>(axes: &[wire::AxisState], into: &mut AxisRecord<S>) {
    let Some(axis) = axes.iter().find(|axis| axis.axis == Axis::as_str(S::AXIS)) else { return };
    let Some(state) = S::from_word(&axis.state) else { return };
    *into = AxisRecord {
        state,
        reason: ReasonCode::parse(&axis.reason),
        vars: axis.vars.clone(),
        since_ms: axis.since_ms,
        last_checked_ms: axis.last_checked_ms,
        next_check_ms: axis.next_check_ms,
        last_good_ms: axis.last_good_ms,
        attempt: axis.attempt,
        generation: axis.observed_generation,
        unknown: ReasonCode::parse(&axis.unknown_reason)
            .map(|reason| Unknown { since_ms: axis.unknown_since_ms, reason }),
        agree: axis.agree,
        asked: axis.asked,
        evidence: axis.evidence.iter().map(evidence_from_wire).collect(),
    };
}

/// Writes what a run hands to the next one.
pub fn health_to_carry(health: &Health, pending_request: bool) -> wire::PortalDomainCarry {
    let (dns, certificate, edge) = (&health.dns_memory, &health.certificate_memory, &health.edge_memory);
    wire::PortalDomainCarry {
        version: CARRY_VERSION,
        axes: axis_states(health),
        dns: Some(wire::DnsConfirmation {
            first_good_ms: dns.first_good_ms,
            confirmed: dns.confirmed,
            evidence_digest: dns.evidence_digest.clone(),
            addresses: dns.addresses.clone(),
            chain: dns.chain.clone(),
            observed_cname: dns.observed_cname.clone(),
            proven_ms: dns.proven_ms,
            proof_method: dns.proof_method.clone(),
            lost_ms: dns.lost_ms,
        }),
        certificate: Some(wire::CertificateMemory {
            preflight_passed_ms: certificate.preflight_passed_ms,
            retry_at_ms: certificate.retry_at_ms,
            ordered_ms: certificate.ordered_ms,
            failures: certificate.failures,
            last_failure_ms: certificate.last_failure_ms,
            fingerprint_sha256: certificate.fingerprint.clone(),
            not_after_ms: certificate.not_after_ms,
            secret_name: certificate.secret_name.clone(),
            failed_digest: certificate.failed_digest.clone(),
        }),
        edge: Some(wire::EdgeMemory {
            applied: edge.applied,
            applied_ms: edge.applied_ms,
            serving_now: edge.serving_now,
            last_good_probe_ms: edge.last_good_probe_ms,
            bad_since_ms: edge.bad_since_ms,
            served_fingerprint_sha256: edge.served_fingerprint.clone(),
            served_not_after_ms: edge.served_not_after_ms,
            copied_fingerprint_sha256: edge.copied_fingerprint.clone(),
        }),
        generation: health.generation,
        opened_ms: health.opened_ms,
        last_look_ms: 0,
        pending_request,
    }
}

/// Reads what an earlier run handed on.
pub fn health_from_carry(carry: &wire::PortalDomainCarry) -> Health {
    let mut health = Health::new(carry.generation, carry.opened_ms);
    axis_from_wire(&carry.axes, &mut health.policy);
    axis_from_wire(&carry.axes, &mut health.ownership);
    axis_from_wire(&carry.axes, &mut health.dns);
    axis_from_wire(&carry.axes, &mut health.certificate);
    axis_from_wire(&carry.axes, &mut health.edge);
    if let Some(dns) = &carry.dns {
        health.dns_memory = DnsMemory {
            first_good_ms: dns.first_good_ms,
            confirmed: dns.confirmed,
            evidence_digest: dns.evidence_digest.clone(),
            addresses: dns.addresses.clone(),
            chain: dns.chain.clone(),
            observed_cname: dns.observed_cname.clone(),
            proven_ms: dns.proven_ms,
            proof_method: dns.proof_method.clone(),
            lost_ms: dns.lost_ms,
        };
    }
    if let Some(certificate) = &carry.certificate {
        health.certificate_memory = CertificateMemory {
            preflight_passed_ms: certificate.preflight_passed_ms,
            ordered_ms: certificate.ordered_ms,
            failures: certificate.failures,
            last_failure_ms: certificate.last_failure_ms,
            retry_at_ms: certificate.retry_at_ms,
            fingerprint: certificate.fingerprint_sha256.clone(),
            not_after_ms: certificate.not_after_ms,
            secret_name: certificate.secret_name.clone(),
            failed_digest: certificate.failed_digest.clone(),
        };
    }
    if let Some(edge) = &carry.edge {
        health.edge_memory = EdgeMemory {
            applied: edge.applied,
            applied_ms: edge.applied_ms,
            serving_now: edge.serving_now,
            last_good_probe_ms: edge.last_good_probe_ms,
            bad_since_ms: edge.bad_since_ms,
            served_fingerprint: edge.served_fingerprint_sha256.clone(),
            served_not_after_ms: edge.served_not_after_ms,
            copied_fingerprint: edge.copied_fingerprint_sha256.clone(),
        };
    }
    health
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::finding::{Evidence, Finding};
    use model::portal::axis::{DnsState, EdgeState};

    #[test]
    fn a_carried_record_is_read_back_unchanged() {
        let mut health = Health::new(3, 17);
        let seen = Evidence { server: "s".into(), question: "q".into(), answer: "a".into(), at_ms: 18 };
        let finding = Finding::bad(DnsState::Partial, ReasonCode::DnsPartial).var("k", "1").evidence(seen);
        health.dns.fold(finding.confidence(1, 2), |_| false, 3, 18);
        health.edge.fold(Finding::unknown(ReasonCode::ProbeUnknown), |_: EdgeState| false, 3, 19);
        health.dns_memory.chain = vec!["x.example".to_owned()];
        health.dns_memory.proof_method = "txt".to_owned();
        health.certificate_memory.failures = 2;
        health.edge_memory.bad_since_ms = 20;
        assert_eq!(health_from_carry(&health_to_carry(&health, true)), health);
    }
}
