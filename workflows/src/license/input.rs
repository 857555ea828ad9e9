//! What all of them do with an input that cannot be used: the run ends at once, with every fault.

use crate::tenant::failing;
use model::tenant::fault::Fault;
use temporalio_workflow::WorkflowTermination;

/// Passes when there is no fault.
pub(super) fn usable(faults: &[Fault]) -> Result<(), WorkflowTermination> {
    if faults.is_empty() { Ok(()) } else { Err(failing::fail(&failing::invalid(faults))) }
}
