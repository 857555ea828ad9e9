//! The writes of a round, one after the other. Each is repeatable; a refused or stale one ends the plan.

use contract::activities::{Cluster, Record, Store};
use contract::convert;
use contract::options::short_step;
use model::finding::Finding;
use model::portal::axis::{CertificateState, EdgeState};
use model::portal::decide::{reschedule_edge, slug_in_force};
use model::portal::names::ObjectNames;
use model::portal::plan::{Plan, Step};
use model::portal::record::OwnedObject;
use model::portal::schedule::{Jitter, REFUSED_RETRY_MS, REMOVAL_BLOCKED_POLL_MS};
use model::reason::ReasonCode;
use proto::v1 as wire;
use temporalio_workflow::{WorkflowContext, WorkflowTermination};

use super::PortalDomain;
use super::looks::{objects, objects_of_step};
use super::round::Next;
use super::state::Loaded;
use crate::clock::now_ms;

type Ctx = WorkflowContext<PortalDomain>;

/// A refused delete of a replaced object is tried again after this long.
const REFUSED_DELETE_RETRY_MS: i64 = 15 * 60_000;

/// Runs a plan. `Some` ends the round early.
pub(super) async fn run(ctx: &Ctx, plan: Plan) -> Result<Option<Next>, WorkflowTermination> {
    let mut removed = Vec::new();
    for step in plan.steps {
        // A request may be the order to stop: the row is read again before anything else is written.
        if ctx.state(|w| w.state.pending()) {
            return Ok(Some(Next::Again));
        }
        let Some(loaded) = ctx.state(|w| w.state.loaded.clone()) else { return Ok(Some(Next::Again)) };
        ctx.state_mut(|w| w.state.steps.push(step.name().to_owned()));
        if let Some(object) = step.deletes() {
            removed.push(object.clone());
        }
        match one(ctx, &loaded, step).await {
            Flow::Go => {}
            Flow::StopPlan => return Ok(None),
            Flow::EndRound(next) => return Ok(Some(next)),
        }
    }
    if removed.is_empty() {
        return Ok(None);
    }
    Ok(forget(ctx, removed).await)
}

/// What follows one step.
enum Flow {
    /// The next step.
    Go,
    /// No further step; the round decides again with what was learned.
    StopPlan,
    /// No further step, and the round ends.
    EndRound(Next),
}

async fn one(ctx: &Ctx, loaded: &Loaded, step: Step) -> Flow {
    match step {
        Step::RecordInventory(list) => claim_names(ctx, loaded, list).await,
        Step::WriteManifests => {
            let request = wire::WriteManifestsRequest { objects: Some(objects(loaded)) };
            // For reviewers only: a failure is the activity's warning and never stops an apply.
            let _ = ctx.execute_local_activity(Record::write_manifests, request, short_step("write manifests")).await;
            Flow::Go
        }
        Step::ApplyCertificate
        | Step::DiscardFailedCertificate(_)
        | Step::CopySecret
        | Step::ApplyVirtualService
        | Step::ApplyGateway
        | Step::Delete(_)
        | Step::DeleteOrders(_) => write_object(ctx, loaded, &step).await,
    }
}

/// The gate before anything is written: names are recorded if the row still asks for this host.
async fn claim_names(ctx: &Ctx, loaded: &Loaded, list: Vec<OwnedObject>) -> Flow {
    let now = now_ms(ctx);
    let request = wire::RecordInventoryRequest {
        tenant_id: loaded.row.tenant.clone(),
        portal_domain_id: loaded.row.id.clone(),
        fence: loaded.claim.fence,
        objects: list.iter().map(convert::object_to_wire).collect(),
        removed: Vec::new(),
        now_ms: now,
        wanted_domain: loaded.row.domain.clone(),
    };
    let reply = ctx.execute_local_activity(Store::record_inventory, request, short_step("record the objects")).await;
    match reply {
        Ok(reply) if reply.outcome == "recorded" => {
            ctx.state_mut(|w| {
                if let Some(loaded) = &mut w.state.loaded {
                    for object in list {
                        let known = loaded.inventory.iter().any(|o| o.is_same(&object));
                        if !known {
                            loaded.inventory.push(object);
                        }
                    }
                }
            });
            Flow::Go
        }
        Ok(_) => Flow::EndRound(Next::Again),
        Err(_) => Flow::EndRound(Next::outage(now, "our database")),
    }
}

