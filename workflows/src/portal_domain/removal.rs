//! Removal: routes, Gateway, Secret copy, Certificate with its Orders, source Secret; read back; then the row.
//!
//! Each step is repeatable. A new registration at any step turns the removal around: the row is read again before the
//! next step, and what was deleted by then is made again.

use contract::activities::{Cluster, Store};
use contract::convert;
use contract::options::short_step;
use model::finding::Finding;
use model::portal::axis::{CertificateState, EdgeState};
use model::portal::plan::Step;
use model::portal::record::{ObjectKind, OwnedObject};
use model::portal::removal::{delete_steps, objects_to_remove, waits_for};
use model::portal::schedule::{REMOVAL_BLOCKED_MS, REMOVAL_BLOCKED_POLL_MS, REMOVALS_HELD_MS, cluster_poll_ms};
use model::reason::ReasonCode;
use proto::v1 as wire;
use temporalio_workflow::{WorkflowContext, WorkflowTermination};

use super::looks::objects_of_step;
use super::round::Next;
use super::state::Loaded;
use super::{PortalDomain, report};
use crate::clock::now_ms;

type Ctx = WorkflowContext<PortalDomain>;

/// Removes everything that the domain owns, then the row.
pub(super) async fn remove(ctx: &Ctx) -> Result<Next, WorkflowTermination> {
    let Some(loaded) = ctx.state(|w| w.state.loaded.clone()) else { return Ok(Next::Ended) };
    let now = now_ms(ctx);
    if loaded.removals_held_ms > 0 {
        ctx.state_mut(|w| {
            w.state.ask_due = false;
            w.state.steps.push("removals are held".to_owned());
        });
        let why = "an operator: rows vanished in a wave, all removals are held (tenantry domain removals)".to_owned();
        return Ok(Next::Rest { until_ms: now + REMOVALS_HELD_MS, why });
    }
    ctx.state_mut(|w| {
        if w.state.removing_ms == 0 {
            w.state.removing_ms = now;
        }
        // A request that finds the row disabled is served by this removal.
        w.state.ask_due = false;
        if let Some(health) = w.state.health.as_mut().filter(|health| health.edge.state != EdgeState::Removing) {
            health.edge.set(EdgeState::Removing, now);
        }
    });
    report::show(ctx);
    let mut standing = Vec::new();
    let wanted = objects_to_remove(&loaded.row.id, Some(&loaded.claim), &loaded.inventory, &loaded.settings);
    for step in delete_steps(&wanted) {
        if ctx.state(|w| w.state.pending()) {
            return Ok(Next::Again);
        }
        let Some(object) = step.deletes() else { continue };
        if standing.iter().any(|s: &Standing| waits_for(object.kind, s.object.kind)) {
            continue;
        }
        match delete(ctx, &loaded, &step).await {
            Deletion::Outage => return Ok(Next::outage(now_ms(ctx), "our cluster")),
            Deletion::Done => {}
            Deletion::Refused(holder) => standing.push(Standing { object: object.clone(), holder: Some(holder) }),
            Deletion::Pending => standing.push(Standing { object: object.clone(), holder: None }),
        }
    }
    match read_back(ctx, &loaded, &wanted, &standing).await {
        Readback::Outage => Ok(Next::outage(now_ms(ctx), "our cluster")),
        Readback::Remains(rest) => Ok(rest),
        Readback::Gone => delete_row(ctx, &loaded, wanted).await,
    }
}

/// An object that a delete left standing.
struct Standing {
    object: OwnedObject,
    /// What refused; `None` where finalizers hold it, which is given time.
    holder: Option<String>,
}

/// What came of one delete.
enum Deletion {
    /// It is gone, or was.
    Done,
    /// It goes when its finalizers do.
    Pending,
    /// The server, or a fence, refuses.
    Refused(String),
    /// No answer.
    Outage,
}

