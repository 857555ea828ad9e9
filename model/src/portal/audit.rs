//! The independent check of a plan. It never sees how the plan was made.

use crate::portal::health::Health;
use crate::portal::plan::{Plan, Step, Verdict};
use crate::portal::record::{Claim, ObjectKind, OwnedObject, Row, RunSettings, Status};
use crate::reason::ReasonCode;

/// Most steps of one plan: five kinds and the Orders, for four generations.
pub const STEPS_MAX: usize = 24;

/// What a plan is checked against.
#[derive(Debug, Clone, Copy)]
pub struct AuditFacts<'a> {
    /// The row as last read.
    pub row: &'a Row,
    /// The claim as last read.
    pub claim: &'a Claim,
    /// Objects of every generation.
    pub inventory: &'a [OwnedObject],
    /// What is known.
    pub health: &'a Health,
    /// Settings that were read with the row.
    pub settings: &'a RunSettings,
}

/// Accepts a plan, or names the first rule that it breaks.
pub fn audit(plan: &Plan, facts: &AuditFacts<'_>) -> Verdict {
    for (rule, holds) in RULES {
        if !holds(plan, facts) {
            return Verdict::Refuse { rule, reason: ReasonCode::EdgeRejected };
        }
    }
    Verdict::Accept
}

type Rule = fn(&Plan, &AuditFacts<'_>) -> bool;

const RULES: [(&str, Rule); 7] = [
    ("a plan is bounded", bounded),
    ("a plan belongs to the tenant, domain, host and generation of the claim", own_claim),
    ("nothing is written for a disabled row", not_disabled),
    ("a deleted object is in this domain's own inventory", in_inventory),
    ("what serves is never deleted", keeps_serving),
    ("names and namespaces are those of portal domains", own_names),
    ("the Secret is at the edge before the Gateway", secret_first),
];

fn bounded(plan: &Plan, _: &AuditFacts<'_>) -> bool {
    !plan.steps.is_empty() && plan.steps.len() <= STEPS_MAX
}

fn own_claim(plan: &Plan, facts: &AuditFacts<'_>) -> bool {
    plan.tenant == facts.row.tenant
        && plan.domain_id == facts.row.id
        && plan.host == facts.claim.host
        && plan.generation == facts.claim.generation
        && facts.health.generation == facts.claim.generation
}

fn not_disabled(plan: &Plan, facts: &AuditFacts<'_>) -> bool {
    facts.row.status != Status::Disabled || plan.steps.iter().all(|step| step.deletes().is_some())
}

fn in_inventory(plan: &Plan, facts: &AuditFacts<'_>) -> bool {
    plan.steps.iter().filter_map(Step::deletes).all(|object| facts.inventory.contains(object))
}

/// Deletes outside a removal touch objects of a replaced host while the current one serves, or a failed Certificate from which
/// nothing serves.
fn keeps_serving(plan: &Plan, facts: &AuditFacts<'_>) -> bool {
    plan.steps.iter().all(|step| match step {
        Step::Delete(object) | Step::DeleteOrders(object) => {
            object.generation < facts.claim.generation && object.host != facts.claim.host && facts.health.edge_good()
        }
        Step::DiscardFailedCertificate(object) => {
            object.host == facts.claim.host
                && object.kind == ObjectKind::Certificate
                && !facts.health.certificate_good()
        }
        Step::RecordInventory(_)
        | Step::ApplyCertificate
        | Step::CopySecret
        | Step::ApplyVirtualService
        | Step::ApplyGateway
        | Step::WriteManifests => true,
    })
}

fn own_names(plan: &Plan, facts: &AuditFacts<'_>) -> bool {
    let settings = facts.settings;
    let namespaces = [&settings.certificate_namespace, &settings.gateway_namespace, &settings.routes_namespace];
    let recorded = plan.steps.iter().filter_map(|step| match step {
        Step::RecordInventory(objects) => Some(objects),
        Step::ApplyCertificate
        | Step::DiscardFailedCertificate(_)
        | Step::CopySecret
        | Step::ApplyVirtualService
        | Step::ApplyGateway
        | Step::WriteManifests
        | Step::Delete(_)
        | Step::DeleteOrders(_) => None,
    });
    recorded
        .flatten()
        .all(|o| o.name.starts_with("portal-domain-") && namespaces.contains(&&o.namespace) && o.host == plan.host)
}

fn secret_first(plan: &Plan, facts: &AuditFacts<'_>) -> bool {
    let position = |wanted: &Step| plan.steps.iter().position(|step| step == wanted);
    match (position(&Step::ApplyGateway), position(&Step::CopySecret)) {
        (None, _) => true,
        (Some(gateway), Some(secret)) => secret < gateway,
        (Some(_), None) => facts.health.edge_memory.copied_fingerprint == facts.health.certificate_memory.fingerprint,
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