async fn write_object(ctx: &Ctx, loaded: &Loaded, step: &Step) -> Flow {
    let request = wire::ApplyStepRequest {
        step: step.name().to_owned(),
        target: "istio".to_owned(),
        objects: Some(objects_of_step(loaded, step)),
        object: step.deletes().map(convert::object_to_wire),
        fingerprint_sha256: ctx
            .state(|w| w.state.health.as_ref().map(|h| h.certificate_memory.fingerprint.clone()))
            .unwrap_or_default(),
    };
    let reply = ctx.execute_local_activity(Cluster::apply_step, request, short_step(step.name())).await;
    let now = now_ms(ctx);
    match reply {
        Err(_) => Flow::EndRound(Next::outage(now, "our cluster")),
        Ok(reply) if reply.outcome == "refused" => {
            refused(ctx, step, &reply, now);
            if step.deletes().is_some() {
                // What serves is not touched by what cannot be cleared.
                let why = format!("an operator: {} was refused", step.name());
                return Flow::EndRound(Next::Rest { until_ms: now + REFUSED_DELETE_RETRY_MS, why });
            }
            // A certificate that is good stays in use, whether it can be relabelled or not.
            if matches!(step, Step::ApplyCertificate) && is_good(ctx) { Flow::Go } else { Flow::StopPlan }
        }
        // What waits for it must not go before it: a listener without its Secret delays the whole edge.
        Ok(reply) if reply.outcome == "deleting" => {
            let holder = reply.vars.get("holder").cloned().unwrap_or_default();
            let why = format!("{} to be done, held by {holder}", step.name());
            Flow::EndRound(Next::Rest { until_ms: now + REMOVAL_BLOCKED_POLL_MS, why })
        }
        Ok(reply) => {
            applied(ctx, loaded, step, &reply, now);
            Flow::Go
        }
    }
}

fn is_good(ctx: &Ctx) -> bool {
    ctx.state(|w| w.state.health.as_ref().is_some_and(model::portal::health::Health::certificate_good))
}

/// A refusal is a finding of the platform, shown on the axis that the step serves.
fn refused(ctx: &Ctx, step: &Step, reply: &wire::ApplyStepReply, now: i64) {
    let reason = ReasonCode::parse(&reply.reason).unwrap_or(ReasonCode::EdgeRejected);
    let state = if reason == ReasonCode::EdgeConflictHost {
        EdgeState::Conflict
    } else if reason == ReasonCode::SecretNotMirrored {
        EdgeState::SecretMissing
    } else {
        EdgeState::Applying
    };
    ctx.state_mut(|w| {
        w.state.steps.push(format!("refused {} ({})", step.name(), reason.as_str()));
        if step.deletes().is_some() {
            return;
        }
        let Some(health) = &mut w.state.health else { return };
        let generation = health.generation;
        if matches!(step, Step::ApplyCertificate) && health.certificate_good() {
            return;
        }
        if matches!(step, Step::CopySecret) && reply.vars.contains_key("found") {
            // The source was renewed since we looked: look again, and copy the newer one at once.
            health.certificate.next_check_ms = now;
            return;
        }
        if matches!(step, Step::ApplyCertificate) {
            let finding = Finding { vars: reply.vars.clone(), ..Finding::bad(CertificateState::Preflight, reason) };
            health.certificate.fold(finding, |_| false, generation, now);
            health.certificate.next_check_ms = now + REFUSED_RETRY_MS;
            health.certificate_memory.preflight_passed_ms = 0;
        } else {
            let finding = Finding { vars: reply.vars.clone(), ..Finding::bad(state, reason) };
            health.edge.fold(finding, |_| false, generation, now);
            reschedule_edge(health, Jitter::NONE, now);
            health.edge.next_check_ms = now + REFUSED_RETRY_MS;
            if matches!(step, Step::CopySecret) {
                // The source may hold a newer certificate than the one we know.
                health.certificate.next_check_ms = now;
            }
        }
    });
}

