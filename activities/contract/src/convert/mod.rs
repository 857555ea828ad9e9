//! Conversions between wire messages and the model.

mod finding;
mod health;
mod looks;
mod record;
pub mod tenant;

pub use finding::{axis_from_wire, evidence_from_wire, evidence_to_wire, finding_from_wire, finding_to_wire};
pub use health::{axis_states, health_from_carry, health_to_carry};
pub use looks::{certificate_look, dns_look, edge_look, preflight_finding, probe_look};
pub use record::{
    claim_from_wire, identity_from_wire, look_up_request, object_from_wire, object_to_wire, row_from_wire, row_to_wire,
    settings_from_wire,
};

/// A wire message that this build cannot read. A defect of ours: the writer is newer, or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable {what}: {value:?}")]
pub struct Unreadable {
    /// The field.
    pub what: &'static str,
    /// What it held.
    pub value: String,
}
