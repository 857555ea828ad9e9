//! The store: the application's row, the worker's own records beside it, and their migrations.
//!
//! Invariants. The worker's role never inserts a row of the application and never changes its domain, canonical host, tenant
//! or id. No write leaves `disabled`. Every write compares with what was read. One tenant's records change in one
//! transaction, one writer at a time. Nothing is written with the database's clock.

mod census;
mod db;
mod error;
mod history;
mod hold;
mod inventory;
mod load;
mod preflight;
mod remove;
mod roles;
mod schema;
mod scram;
mod sweep;
mod token;
mod write;

mod activities;
mod application;
mod claim;
mod report;
pub mod sql;
pub mod tenant;

pub use activities::StoreActivities;
pub use application::{RegisterError, Registered, canonical_host, disable, register};
pub use census::{Census, census};
pub use db::{connect_options, pool, pool_wait, prepare_options};
pub use error::{STORE_REJECTED, STORE_UNAVAILABLE, StoreError};
pub use hold::{RemovalHold, release_removals, removal_holds};
pub use report::{DomainDetail, DomainSummary, HistoryEntry, ListFilter, domain_status, history, list_domains};
pub use roles::{RESPONDER_ROLE, Role, Roles, WORKER_ROLE};
pub use schema::{Readiness, Report, SchemaError, migrate, newest_version, readiness, revert};

use model::portal::network::NetworkPolicy;
use proto::v1::RunSettings;
use uuid::Uuid;

/// What the activities need to know beside the database.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `PORTAL_DOMAIN_RESERVED_ZONES`; the base of each canonical host is reserved without being listed.
    pub reserved_zones: Vec<String>,
    /// Development exceptions for host names.
    pub network: NetworkPolicy,
    /// What a decision depends on. Travels with every row that is loaded; its `worker_build` signs the history.
    pub run: RunSettings,
}

/// Reads the two ids that every write names.
fn ids(tenant: &str, id: &str) -> Result<(Uuid, Uuid), StoreError> {
    let parse = |text: &str, what| Uuid::parse_str(text.trim()).map_err(|_| StoreError::Unreadable { what });
    Ok((parse(tenant, "the tenant id")?, parse(id, "the portal domain id")?))
}