async fn delete(ctx: &Ctx, loaded: &Loaded, step: &Step) -> Deletion {
    ctx.state_mut(|w| w.state.steps.push(step.name().to_owned()));
    let request = wire::ApplyStepRequest {
        step: step.name().to_owned(),
        target: "istio".to_owned(),
        objects: Some(objects_of_step(loaded, step)),
        object: step.deletes().map(convert::object_to_wire),
        fingerprint_sha256: String::new(),
    };
    let reply = ctx.execute_local_activity(Cluster::apply_step, request, short_step(step.name())).await;
    let now = now_ms(ctx);
    let Ok(reply) = reply else { return Deletion::Outage };
    if reply.outcome == "refused" {
        ctx.state_mut(|w| w.state.steps.push(format!("refused {} ({})", step.name(), reply.reason)));
        let holder = ["holder", "why"].iter().find_map(|var| reply.vars.get(*var)).cloned();
        return Deletion::Refused(holder.unwrap_or_else(|| format!("a refusal ({})", reply.reason)));
    }
    ctx.state_mut(|w| {
        let Some(health) = &mut w.state.health else { return };
        // So that a registration in the middle of a removal makes again what is gone.
        match step.deletes().map(|object| object.kind) {
            Some(ObjectKind::VirtualService | ObjectKind::Gateway) => {
                health.edge_memory.applied = false;
                health.edge_memory.serving_now = false;
            }
            Some(ObjectKind::SecretCopy) => health.edge_memory.copied_fingerprint.clear(),
            Some(ObjectKind::Certificate | ObjectKind::Secret) => {
                health.certificate.set(CertificateState::None, now);
                health.certificate.last_checked_ms = 0;
                health.certificate.next_check_ms = 0;
                health.certificate_memory = model::portal::health::CertificateMemory::default();
            }
            None => {}
        }
    });
    match reply.outcome.as_str() {
        "deleting" => Deletion::Pending,
        _ => Deletion::Done,
    }
}

enum Readback {
    Gone,
    Remains(Next),
    Outage,
}

async fn read_back(ctx: &Ctx, loaded: &Loaded, wanted: &[OwnedObject], standing: &[Standing]) -> Readback {
    let request = wire::ReadBackRequest {
        objects: wanted.iter().map(convert::object_to_wire).collect(),
        portal_domain_id: loaded.row.id.clone(),
        former_ids: loaded.former_ids.clone(),
    };
    let Ok(back) = ctx.execute_local_activity(Cluster::read_back, request, short_step("read back")).await else {
        return Readback::Outage;
    };
    let Some(first) = back.remaining.first() else { return Readback::Gone };
    // What was refused comes first: the others may only wait for it. A refused object that is somebody else's does not remain,
    // and is named only where something of ours waits for it: one of ours that lost its labels looks like that.
    let holds = |s: &&Standing| {
        back.remaining.iter().any(|left| {
            let itself = s.object.kind.as_str() == left.kind && s.object.name == left.name;
            itself || ObjectKind::parse(&left.kind).is_some_and(|kind| waits_for(kind, s.object.kind))
        })
    };
    let refused =
        standing.iter().filter(holds).find_map(|s| Some((convert::object_to_wire(&s.object), s.holder.clone()?)));
    let object = refused.as_ref().map_or(first, |(object, _)| object);
    let now = now_ms(ctx);
    let since = ctx.state(|w| w.state.removing_ms);
    let finalizers = || match back.held_by.get(&object.name) {
        Some(names) => format!("finalizer {names}"),
        None => "a cause that is not known".to_owned(),
    };
    let pending = now - since >= REMOVAL_BLOCKED_MS;
    let holder = refused.as_ref().map(|(_, holder)| holder.clone()).or_else(|| pending.then(finalizers));
    let blocked = holder.is_some();
    ctx.state_mut(|w| {
        let Some(health) = &mut w.state.health else { return };
        let Some(holder) = holder else { return health.edge.set(EdgeState::Removing, now) };
        let generation = health.generation;
        let finding = Finding::bad(EdgeState::Removing, ReasonCode::RemovalBlocked)
            .var("object", format!("{} {}/{}", object.kind, object.namespace, object.name))
            .var("holder", holder);
        health.edge.fold(finding, |_| false, generation, now);
    });
    if blocked {
        report::show(ctx);
    }
    let waited = u32::try_from((now - since) / 10_000).unwrap_or(u32::MAX);
    Readback::Remains(Next::Rest {
        until_ms: now + if pending { REMOVAL_BLOCKED_POLL_MS } else { cluster_poll_ms(waited) },
        why: format!("{} to go away", object.name),
    })
}

