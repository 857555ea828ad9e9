//! Secrets that may change while the service runs.

use super::file::{NAMED_FILE, SECRET_MIN, SecretsFault, parse_file};
use super::set::{Grant, SecretSet};
use crate::watch::Watched;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Name of the secret of the old variable, in audit rows.
const FULL: &str = "service";
const CURRENT: &str = "ALGA_LICENSE_SERVICE_SECRET";
const CURRENT_FILE: &str = "ALGA_LICENSE_SERVICE_SECRET_FILE";
const PREVIOUS: &str = "ALGA_LICENSE_SERVICE_SECRET_PREVIOUS";
const PREVIOUS_FILE: &str = "ALGA_LICENSE_SERVICE_SECRET_PREVIOUS_FILE";
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
        for (variable, secret) in [(CURRENT, &self.current), (PREVIOUS, &self.previous)] {
            if let Some(secret) = secret {
                add_full(&mut set, variable, secret)?;
            }
        }
        for (variable, path) in [(CURRENT_FILE, &self.current_file), (PREVIOUS_FILE, &self.previous_file)] {
            if let Some(path) = path {
                add_full(&mut set, variable, &SecretString::from(read(variable, path)?.expose_secret().trim()))?;
            }
        }
        if let Some(path) = &self.named_file {
            parse_file(read(NAMED_FILE, path)?.expose_secret(), &mut set)?;
        }
        if set.is_empty() { Err(SecretsFault::Missing) } else { Ok(set) }
    }
}

/// Secrets that open everything may be older than the rule of the file of named ones, so a short one is told of and taken.
fn add_full(set: &mut SecretSet, variable: &'static str, secret: &SecretString) -> Result<(), SecretsFault> {
    let text = secret.expose_secret();
    if text.trim().is_empty() {
        return Err(SecretsFault::Blank { variable });
    }
    if text.len() < SECRET_MIN {
        tracing::warn!(
            variable,
            "the secret of {variable} has fewer than {SECRET_MIN} characters and opens every route: set a longer one"
        );
    }
    if !set.contains(secret) {
        set.add(FULL, secret, Grant::Every);
    }
    Ok(())
}

fn read(variable: &'static str, path: &Path) -> Result<SecretString, SecretsFault> {
    let unreadable = SecretsFault::Unreadable { variable };
    let Ok(meta) = std::fs::metadata(path) else { return Err(unreadable) };
    if meta.len() > FILE_MAX {
        return Err(SecretsFault::Long { variable });
    }
    std::fs::read_to_string(path).map(SecretString::from).map_err(|_| unreadable)
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
