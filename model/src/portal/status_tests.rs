//! The decision table of the nine statuses, one row a test.

use super::*;
use crate::finding::Finding;
use crate::portal::axis::{DnsState, EdgeState, PolicyState};

const NOW: i64 = 10_000_000_000;
const DAY: i64 = 24 * 3_600_000;

fn health() -> Health {
    Health::new(1, NOW)
}

fn policy_checked() -> Health {
    let mut h = health();
    h.policy.fold(Finding::good(PolicyState::Allowed), |_| true, 1, NOW);
    h
}

fn dns(reason: ReasonCode, at: i64) -> Health {
    let mut h = policy_checked();
    h.ownership.fold(Finding::good(OwnershipState::Pending), |_| false, 1, at);
    h.dns.fold(Finding::bad(DnsState::Absent, reason), |_| false, 1, at);
    h
}

fn dns_good() -> Health {
    let mut h = policy_checked();
    h.ownership.fold(Finding::good(OwnershipState::Proven), |_| true, 1, NOW);
    h.dns.fold(Finding::good(DnsState::Correct), |_| true, 1, NOW);
    h.dns_memory.confirmed = true;
    h
}

fn certificate(state: CertificateState, reason: Option<ReasonCode>, at: i64) -> Health {
    let mut h = dns_good();
    h.certificate.fold(Finding { reason, ..Finding::good(state) }, |_| false, 1, at);
    h
}

#[track_caller]
fn check(health: &Health, status: Status, phase: Phase, reason: Option<ReasonCode>) {
    let face = face(health, false, NOW);
    assert_eq!((face.status, face.phase, face.reason), (status, phase, reason));
    assert!(!face.message.contains('{'), "{}", face.message);
}

#[test]
fn nothing_checked_is_pending_dns() {
    check(&health(), Status::PendingDns, Phase::Draft, None);
}

#[test]
fn a_valid_name_is_the_first_check() {
    check(&policy_checked(), Status::VerifyingDns, Phase::AwaitingDns, None);
}

#[test]
fn a_final_policy_reason_needs_the_tenant() {
    let mut h = health();
    h.policy.fold(Finding::bad(PolicyState::Blocked, ReasonCode::HostInvalid), |_| false, 1, NOW);
    check(&h, Status::DnsFailed, Phase::AwaitingDns, Some(ReasonCode::HostInvalid));
}

#[test]
fn a_missing_record_is_never_a_failure() {
    let h = dns(ReasonCode::DnsNoRecords, NOW - 3 * DAY);
    check(&h, Status::VerifyingDns, Phase::AwaitingDns, Some(ReasonCode::DnsNoRecords));
}

#[test]
fn a_wrong_record_becomes_a_failure_after_a_day() {
    let fresh = dns(ReasonCode::DnsPointsElsewhere, NOW - DAY / 2);
    check(&fresh, Status::VerifyingDns, Phase::AwaitingDns, Some(ReasonCode::DnsPointsElsewhere));
    let old = dns(ReasonCode::DnsPointsElsewhere, NOW - 2 * DAY);
    check(&old, Status::DnsFailed, Phase::AwaitingDns, Some(ReasonCode::DnsPointsElsewhere));
}

#[test]
fn silent_name_servers_are_never_the_tenants_failure() {
    let h = dns(ReasonCode::DnsServfail, NOW - 3 * DAY);
    check(&h, Status::VerifyingDns, Phase::AwaitingDns, Some(ReasonCode::DnsServfail));
}

#[test]
fn what_we_cannot_tell_is_said_where_nothing_else_is_known() {
    let mut h = policy_checked();
    h.dns.fold(Finding::unknown(ReasonCode::DnsServfail), |_| false, 1, NOW);
    h.ownership.fold(Finding::unknown(ReasonCode::DnsServfail), |_| false, 1, NOW);
    check(&h, Status::VerifyingDns, Phase::AwaitingDns, Some(ReasonCode::DnsServfail));
    let mut known = dns(ReasonCode::DnsNoRecords, NOW);
    known.dns.fold(Finding::unknown(ReasonCode::DnsServfail), |_| false, 1, NOW);
    check(&known, Status::VerifyingDns, Phase::AwaitingDns, Some(ReasonCode::DnsNoRecords));
}

#[test]
fn good_dns_waits_for_the_certificate() {
    check(&dns_good(), Status::PendingCertificate, Phase::AwaitingCertificate, None);
}

#[test]
fn one_good_look_is_still_verifying() {
    let mut h = dns_good();
    h.dns_memory.confirmed = false;
    check(&h, Status::VerifyingDns, Phase::AwaitingDns, None);
}

#[test]
fn the_certificate_decides_by_its_state() {
    let h = certificate(CertificateState::Ordering, None, NOW);
    check(&h, Status::CertificateIssuing, Phase::AwaitingCertificate, None);
    let h = certificate(CertificateState::Failed, Some(ReasonCode::AcmeOrderInvalid), NOW);
    check(&h, Status::CertificateFailed, Phase::AwaitingCertificate, Some(ReasonCode::AcmeOrderInvalid));
    let h = certificate(CertificateState::Preflight, Some(ReasonCode::Http01RedirectBad), NOW - 2 * DAY);
    check(&h, Status::CertificateFailed, Phase::AwaitingCertificate, Some(ReasonCode::Http01RedirectBad));
    let h = certificate(CertificateState::Preflight, Some(ReasonCode::Http01WrongContent), NOW - 2 * DAY);
    check(&h, Status::PendingCertificate, Phase::AwaitingCertificate, Some(ReasonCode::Http01WrongContent));
}

#[test]
fn a_valid_certificate_without_a_probe_is_deploying() {
    let h = certificate(CertificateState::Issued, None, NOW);
    check(&h, Status::Deploying, Phase::Deploying, None);
}

#[test]
fn what_serves_stays_active_whatever_else_is_wrong() {
    let mut h = dns(ReasonCode::DnsNoRecords, NOW);
    h.edge.fold(Finding::good(EdgeState::Serving), |_| true, 1, NOW);
    h.edge_memory.serving_now = true;
    check(&h, Status::Active, Phase::Degraded, Some(ReasonCode::DnsNoRecords));
    let shown = face(&h, false, NOW);
    assert!(shown.message.starts_with("Your domain is live, but:"), "{}", shown.message);
}

#[test]
fn a_removal_shows_what_stands_in_its_way_and_no_other_fault() {
    let mut h = dns(ReasonCode::DnsNoRecords, NOW);
    h.certificate.set(CertificateState::None, NOW);
    h.edge.set(EdgeState::Removing, NOW);
    assert_eq!(face(&h, true, NOW).reason, None);
    let blocked = Finding::bad(EdgeState::Removing, ReasonCode::RemovalBlocked);
    h.edge.fold(blocked.var("object", "gateway a/b").var("holder", "finalizer x/y"), |_| false, 1, NOW);
    let shown = face(&h, true, NOW);
    assert_eq!(
        (shown.status, shown.axis, shown.reason),
        (Status::Disabled, Some(Axis::Edge), Some(ReasonCode::RemovalBlocked))
    );
    assert_eq!(shown.message, "Removal in progress.");
    assert!(ReasonCode::RemovalBlocked.remedy(&h.edge.vars).contains("gateway a/b stands because of finalizer x/y"));
}

#[test]
fn a_disabled_row_stays_disabled() {
    let mut h = dns_good();
    h.edge_memory.serving_now = true;
    let face = face(&h, true, NOW);
    assert_eq!((face.status, face.phase), (Status::Disabled, Phase::Removing));
}
