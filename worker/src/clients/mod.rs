//! Clients of the outside systems, built from settings.

pub(crate) mod cluster;
pub(crate) mod database;
pub(crate) mod license_runs;
pub(crate) mod licensing;
pub(crate) mod outside;
pub(crate) mod portal_runs;
pub(crate) mod rotation;
pub(crate) mod temporal;
pub(crate) mod tenancy;
pub(crate) mod tenant_again;
pub(crate) mod tenant_runs;