async fn delete_row(ctx: &Ctx, loaded: &Loaded, removed: Vec<OwnedObject>) -> Result<Next, WorkflowTermination> {
    let now = now_ms(ctx);
    let forget = wire::RecordInventoryRequest {
        tenant_id: loaded.row.tenant.clone(),
        portal_domain_id: loaded.row.id.clone(),
        fence: loaded.claim.fence,
        objects: Vec::new(),
        removed: removed.iter().map(convert::object_to_wire).collect(),
        now_ms: now,
        wanted_domain: String::new(),
    };
    let step = short_step("record what is gone");
    if ctx.execute_local_activity(Store::record_inventory, forget, step).await.is_err() {
        return Ok(Next::outage(now, "our database"));
    }
    let base = Some(convert::row_to_wire(&loaded.row));
    let request = wire::DeleteRowRequest { base, now_ms: now, expired: false };
    let reply = ctx.execute_local_activity(Store::delete_row, request, short_step("delete the row")).await;
    let now = now_ms(ctx);
    match reply {
        Err(_) => Ok(Next::outage(now, "our database")),
        // Registered again, or changed: read it again.
        Ok(reply) if reply.outcome == "stale" => Ok(Next::Again),
        Ok(_) => {
            ctx.state_mut(|w| {
                let s = &mut w.state;
                if let Some(health) = &mut s.health {
                    health.edge.set(EdgeState::Removed, now);
                }
                if let Some(loaded) = &mut s.loaded {
                    loaded.inventory.clear();
                }
                s.written = None;
                s.removing_ms = 0;
            });
            // A request that came between the delete and here makes the run read the row again.
            let gone = ctx.state(|w| !w.state.pending());
            Ok(if gone { Next::Ended } else { Next::Again })
        }
    }
}

/// A row that expired and that the store will not let go is looked at again after this long.
const RELEASE_RETRY_MS: i64 = 24 * 3_600_000;

/// Deletes the row of a claim that nobody proved and that owns nothing.
pub(super) async fn release(ctx: &Ctx) -> Result<Next, WorkflowTermination> {
    let Some(loaded) = ctx.state(|w| w.state.loaded.clone()) else { return Ok(Next::Ended) };
    let base = Some(convert::row_to_wire(&loaded.row));
    let request = wire::DeleteRowRequest { base, now_ms: now_ms(ctx), expired: true };
    let reply = ctx.execute_local_activity(Store::delete_row, request, short_step("delete the expired row")).await;
    let now = now_ms(ctx);
    match reply {
        Err(_) => Ok(Next::outage(now, "our database")),
        Ok(_) if ctx.state(|w| w.state.pending()) => Ok(Next::Again),
        Ok(reply) if reply.outcome == "stale" => {
            Ok(Next::Rest { until_ms: now + RELEASE_RETRY_MS, why: "the tenant to press Retry".to_owned() })
        }
        Ok(_) => {
            ctx.state_mut(|w| {
                w.state.steps.push("the row of an expired claim is deleted".to_owned());
                if let Some(health) = &mut w.state.health {
                    health.edge.set(EdgeState::Removed, now);
                }
            });
            report::show(ctx);
            Ok(Next::Ended)
        }
    }
}