/// What follows from a write of our own, until the next look says more.
fn applied(ctx: &Ctx, loaded: &Loaded, step: &Step, reply: &wire::ApplyStepReply, now: i64) {
    let slug = slug_in_force(&loaded.row.id, loaded.claim.generation, &loaded.claim.host, &loaded.inventory);
    ctx.state_mut(|w| {
        let s = &mut w.state;
        let Some(health) = &mut s.health else { return };
        match step {
            // A new generation of a host whose certificate stands. Another issuer would order again: the next look tells.
            Step::ApplyCertificate if health.certificate_good() => health.certificate.next_check_ms = now,
            Step::ApplyCertificate => {
                health.certificate.set(CertificateState::Ordering, now);
                health.certificate.next_check_ms = now;
                health.certificate_memory.ordered_ms = now;
                health.certificate_memory.preflight_passed_ms = 0;
                health.certificate_memory.secret_name = ObjectNames::of(&slug).secret;
            }
            // What failed, and until when the authority refuses, goes on being shown.
            Step::DiscardFailedCertificate(_) => health.certificate_memory.ordered_ms = 0,
            Step::CopySecret => {
                health.edge_memory.copied_fingerprint = if reply.fingerprint_sha256.is_empty() {
                    health.certificate_memory.fingerprint.clone()
                } else {
                    reply.fingerprint_sha256.clone()
                };
                health.edge.next_check_ms = now;
            }
            Step::ApplyGateway => {
                health.edge_memory.applied = true;
                health.edge_memory.applied_ms = now;
                if !health.edge_memory.serving_now {
                    health.edge.set(EdgeState::Accepted, now);
                }
                health.edge.next_check_ms = now;
            }
            Step::ApplyVirtualService
            | Step::WriteManifests
            | Step::RecordInventory(_)
            | Step::Delete(_)
            | Step::DeleteOrders(_) => {}
        }
        // The uid makes a later delete precise.
        if let (Some(object), Some(loaded)) = (&reply.object, &mut s.loaded) {
            for known in &mut loaded.inventory {
                if known.kind.as_str() == object.kind && known.name == object.name {
                    known.uid.clone_from(&object.uid);
                }
            }
        }
    });
}

/// Takes deleted objects out of the inventory once they are read back as gone.
pub(super) async fn forget(ctx: &Ctx, removed: Vec<OwnedObject>) -> Option<Next> {
    let Some(loaded) = ctx.state(|w| w.state.loaded.clone()) else { return Some(Next::Again) };
    let now = now_ms(ctx);
    let asked = wire::ReadBackRequest {
        objects: removed.iter().map(convert::object_to_wire).collect(),
        portal_domain_id: loaded.row.id.clone(),
        former_ids: loaded.former_ids.clone(),
    };
    let Ok(back) = ctx.execute_local_activity(Cluster::read_back, asked, short_step("read back")).await else {
        return Some(Next::outage(now, "our cluster"));
    };
    let remains =
        |object: &OwnedObject| back.remaining.iter().any(|r| r.kind == object.kind.as_str() && r.name == object.name);
    let gone: Vec<_> = removed.into_iter().filter(|object| !remains(object)).collect();
    let request = wire::RecordInventoryRequest {
        tenant_id: loaded.row.tenant.clone(),
        portal_domain_id: loaded.row.id.clone(),
        fence: loaded.claim.fence,
        objects: Vec::new(),
        removed: gone.iter().map(convert::object_to_wire).collect(),
        now_ms: now,
        wanted_domain: String::new(),
    };
    let recorded =
        ctx.execute_local_activity(Store::record_inventory, request, short_step("record what is gone")).await;
    if recorded.is_err() {
        return Some(Next::outage(now, "our database"));
    }
    ctx.state_mut(|w| {
        if let Some(loaded) = &mut w.state.loaded {
            loaded.inventory.retain(|object| !gone.iter().any(|gone| gone.is_same(object)));
        }
    });
    let object = back.remaining.first()?;
    Some(Next::Rest { until_ms: now + 2_000, why: format!("{} to go away", object.name) })
}
