//! Answers of the looking activities.

use crate::convert::{Unreadable, finding_from_wire};
use model::finding::Finding;
use model::portal::axis::CertificateState;
use model::portal::health::{CertificateLook, DnsLook, EdgeObjectsLook, ProbeLook};
use proto::v1 as wire;

fn required<'a, T>(what: &'static str, value: Option<&'a T>) -> Result<&'a T, Unreadable> {
    value.ok_or_else(|| Unreadable { what, value: String::new() })
}

/// Reads a look at DNS.
pub fn dns_look(look: &wire::HostLook) -> Result<DnsLook, Unreadable> {
    Ok(DnsLook {
        dns: finding_from_wire(required("dns finding", look.dns.as_ref())?)?,
        ownership: finding_from_wire(required("ownership finding", look.ownership.as_ref())?)?,
        proof_method: look.proof_method.clone(),
        addresses: look.addresses.clone(),
        chain: look.chain.clone(),
        observed_cname: look.observed_cname.clone(),
        evidence_digest: look.evidence_digest.clone(),
    })
}

/// Reads the answer of a preflight.
pub fn preflight_finding(look: &wire::PreflightLook) -> Result<Finding<CertificateState>, Unreadable> {
    finding_from_wire(required("preflight finding", look.finding.as_ref())?)
}

/// Reads a look at the certificate.
pub fn certificate_look(look: &wire::CertificateLook) -> Result<CertificateLook, Unreadable> {
    Ok(CertificateLook {
        finding: finding_from_wire(required("certificate finding", look.finding.as_ref())?)?,
        exists: look.exists,
        secret_name: look.secret_name.clone(),
        fingerprint: look.fingerprint_sha256.clone(),
        not_after_ms: look.not_after_ms,
        retry_at_ms: look.retry_at_ms,
    })
}

/// Reads a look at the edge's objects.
pub fn edge_look(look: &wire::EdgeLook) -> Result<EdgeObjectsLook, Unreadable> {
    Ok(EdgeObjectsLook {
        finding: finding_from_wire(required("edge finding", look.finding.as_ref())?)?,
        gateway: look.gateway_exists,
        virtual_service: look.virtual_service_exists,
        copied_fingerprint: look.copied_fingerprint_sha256.clone(),
    })
}

/// Reads a probe.
pub fn probe_look(look: &wire::ProbeLook) -> Result<ProbeLook, Unreadable> {
    Ok(ProbeLook {
        finding: finding_from_wire(required("probe finding", look.finding.as_ref())?)?,
        fingerprint: look.fingerprint_sha256.clone(),
        not_after_ms: look.not_after_ms,
    })
}
