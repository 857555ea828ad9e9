//! Every SQL text of tenant provisioning. See `crate::sql` for the rules.
//!
//! Statements on a tenant's rows name the tenant. Exempt are the few that must look over all tenants, because the product has
//! no unique index over them: whose a subscription, an Apple transaction or an internal user's address is.

mod across;
mod records;
mod rows;

pub use across::ACROSS;
pub use records::RECORDS;
pub use rows::{OPTIONAL, TENANT};

pub(crate) use across::*;
pub(crate) use records::*;
pub(crate) use rows::*;
