//! What queries answer, what people read in the Temporal UI, and what the next run is given.

use contract::convert::{health_to_carry, object_to_wire};
use model::finding::{AxisWord, Evidence};
use model::portal::axis::{CertificateState, DnsState, OwnershipState};
use model::portal::decide::retry_order_at;
use model::portal::health::{AxisRecord, Health};
use model::portal::hostname::{proof_name, proof_value};
use model::portal::record::Status;
use model::portal::status::{Face, face};
use model::reason::{Axis, ReasonCode};
use model::time::iso8601;
use proto::v1 as wire;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use super::state::{Loaded, RunState};

/// Version of the excerpt.
const EXCERPT_VERSION: u32 = 1;

/// Answers the query `status`.
pub(super) fn status(s: &RunState) -> wire::StatusReply {
    match (&s.loaded, &s.health) {
        (Some(loaded), Some(health)) => excerpt(loaded, health, &face(health, s.removing(), last_look(health))),
        _ => wire::StatusReply { v: EXCERPT_VERSION, ..wire::StatusReply::default() },
    }
}

/// The tenant-safe excerpt: no other tenant, no object name, no internal address.
pub(super) fn excerpt(loaded: &Loaded, health: &Health, face: &Face) -> wire::StatusReply {
    let mut axes = BTreeMap::new();
    for (axis, state, reason) in axis_rows(health) {
        axes.insert(axis.as_str().to_owned(), wire::AxisExcerpt { state, reason });
    }
    wire::StatusReply {
        v: EXCERPT_VERSION,
        host: loaded.claim.host.clone(),
        status: face.status.as_str().to_owned(),
        phase: face.phase.as_str().to_owned(),
        serving_now: health.edge_memory.serving_now,
        reason: face.reason.map_or("", ReasonCode::as_str).to_owned(),
        actor: face.actor.as_str().to_owned(),
        message: face.message.clone(),
        since: iso8601(face.since_ms),
        next_check_at: iso8601(next_check(health, face.seen_ms)),
        axes,
        actions: actions(loaded, health, face),
        worker_build: loaded.worker_build.clone(),
    }
}

/// Records that the tenant adds or keeps.
fn actions(loaded: &Loaded, health: &Health, face: &Face) -> Vec<wire::Action> {
    let record = |action: &str, kind: &str, name: String, value: String| wire::Action {
        action: action.to_owned(),
        r#type: kind.to_owned(),
        name,
        value,
    };
    let claim = &loaded.claim;
    // A name that may not be used needs no record.
    let mut list = Vec::new();
    if health.policy_good() {
        list.extend(in_the_way(health).map(|(kind, value)| record("remove", kind, claim.host.clone(), value)));
        let route = if health.dns.state == DnsState::Correct { "keep" } else { "add" };
        list.push(record(route, "CNAME", claim.host.clone(), loaded.row.expected_cname.clone()));
    }
    let wants_txt = matches!(
        face.reason,
        Some(
            ReasonCode::OwnershipTxtMissing
                | ReasonCode::OwnershipTxtMismatch
                | ReasonCode::OwnershipTxtDoubled
                | ReasonCode::ClaimContended
                | ReasonCode::DnsWildcardOnly
        )
    );
    if wants_txt || claim.contended {
        list.push(record("add", "TXT", proof_name(&claim.host), proof_value(&claim.ownership_token)));
    }
    list
}

/// What leads the host elsewhere: its first alias, or its addresses.
fn in_the_way(health: &Health) -> Option<(&'static str, String)> {
    let observed = &health.dns_memory.observed_cname;
    let elsewhere = matches!(health.dns.state, DnsState::Elsewhere) && !observed.is_empty();
    let first = observed.split([',', ' ']).next().unwrap_or_default();
    let kind = match first.parse() {
        Ok(IpAddr::V4(_)) => "A",
        Ok(IpAddr::V6(_)) => "AAAA",
        Err(_) => "CNAME",
    };
    elsewhere.then(|| (kind, observed.clone()))
}

fn axis_rows(health: &Health) -> [(Axis, String, String); 5] {
    fn row<S: AxisWord>(axis: &AxisRecord<S>) -> (Axis, String, String) {
        (S::AXIS, axis.state.word().to_owned(), axis.reason.map_or("", ReasonCode::as_str).to_owned())
    }
    [row(&health.policy), row(&health.ownership), row(&health.dns), row(&health.certificate), row(&health.edge)]
}

fn last_look(health: &Health) -> i64 {
    [health.policy.last_checked_ms, health.dns.last_checked_ms, health.certificate.last_checked_ms]
        .into_iter()
        .chain([health.edge.last_checked_ms])
        .max()
        .unwrap_or_default()
}

/// The earliest look that is still to come; a time that passed belongs to an axis that waits for another.
fn next_check(health: &Health, now_ms: i64) -> i64 {
    [health.dns.next_check_ms, next_look_at_certificate(health), health.edge.next_check_ms]
        .into_iter()
        .filter(|next| *next > now_ms)
        .min()
        .unwrap_or_default()
}

/// A failed order is tried again when the schedule or the authority says so.
fn next_look_at_certificate(health: &Health) -> i64 {
    let failed = health.certificate.state == CertificateState::Failed;
    if failed { retry_order_at(health) } else { health.certificate.next_check_ms }
}

