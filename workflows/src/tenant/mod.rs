//! Tenant provisioning: the workflows that create a tenant, wait for its repair, and send its welcome mail again.
//!
//! A creation goes through the steps of `model::tenant::step` in order; `drive` is the loop, `steps` what each does. What was
//! written is never undone here: a run fails clean before its first commit and waits for a repair after it.

mod answers;
mod asking;
mod creation;
mod drive;
pub(crate) mod failing;
mod handover;
mod plan;
mod repair;
mod resend;
mod state;
mod steps;
mod telling;
mod test_email;
mod waiting;

pub use creation::{AlgadeskTenantCreation, TenantCreation};
pub use repair::TenantRepair;
pub use resend::ResendWelcome;
pub use test_email::TestEmail;
