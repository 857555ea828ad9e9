//! Redemption of a code: what is read before it, and the one transaction that uses the code up.

mod commit;
mod credential;
mod look_up;
mod sweep;

pub(super) use commit::take_entitlement;
pub use commit::{License, Redemption, Settled, redeem};
pub use credential::{Credential, credential_hash, license_subject};
pub use look_up::{Found, Lookup, TenantRow, look_up, tenant_id};
pub use sweep::sweep;
