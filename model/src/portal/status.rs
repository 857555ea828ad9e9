//! The public face of a record: phase, status, deciding reason and message, each derived in one function.

use crate::portal::axis::{CertificateState, DnsState, EdgeState, OwnershipState};
use crate::portal::health::{AxisRecord, Health};
use crate::portal::record::Status;
use crate::portal::schedule::TENANT_GRACE_MS;
use crate::reason::{Actor, Axis, ReasonCode, RetryClass};
use std::collections::BTreeMap;

/// Phase of a domain (contract section 2), first match from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Removal verified.
    Removed,
    /// The row is disabled, or the tenant is gone.
    Removing,
    /// Serving, with all axes good.
    Active,
    /// Serving, with an axis not good.
    Degraded,
    /// Nothing checked yet in this generation.
    Draft,
    /// Ownership not proven, or DNS not good enough to order.
    AwaitingDns,
    /// No valid certificate.
    AwaitingCertificate,
    /// A valid certificate exists, no good outside probe yet.
    Deploying,
}

impl Phase {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Removing => "removing",
            Self::Active => "active",
            Self::Degraded => "degraded",
            Self::Draft => "draft",
            Self::AwaitingDns => "awaiting_dns",
            Self::AwaitingCertificate => "awaiting_certificate",
            Self::Deploying => "deploying",
        }
    }
}

/// What the row, the queries and the Temporal UI show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// One of the nine.
    pub status: Status,
    /// Phase.
    pub phase: Phase,
    /// First axis that is not good.
    pub axis: Option<Axis>,
    /// Its reason; `None` for good states and normal progress.
    pub reason: Option<ReasonCode>,
    /// Who must act.
    pub actor: Actor,
    /// Sentence for the tenant.
    pub message: String,
    /// Since when the deciding axis is as it is; 0 when unknown.
    pub since_ms: i64,
    /// Time for which this face was derived.
    pub seen_ms: i64,
}

/// The axis that decides: the most upstream one that is not good. Ownership that waits for the same record as DNS says
/// nothing of its own, so the dns axis speaks for both.
pub fn deciding_axis(health: &Health) -> Option<Axis> {
    if !health.policy_good() {
        return Some(Axis::Policy);
    }
    let waits_with_dns = health.ownership.state == OwnershipState::Pending
        && health.ownership.reason.is_none()
        && !health.dns_good()
        && health.dns.checked();
    if !health.ownership_good() && !waits_with_dns {
        return Some(Axis::Ownership);
    }
    // The second look is for an order: what serves is well as soon as its record was seen right.
    let seen_right = health.edge_memory.serving_now && health.dns.checked() && health.dns.state == DnsState::Correct;
    if !health.dns_good() && !seen_right {
        return Some(Axis::Dns);
    }
    if !health.certificate_good() || health.certificate.reason.is_some() {
        // Somebody else's claim on the host holds back the order.
        let before_order = matches!(
            health.certificate.state,
            CertificateState::None | CertificateState::Preflight | CertificateState::Queued | CertificateState::Paused
        );
        if before_order && health.certificate.reason.is_none() && health.edge.state == EdgeState::Conflict {
            return Some(Axis::Edge);
        }
        return Some(Axis::Certificate);
    }
    if !health.edge_good() || health.edge.reason.is_some() {
        return Some(Axis::Edge);
    }
    None
}

/// Derives everything that is shown. `removing` is set while the row is `disabled` or gone; then the edge decides, because
/// what the removal took away is no fault, and what it cannot take away must be seen.
pub fn face(health: &Health, removing: bool, now_ms: i64) -> Face {
    let axis = if removing { Some(Axis::Edge) } else { deciding_axis(health) };
    let (reason, vars, since_ms) = reason_of(health, axis);
    let phase = phase(health, removing, axis);
    let status = status(health, removing, axis, reason, since_ms, now_ms);
    let message = message(health, status, axis, reason, vars);
    let actor = reason.map_or(Actor::Nobody, |reason| actor(reason, since_ms, now_ms));
    Face { status, phase, axis, reason, actor, message, since_ms, seen_ms: now_ms }
}

fn reason_of(health: &Health, axis: Option<Axis>) -> (Option<ReasonCode>, &BTreeMap<String, String>, i64) {
    match axis {
        None | Some(Axis::Edge) => shown(&health.edge),
        Some(Axis::Policy) => shown(&health.policy),
        Some(Axis::Ownership) => shown(&health.ownership),
        Some(Axis::Dns) => shown(&health.dns),
        Some(Axis::Certificate) => shown(&health.certificate),
    }
}

/// What an axis says: its reason, or else why we cannot tell. The last known reason outranks a look that failed.
fn shown<S>(axis: &AxisRecord<S>) -> (Option<ReasonCode>, &BTreeMap<String, String>, i64) {
    match (axis.reason, axis.unknown) {
        (None, Some(unknown)) => (Some(unknown.reason), &axis.vars, unknown.since_ms),
        (reason, _) => (reason, &axis.vars, axis.since_ms),
    }
}

