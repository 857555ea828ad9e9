//! Mounted secrets change while the process runs: what is made from them is made again.
//!
//! The folder of secrets is looked at every two seconds. When a file changed, all settings are read again and what depends on a
//! secret is replaced together: mail, Stripe, shop, application and licence clients, the pepper of password hashes, and the password of
//! new database connections. Settings that cannot be used leave what is in force, with one ERROR line for each version of the
//! folder. Settings that come from the environment cannot change.

use super::{licensing, tenancy};
use crate::config::{Role, Source, WorkerSettings, hasher};
use ::licensing::RegistryApi;
use ::tenancy::{Hashing, Now, Outside};
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// A secret reaches a mounted file after up to a minute (Kubernetes: the kubelet's sync period), so nobody notices two seconds.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What tenant provisioning makes from secrets.
#[derive(Clone)]
pub(crate) struct Live(Arc<RwLock<Made>>);

#[derive(Clone)]
struct Made {
    outside: Outside,
    hashing: Hashing,
    registry: Option<RegistryApi>,
}

impl Live {
    /// Starts with what the settings of the start made.
    pub(crate) fn new(outside: Outside, hashing: Hashing, registry: Option<RegistryApi>) -> Self {
        Self(Arc::new(RwLock::new(Made { outside, hashing, registry })))
    }

    /// The systems outside, as of now.
    pub(crate) fn outside(&self) -> Now<Outside> {
        let live = self.clone();
        Arc::new(move || live.made().outside)
    }

    /// The maker of password hashes, as of now.
    pub(crate) fn hashing(&self) -> Now<Hashing> {
        let live = self.clone();
        Arc::new(move || live.made().hashing)
    }

    /// The licence API's service routes, as of now; `None` without a secret.
    pub(crate) fn registry(&self) -> Now<Option<RegistryApi>> {
        let live = self.clone();
        Arc::new(move || live.made().registry)
    }

    fn made(&self) -> Made {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, made: Made) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = made;
    }
}

/// Follows the folder of secrets for the life of the process; returns at once when there is none.
pub(crate) fn follow(source: Source, pool: Option<PgPool>, live: Option<Live>) {
    let Some(folder) = source.secret_folder() else { return };
    tokio::spawn(async move {
        let mut seen = stamps(&folder);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = stamps(&folder);
            if now == seen {
                continue;
            }
            seen = now;
            match again(&source, pool.as_ref(), live.as_ref()) {
                Ok(()) => tracing::info!("read the mounted secrets again: they are in force from now on"),
                Err(error) => tracing::error!(
                    "the mounted secrets have changed and cannot be used: what was read before stays in force: {error}"
                ),
            }
        }
    });
}

fn again(source: &Source, pool: Option<&PgPool>, live: Option<&Live>) -> Result<(), String> {
    let settings = WorkerSettings::parse(source).map_err(|problems| problems.to_string())?;
    let made = match (live, &settings.tenancy) {
        (Some(live), Some(config)) => {
            let outside = tenancy::outside(config).map_err(|failure| failure.to_string())?;
            let hasher = hasher(config).ok_or("NEXTAUTH_SECRET: is required")?;
            let registry = match &settings.licensing {
                Some(config) => licensing::registry(&config.registry).map_err(|failure| failure.to_string())?,
                None => None,
            };
            Some((live, Made { outside, hashing: live.made().hashing.with_hasher(hasher), registry }))
        }
        (_, _) => None,
    };
    // Nothing is replaced before everything could be made.
    let options = settings.database.as_ref().and_then(|database| database.options(Role::Worker));
    if let (Some(pool), Some(options)) = (pool, options) {
        pool.set_connect_options(store::prepare_options(options.clone()));
    }
    if let Some((live, made)) = made {
        live.replace(made);
    }
    Ok(())
}

/// What tells one version of the folder from another: name, size and time of each file. Links are followed, because a mounted
/// Secret is a folder of links that are switched together.
fn stamps(folder: &Path) -> BTreeMap<OsString, (u64, Option<SystemTime>)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let meta = std::fs::metadata(entry.path()).ok()?;
            meta.is_file().then(|| (entry.file_name(), (meta.len(), meta.modified().ok())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_came_or_went_is_another_version() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("smtp_password"), "one").expect("file");
        let first = stamps(folder.path());
        std::fs::write(folder.path().join("smtp_password"), "other").expect("file");
        let second = stamps(folder.path());
        assert_ne!(first, second);
        std::fs::write(folder.path().join("stripe_secret_key"), "sk").expect("file");
        assert_ne!(second, stamps(folder.path()));
        std::fs::remove_file(folder.path().join("stripe_secret_key")).expect("removed");
        assert_eq!(second, stamps(folder.path()));
    }
}
