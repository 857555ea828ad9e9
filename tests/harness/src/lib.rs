//! The real stack for tests, domains and creations of tenants on it: act as the web application, watch the row, break parts, ask the oracle.

mod appliance;
mod cluster;
mod domain;
mod neighbour;
mod oracle;
mod rig;
mod tenant;
mod visitor;
mod wait;

pub use appliance::Appliance;
pub use cluster::Kubectl;
pub use devstack::{APPLIANCE_TENANT, Group, PartSet, Signal, development_key};
pub use dns_server::faults::{Fault, FaultKind};
pub use domain::{Domain, RowNow};
pub use model::portal::record::Status;
pub use rig::Rig;
pub use tenant::{CreationRun, Ended, Start, TenantRig};
pub use visitor::{Door, Visitor};
pub use wait::eventually;
