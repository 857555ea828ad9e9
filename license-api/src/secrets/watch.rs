//! Secrets that may change while the service runs.

use super::file::{SecretsFault, parse_file};
use super::set::{Grant, SecretSet};
use crate::watch::Watched;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Name of the secret of the old variable, in audit rows.
const FULL: &str = "service";
/// Most bytes of a file with secrets.
const FILE_MAX: u64 = 64 * 1024;

/// Where secrets come from. At least one must be given.
#[derive(Debug, Clone, Default)]
pub struct SecretSources {
    /// `ALGA_LICENSE_SERVICE_SECRET`: full scope.
    pub current: Option<SecretString>,
    /// `ALGA_LICENSE_SERVICE_SECRET_FILE`: the same in a file, which is read again when it changes.
    pub current_file: Option<PathBuf>,
    /// `ALGA_LICENSE_SERVICE_SECRET_PREVIOUS`.
    pub previous: Option<SecretString>,
    /// `ALGA_LICENSE_SERVICE_SECRET_PREVIOUS_FILE`.
    pub previous_file: Option<PathBuf>,
    /// `TENANTRY_LICENSE_SERVICE_SECRETS_FILE`: name → secret, routes.
    pub named_file: Option<PathBuf>,
}

impl SecretSources {
    fn files(&self) -> Vec<PathBuf> {
        [&self.current_file, &self.previous_file, &self.named_file].into_iter().flatten().cloned().collect()
    }

    /// Reads everything.
    ///
    /// # Errors
    /// [`SecretsFault`] of the first source that cannot be used.
    pub fn read(&self) -> Result<SecretSet, SecretsFault> {
        let mut set = SecretSet::default();
        for secret in [&self.current, &self.previous].into_iter().flatten() {
            add_full(&mut set, secret)?;
        }
        for path in [&self.current_file, &self.previous_file].into_iter().flatten() {
            add_full(&mut set, &SecretString::from(read(path)?.expose_secret().trim()))?;
        }
        if let Some(path) = &self.named_file {
            parse_file(read(path)?.expose_secret(), &mut set)?;
        }
        if set.is_empty() { Err(SecretsFault::Count) } else { Ok(set) }
    }
}

fn add_full(set: &mut SecretSet, secret: &SecretString) -> Result<(), SecretsFault> {
    if secret.expose_secret().trim().is_empty() {
        return Err(SecretsFault::Short { name: FULL.to_owned() });
    }
    if !set.contains(secret) {
        set.add(FULL, secret, Grant::Every);
    }
    Ok(())
}

fn read(path: &Path) -> Result<SecretString, SecretsFault> {
    let length = std::fs::metadata(path).map_err(|_| SecretsFault::Unreadable)?.len();
    if length > FILE_MAX {
        return Err(SecretsFault::Shape);
    }
    std::fs::read_to_string(path).map(SecretString::from).map_err(|_| SecretsFault::Unreadable)
}

/// The secrets as their files hold them now. A change that cannot be used leaves the last good ones in force.
pub struct WatchedSecrets(Watched<SecretSet, SecretsFault>);

impl WatchedSecrets {
    /// Reads them for the first time.
    ///
    /// # Errors
    /// [`SecretsFault`]: without a secret nothing can start.
    pub fn open(sources: SecretSources, now: Instant) -> Result<Self, SecretsFault> {
        let files = sources.files();
        Ok(Self(Watched::open("service secrets", files, Box::new(move || sources.read()), now)?))
    }

    /// The secrets in force.
    pub fn current(&self, now: Instant) -> Arc<SecretSet> {
        self.0.current(now)
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
