//! Says what a round found: to the row, to the search attributes, and to the current details of the Temporal UI.

use contract::activities::Store;
use contract::convert;
use contract::options::short_step;
use model::finding::AxisWord as _;
use model::portal::health::Health;
use model::portal::hostname::HOST_SHOWN_MAX;
use model::portal::record::Status;
use model::portal::status::{Face, face};
use model::reason::ReasonCode;
use model::time::iso8601;
use proto::v1 as wire;
use std::collections::BTreeMap;
use temporalio_common::SearchAttributeKey;
use temporalio_workflow::{WorkflowContext, WorkflowTermination};

use super::round::Next;
use super::state::{Loaded, Written};
use super::{PortalDomain, answers};
use crate::clock::now_ms;

type Ctx = WorkflowContext<PortalDomain>;

const TENANT_ID: SearchAttributeKey<String> = SearchAttributeKey::keyword("TenantId");
const DOMAIN: SearchAttributeKey<String> = SearchAttributeKey::keyword("Domain");
const DOMAIN_STATUS: SearchAttributeKey<String> = SearchAttributeKey::keyword("DomainStatus");
const DOMAIN_REASON: SearchAttributeKey<String> = SearchAttributeKey::keyword("DomainReason");

/// Value of `DomainReason` while there is nothing to say.
const NO_REASON: &str = "NONE";

/// `last_checked_at` moves at most this often without a change of status (R43).
const LOOKED_SPACING_MS: i64 = 60_000;

/// What became of a report.
pub(super) enum Report {
    Written,
    Unchanged,
    /// The row changed since it was read.
    Stale,
    Outage,
}

/// Writes the row if it says something else than what is known.
pub(super) async fn report(ctx: &Ctx) -> Result<Report, WorkflowTermination> {
    let now = now_ms(ctx);
    let Some((request, written)) = ctx.state(|w| pending_write(&w.state, now)) else {
        return Ok(Report::Unchanged);
    };
    let reply = ctx.execute_local_activity(Store::write_status, request.clone(), short_step("write the row")).await;
    let Ok(reply) = reply else { return Ok(Report::Outage) };
    if reply.outcome != "written" {
        return Ok(Report::Stale);
    }
    let changed = ctx.state_mut(|w| {
        let s = &mut w.state;
        s.looked = false;
        if let Some(loaded) = &mut s.loaded {
            loaded.row.updated_us = reply.updated_us;
            loaded.row.status = Status::parse(&request.status).unwrap_or(loaded.row.status);
            loaded.row.message.clone_from(&request.status_message);
            loaded.row.certificate_secret_name.clone_from(&request.certificate_secret_name);
            if request.looked {
                loaded.row.last_checked_ms = now;
            }
        }
        let before = s.written.replace(written.clone());
        before.is_none_or(|b| (b.status, b.reason) != (written.status.clone(), written.reason.clone()))
    });
    if changed {
        show(ctx);
    }
    Ok(Report::Written)
}

/// Search attributes and current details.
pub(super) fn show(ctx: &Ctx) {
    let now = now_ms(ctx);
    let Some((loaded, face)) = ctx.state(|w| {
        let loaded = w.state.loaded.clone()?;
        let health = w.state.health.as_ref()?;
        let removing = w.state.removing();
        Some((loaded, face(health, removing, now)))
    }) else {
        return;
    };
    ctx.upsert_search_attributes([
        TENANT_ID.value_set(loaded.row.tenant.clone()),
        DOMAIN.value_set(loaded.claim.host.chars().take(HOST_SHOWN_MAX).collect::<String>()),
        DOMAIN_STATUS.value_set(face.status.as_str().to_owned()),
        // Server 1.32 refuses an unset Keyword ("invalid value … from <>"), and the task with it.
        DOMAIN_REASON.value_set(face.reason.map_or(NO_REASON, ReasonCode::as_str).to_owned()),
    ]);
    ctx.set_current_details(ctx.state(|w| answers::details(&w.state, &face)));
}

