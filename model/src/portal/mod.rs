//! Portal domains: a tenant's own host name.

pub mod axis;
pub mod certificate;
pub mod dns;
pub mod edge;
pub mod hostname;
pub mod manifest;
pub mod names;
pub mod network;
