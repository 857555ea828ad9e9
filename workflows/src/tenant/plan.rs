//! What a run is to do: a checked request, and where to begin.

use contract::loose::Loose;
use model::tenant::fault::{Fault, FaultCode};
use model::tenant::input::{self, NewTenant};
use model::tenant::product::Product;
use model::tenant::repair::Waiting;
use model::tenant::step::Step;
use proto::v1::{CreationFacts, TenantRepairInput};
use serde_json::Value;

/// The work of one run.
pub(super) struct Plan {
    /// Id of the first workflow: every key of ledger, claims and mail begins with it.
    pub(super) origin_id: String,
    /// The request.
    pub(super) tenant: NewTenant,
    /// The checked input without a password, as JSON text, for a successor: only what was read of it.
    pub(super) input: String,
    /// An operator's password was given and is not carried to a successor.
    pub(super) password_withheld: bool,
    /// The first step.
    pub(super) from: Step,
    /// The id that a new tenant takes, where the caller or an earlier run has chosen it.
    pub(super) proposed_tenant_id: Option<String>,
    /// What an earlier run achieved.
    pub(super) facts: CreationFacts,
    /// A repair that is waited for from the start.
    pub(super) waiting: Option<Waiting>,
}

/// Reads the input of a creation.
pub(super) fn of_input(value: &Value, workflow_id: &str, forced: Option<Product>) -> Result<Plan, Vec<Fault>> {
    let tenant = input::parse(value, forced)?;
    let (input, withheld) = tenant.carried();
    Ok(Plan {
        origin_id: workflow_id.to_owned(),
        password_withheld: withheld,
        input: input.to_string(),
        from: Step::FetchingStripeDetails,
        proposed_tenant_id: tenant.tenant_id.clone(),
        facts: CreationFacts::default(),
        waiting: None,
        tenant,
    })
}

/// Fields whose type is not the message's.
fn of_wrong_type(fields: Vec<String>) -> Vec<Fault> {
    fields.into_iter().map(|field| Fault::of(field, FaultCode::WrongType)).collect()
}

/// Reads what an earlier run handed over.
pub(super) fn of_repair(carried: Loose) -> Result<Plan, Vec<Fault>> {
    let carried: TenantRepairInput = carried.parse().map_err(of_wrong_type)?;
    let value: Value = serde_json::from_str(&carried.input).unwrap_or_default();
    let tenant = input::parse(&value, Product::parse(&carried.product_code))?;
    let step = Step::parse(&carried.step).unwrap_or(Step::CreatingTenant);
    Ok(Plan {
        waiting: Some(Waiting {
            step,
            reason: carried.reason,
            message: carried.message,
            attempts: carried.attempts,
            since_ms: carried.since_ms,
            cancelled: carried.cancelled,
            decision: None,
        }),
        origin_id: carried.origin_id,
        // Of a run that an earlier build started, unknown members end here.
        input: tenant.carried().0.to_string(),
        tenant,
        password_withheld: carried.password_withheld,
        from: step,
        proposed_tenant_id: Some(carried.proposed_tenant_id).filter(|id| !id.is_empty()),
        facts: carried.facts.unwrap_or_default(),
    })
}