/// The actor of a reason; a name server that stays behind for a day becomes the DNS host's matter.
fn actor(reason: ReasonCode, since_ms: i64, now_ms: i64) -> Actor {
    if reason == ReasonCode::DnsPartial && now_ms - since_ms > TENANT_GRACE_MS {
        return Actor::DnsHost;
    }
    reason.actor()
}

fn phase(health: &Health, removing: bool, axis: Option<Axis>) -> Phase {
    if removing {
        return Phase::Removing;
    }
    if health.edge_memory.serving_now {
        return if axis.is_none() { Phase::Active } else { Phase::Degraded };
    }
    if nothing_checked(health) {
        return Phase::Draft;
    }
    match axis {
        Some(Axis::Policy | Axis::Ownership | Axis::Dns) => Phase::AwaitingDns,
        Some(Axis::Certificate) => Phase::AwaitingCertificate,
        Some(Axis::Edge) if !health.certificate_good() => Phase::AwaitingCertificate,
        Some(Axis::Edge) | None => Phase::Deploying,
    }
}

fn nothing_checked(health: &Health) -> bool {
    !health.policy.checked() && !health.dns.checked()
}

/// The table of section 3, in order.
fn status(
    health: &Health,
    removing: bool,
    axis: Option<Axis>,
    reason: Option<ReasonCode>,
    since_ms: i64,
    now_ms: i64,
) -> Status {
    if removing {
        return Status::Disabled;
    }
    if health.edge_memory.serving_now {
        return Status::Active;
    }
    let long = now_ms - since_ms > TENANT_GRACE_MS;
    match axis {
        Some(Axis::Policy | Axis::Ownership | Axis::Dns) if reason.is_some_and(|r| dns_failed(r, long)) => {
            Status::DnsFailed
        }
        _ if nothing_checked(health) => Status::PendingDns,
        Some(Axis::Policy | Axis::Ownership | Axis::Dns) => Status::VerifyingDns,
        Some(Axis::Certificate) => certificate_status(health.certificate.state, reason, long),
        Some(Axis::Edge) if !health.certificate_good() => Status::PendingCertificate,
        Some(Axis::Edge) | None => Status::Deploying,
    }
}

/// Row 3 of the table: reasons that the tenant or an operator must resolve.
fn dns_failed(reason: ReasonCode, long: bool) -> bool {
    if matches!(reason, ReasonCode::ClaimExpired | ReasonCode::ClaimContended) {
        return true;
    }
    match reason.retry() {
        RetryClass::Final | RetryClass::Operator => true,
        RetryClass::Tenant => reason.axis() == Axis::Dns && reason != ReasonCode::DnsNoRecords && long,
        RetryClass::Automatic | RetryClass::WaitUntil | RetryClass::Information => false,
    }
}

fn certificate_status(state: CertificateState, reason: Option<ReasonCode>, long: bool) -> Status {
    match state {
        CertificateState::Preflight if long && reason.is_some_and(|r| r.retry() == RetryClass::Tenant) => {
            Status::CertificateFailed
        }
        CertificateState::None | CertificateState::Queued | CertificateState::Paused | CertificateState::Preflight => {
            Status::PendingCertificate
        }
        CertificateState::Ordering | CertificateState::Validating | CertificateState::Renewing => {
            Status::CertificateIssuing
        }
        CertificateState::Failed | CertificateState::Expired => Status::CertificateFailed,
        CertificateState::Issued | CertificateState::Expiring => Status::Deploying,
    }
}

/// What the tenant reads. While live: a plain sentence, or the reason that the tenant must act on.
fn message(
    health: &Health,
    status: Status,
    axis: Option<Axis>,
    reason: Option<ReasonCode>,
    vars: &BTreeMap<String, String>,
) -> String {
    if status == Status::Active {
        return match reason {
            Some(reason) if axis.is_some() && reason.actor() == Actor::Tenant => {
                format!("Your domain is live, but: {} {}", reason.message(vars), reason.remedy(vars))
            }
            _ => PROGRESS_ACTIVE.to_owned(),
        };
    }
    match reason {
        Some(reason) if reason.actor() == Actor::Tenant => {
            format!("{} {}", reason.message(vars), reason.remedy(vars))
        }
        Some(reason) => reason.message(vars),
        None => progress(health, status).to_owned(),
    }
}

const PROGRESS_ACTIVE: &str = "Your domain is live.";

/// The sentences of normal progress: a state without a reason code.
fn progress(health: &Health, status: Status) -> &'static str {
    match status {
        Status::PendingDns => "We have your request and start checking in a moment.",
        Status::VerifyingDns if health.dns_memory.first_good_ms > 0 => {
            "Your record is there. We look once more to be sure; this takes less than a minute."
        }
        Status::VerifyingDns => "We are checking your DNS record.",
        Status::DnsFailed => "Your DNS record needs attention.",
        Status::PendingCertificate => "Your DNS record is right. We are preparing the certificate.",
        Status::CertificateIssuing => "Your certificate is being issued; this usually takes less than a minute.",
        Status::CertificateFailed => "The certificate could not be issued; we will try again.",
        Status::Deploying => "Your certificate is ready. We are putting your domain online.",
        Status::Active => PROGRESS_ACTIVE,
        Status::Disabled => "Your domain is being removed.",
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
