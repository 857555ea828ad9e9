//! Portal domains: a tenant's own host name.

pub mod audit;
pub mod axis;
pub mod certificate;
pub mod decide;
pub mod dns;
pub mod edge;
pub mod expiry;
pub mod health;
pub mod hostname;
pub mod http01;
pub mod manifest;
pub mod names;
pub mod network;
pub mod plan;
pub mod probe;
pub mod record;
pub mod removal;
pub mod schedule;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;