/// Answers the query `explain`.
pub(super) fn explain(s: &RunState) -> wire::ExplainReply {
    let (Some(loaded), Some(health)) = (&s.loaded, &s.health) else {
        return wire::ExplainReply { waiting_for: s.waiting_for.clone(), ..wire::ExplainReply::default() };
    };
    let mut axes = Vec::with_capacity(5);
    let mut observations = Vec::new();
    // A time that passed belongs to an axis that waits for another.
    let seen_ms = last_look(health);
    let upcoming = |next_ms: i64| if next_ms > seen_ms { iso8601(next_ms) } else { String::new() };
    explain_axis(&health.policy, "", upcoming(health.policy.next_check_ms), &mut axes, &mut observations);
    explain_axis(
        &health.ownership,
        how_proven(health),
        upcoming(health.ownership.next_check_ms),
        &mut axes,
        &mut observations,
    );
    explain_axis(&health.dns, "", upcoming(health.dns.next_check_ms), &mut axes, &mut observations);
    explain_axis(&health.certificate, "", upcoming(next_look_at_certificate(health)), &mut axes, &mut observations);
    explain_axis(&health.edge, "", upcoming(health.edge.next_check_ms), &mut axes, &mut observations);
    wire::ExplainReply {
        status: Some(status(s)),
        axes,
        observations,
        waiting_for: s.waiting_for.clone(),
        generation: loaded.claim.generation,
        objects: loaded.inventory.iter().map(object_to_wire).collect(),
        certificate_fingerprint_sha256: health.certificate_memory.fingerprint.clone(),
        certificate_not_after: iso8601(health.certificate_memory.not_after_ms),
    }
}

/// What the ownership axis means while it has no reason code.
fn how_proven(health: &Health) -> &'static str {
    match (health.ownership.state, health.dns_memory.proof_method.as_str()) {
        (OwnershipState::Proven, "txt") => "The TXT record proves it.",
        (OwnershipState::Proven, "canonical_host") => {
            "The alias to the canonical host proves it; a TXT record is not needed."
        }
        (OwnershipState::Proven, _) => "The alias to the domain's own target proves it; a TXT record is not needed.",
        _ => "The DNS record that leads here will prove it; a TXT record would, too.",
    }
}

/// `plain` is said where the axis has no reason code.
fn explain_axis<S: AxisWord>(
    axis: &AxisRecord<S>,
    plain: &str,
    next_check_at: String,
    axes: &mut Vec<wire::AxisExplanation>,
    observations: &mut Vec<wire::Observation>,
) {
    let reason = axis.reason;
    axes.push(wire::AxisExplanation {
        axis: S::AXIS.as_str().to_owned(),
        state: axis.state.word().to_owned(),
        reason: reason.map_or("", ReasonCode::as_str).to_owned(),
        actor: reason.map_or("none", |reason| reason.actor().as_str()).to_owned(),
        retry: reason.map_or(String::new(), |reason| reason.retry().letter().to_string()),
        message: reason.map_or_else(|| plain.to_owned(), |reason| reason.message(&axis.vars)),
        remedy: reason.map_or(String::new(), |reason| reason.remedy(&axis.vars)),
        since: iso8601(axis.since_ms),
        last_checked_at: iso8601(axis.last_checked_ms),
        next_check_at,
        last_good_at: iso8601(axis.last_good_ms),
        unknown_since: axis.unknown.map_or(String::new(), |unknown| iso8601(unknown.since_ms)),
        unknown_reason: axis.unknown.map_or("", |unknown| unknown.reason.as_str()).to_owned(),
        confidence: if axis.asked > 0 { format!("{} of {}", axis.agree, axis.asked) } else { String::new() },
    });
    let meaning = reason.map_or_else(
        || format!("{} is {}", S::AXIS.as_str(), axis.state.word()),
        |reason| reason.entry().detected.to_owned(),
    );
    observations.extend(axis.evidence.iter().map(|Evidence { server, question, answer, at_ms }| wire::Observation {
        axis: S::AXIS.as_str().to_owned(),
        server: server.clone(),
        question: question.clone(),
        answer: answer.clone(),
        at: iso8601(*at_ms),
        meaning: meaning.clone(),
    }));
}

/// Markdown for the Temporal UI: why this waits, without code.
pub(super) fn details(s: &RunState, face: &Face) -> String {
    let (Some(loaded), Some(health)) = (&s.loaded, &s.health) else { return String::new() };
    let mut text = format!("**{}**: {}\n\n{}\n\n", loaded.claim.host, face.status.as_str(), face.message);
    if let Some(reason) = face.reason {
        let _ = writeln!(text, "Reason `{}`; {} must act.\n", reason.as_str(), face.actor.as_str());
    }
    text.push_str("| axis | state | reason | since |\n|---|---|---|---|\n");
    let since = [health.policy.since_ms, health.ownership.since_ms, health.dns.since_ms, health.certificate.since_ms];
    let since = since.into_iter().chain([health.edge.since_ms]);
    for ((axis, state, reason), since) in axis_rows(health).into_iter().zip(since) {
        let _ = writeln!(text, "| {} | {state} | {reason} | {} |", axis.as_str(), iso8601(since));
    }
    if face.status == Status::Disabled {
        text.push_str("\nThe row asks for removal; it is deleted once every object is gone.\n");
    }
    text
}

/// What the next run is given by continue-as-new.
pub(super) fn next_input(s: &RunState) -> wire::PortalDomainInput {
    wire::PortalDomainInput {
        tenant_id: s.tenant.clone(),
        portal_domain_id: s.wanted_id.clone(),
        trigger: "refresh".to_owned(),
        carry: s.health.as_ref().map(|health| health_to_carry(health, s.busy())),
    }
}
