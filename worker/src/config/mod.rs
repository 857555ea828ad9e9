//! Settings: read together, parsed strictly, and reported together. A value never appears in an error.
//!
//! Each part reads what it needs from one [`Reader`] and goes on after a problem, so that one message lists all of them.

mod database;
mod kubeconfig;
mod licensing;
mod mail;
mod portal;
mod process;
mod secret;
mod source;
mod temporal;
mod tenancy;
#[cfg(test)]
mod tests;

pub(crate) use database::{DatabaseSettings, Role, responder_database};
pub(crate) use kubeconfig::KubeconfigFile;
pub(crate) use licensing::{LicensingConfig, RegistryAccess, links, loopback};
pub(crate) use mail::MailSettings;
pub(crate) use portal::PortalSettings;
pub(crate) use process::{ProcessSettings, log_level};
pub(crate) use secret::Secret;
pub(crate) use source::{Problems, Reader, Source};
pub(crate) use temporal::{Deployment, Queue, QueueRole, TemporalSettings};
pub(crate) use tenancy::{TenancyConfig, hasher};

/// Everything that `tenantry worker` needs.
#[derive(Debug)]
pub(crate) struct WorkerSettings {
    /// Ports, logs and limits of the process.
    pub(crate) process: ProcessSettings,
    /// Where Temporal is, and which queues are polled.
    pub(crate) temporal: TemporalSettings,
    /// Where the database is; present when a polled queue needs it.
    pub(crate) database: Option<DatabaseSettings>,
    /// The portal-domain part; present when its queue is polled.
    pub(crate) portal: Option<PortalSettings>,
    /// Tenant provisioning; present when one of its queues is polled.
    pub(crate) tenancy: Option<TenancyConfig>,
    /// Licensing; present when a tenant queue is polled.
    pub(crate) licensing: Option<LicensingConfig>,
}

impl WorkerSettings {
    /// Reads all settings of the worker.
    ///
    /// # Errors
    /// One error with every problem, by variable name.
    pub(crate) fn parse(source: &Source) -> Result<Self, Problems> {
        let mut reader = Reader::new(source);
        let process = ProcessSettings::read(&mut reader);
        let temporal = TemporalSettings::read(&mut reader, process.production);
        let serves_portal = temporal.queues.iter().any(|queue| queue.role == QueueRole::PortalDomain);
        let serves_tenants = temporal.queues.iter().any(|queue| queue.role != QueueRole::PortalDomain);
        let database = (!temporal.queues.is_empty()).then(|| DatabaseSettings::read(&mut reader, &[Role::Worker]));
        let portal = serves_portal.then(|| PortalSettings::read(&mut reader, process.production));
        let tenancy = serves_tenants.then(|| TenancyConfig::read(&mut reader, process.production)).flatten();
        let codec = temporal.codec_keys.is_some();
        let licensing = serves_tenants.then(|| LicensingConfig::read(&mut reader, codec));
        let allowed = reader.flag("TENANTRY_ALLOW_SUPERUSER", false);
        if process.production && !allowed && database.as_ref().is_some_and(|database| database.worker_is_admin) {
            let what = "is required with NODE_ENV=production: the worker must not sign in as DB_USER_ADMIN";
            reader.problem("TENANTRY_DB_USER", what);
        }
        if let Some(database) = &database {
            database.check_pool(&mut reader, process.max_concurrent_activities * temporal.queues.len());
        }
        reader.finish(Self { process, temporal, database, portal, tenancy, licensing })
    }
}

/// What the commands need that talk to Temporal and the database.
#[derive(Debug)]
pub(crate) struct ClientSettings {
    /// Where Temporal is.
    pub(crate) temporal: TemporalSettings,
    /// Where the database is; the roles that are configured.
    pub(crate) database: DatabaseSettings,
}

impl ClientSettings {
    /// Reads the settings of a command. `roles` must be configured; an empty list makes the database optional.
    ///
    /// # Errors
    /// One error with every problem, by variable name.
    pub(crate) fn parse(source: &Source, roles: &[Role]) -> Result<Self, Problems> {
        let mut reader = Reader::new(source);
        let process = ProcessSettings::read(&mut reader);
        let temporal = TemporalSettings::read(&mut reader, process.production);
        let database = DatabaseSettings::read(&mut reader, roles);
        reader.finish(Self { temporal, database })
    }
}
