//! Results and answers: what callers read.

use super::state::CreationState;
use model::time::iso8601;
use proto::v1::{CreationFacts, RepairState, TenantCreationResult, TenantCreationStatus};

/// Answer of `getState`.
pub(super) fn status(state: &CreationState) -> TenantCreationStatus {
    let facts = &state.facts;
    TenantCreationStatus {
        step: Some(state.step.as_str().to_owned()),
        tenant_id: given(&facts.tenant_id),
        admin_user_id: given(&facts.admin_user_id),
        client_id: given(&facts.client_id),
        email_sent: facts.email_sent,
        error: state.error.clone(),
        progress: Some(state.progress),
        attempt: (state.attempt > 0).then_some(state.attempt),
        waiting_for: given(&state.waiting_for),
        repair: repair(state),
    }
}

fn repair(state: &CreationState) -> Option<RepairState> {
    let waiting = state.waiting.as_ref()?;
    Some(RepairState {
        reason: Some(waiting.reason.clone()),
        attempts: Some(waiting.attempts),
        since: Some(iso8601(waiting.since_ms)),
        workflow_id: state.handed_to.clone(),
        message: given(&waiting.message),
    })
}

/// Result of a creation. The password field is there because callers expect it, and always empty.
pub(super) fn result(facts: &CreationFacts) -> TenantCreationResult {
    TenantCreationResult {
        tenant_id: Some(facts.tenant_id.clone()),
        admin_user_id: Some(facts.admin_user_id.clone()),
        client_id: given(&facts.client_id),
        temporary_password: Some(String::new()),
        email_sent: Some(facts.email_sent.unwrap_or(false)),
        success: Some(true),
        created_at: Some(iso8601(facts.created_ms)),
        customer_client_id: given(&facts.customer_client_id),
        customer_contact_id: given(&facts.customer_contact_id),
        credential_delivery: Some(facts.credential_delivery.clone()),
        skipped: facts.skipped.clone(),
    }
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