fn pending_write(s: &super::state::RunState, now: i64) -> Option<(wire::WriteStatusRequest, Written)> {
    let (loaded, health) = (s.loaded.as_ref()?, s.health.as_ref()?);
    let face = face(health, false, now);
    let written = Written {
        status: face.status.as_str().to_owned(),
        message: face.message.clone(),
        reason: face.reason.map_or("", ReasonCode::as_str).to_owned(),
        secret_name: secret_name(health),
        axes: axis_words(health),
    };
    let row = &loaded.row;
    let row_says =
        row.status == face.status && row.message == face.message && row.certificate_secret_name == written.secret_name;
    let known = s.written.as_ref().is_some_and(|before| *before == written);
    let looked_due = s.looked && now - row.last_checked_ms >= LOOKED_SPACING_MS;
    if row_says && known && !looked_due {
        return None;
    }
    let request = wire::WriteStatusRequest {
        base: Some(convert::row_to_wire(row)),
        status: written.status.clone(),
        status_message: written.message.clone(),
        now_ms: now,
        looked: s.looked,
        certificate_secret_name: written.secret_name.clone(),
        details: details(loaded, health, &face),
        axes: convert::axis_states(health),
        generation: loaded.claim.generation,
        fence: loaded.claim.fence,
        reason: written.reason.clone(),
        proof_method: health.dns_memory.proof_method.clone(),
        fingerprint_sha256: health.edge_memory.copied_fingerprint.clone(),
    };
    Some((request, written))
}

/// The Secret's name once a Certificate exists.
fn secret_name(health: &Health) -> String {
    let memory = &health.certificate_memory;
    if memory.ordered_ms > 0 || health.certificate_good() { memory.secret_name.clone() } else { String::new() }
}

fn axis_words(health: &Health) -> Vec<(String, String)> {
    let word =
        |state: &str, reason: Option<ReasonCode>| (state.to_owned(), reason.map_or("", ReasonCode::as_str).to_owned());
    vec![
        word(health.policy.state.word(), health.policy.reason),
        word(health.ownership.state.word(), health.ownership.reason),
        word(health.dns.state.word(), health.dns.reason),
        word(health.certificate.state.word(), health.certificate.reason),
        word(health.edge.state.word(), health.edge.reason),
    ]
}

/// Keys of `verification_details` (portal-domain contract, section 6); everything of ours is under `health`.
fn details(loaded: &Loaded, health: &Health, face: &Face) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    let json = |value: serde_json::Value| value.to_string();
    if health.dns.checked() {
        let at = iso8601(health.dns.last_checked_ms);
        if health.dns_good() {
            keys.insert("last_verified_at".to_owned(), json(at.into()));
            keys.insert("last_verified_cnames".to_owned(), json(health.dns_memory.chain.clone().into()));
            keys.insert("expected_cname".to_owned(), json(loaded.row.expected_cname.clone().into()));
        } else {
            keys.insert("last_observed_at".to_owned(), json(at.into()));
            keys.insert("last_observed_cname".to_owned(), json(health.dns_memory.observed_cname.clone().into()));
        }
    }
    let excerpt = answers::excerpt(loaded, health, face);
    keys.insert("health".to_owned(), serde_json::to_string(&excerpt).unwrap_or_else(|_| "{}".to_owned()));
    keys
}

/// Ends a round: its outcome is what updates answer, and every request that it served is served.
pub(super) fn conclude(ctx: &Ctx, next: &Next) {
    let now = now_ms(ctx);
    ctx.state_mut(|w| {
        let s = &mut w.state;
        let Some(health) = &s.health else {
            s.served = s.taken;
            return;
        };
        let removing = s.removing();
        let face = face(health, removing, now);
        let refused = s.steps.iter().any(|step| step.starts_with("refused "));
        let outcome = match next {
            Next::Ended => "removed",
            Next::Rest { .. } | Next::Again if refused => "refused",
            Next::Rest { .. } | Next::Again if !s.steps.is_empty() => "applied",
            Next::Rest { .. } | Next::Again if face.axis.is_none() => "unchanged",
            Next::Rest { .. } | Next::Again => "waiting",
        };
        s.last = wire::ReconcileReply {
            outcome: outcome.to_owned(),
            phase: face.phase.as_str().to_owned(),
            status: face.status.as_str().to_owned(),
            reason: face.reason.map_or("", ReasonCode::as_str).to_owned(),
            steps: s.steps.clone(),
        };
        if !s.ask_due {
            s.served = s.taken;
        }
    });
}
