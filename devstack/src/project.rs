//! Finds the checkout and the caches.

use std::env;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The checkout was not found.
#[derive(Debug, thiserror::Error)]
#[error("could not find the project's checkout (a folder with {MARK}) above {}\nremedy: run the command inside the checkout", .0.display())]
pub struct ProjectError(PathBuf);

const MARK: &str = "devstack/cluster/go.mod";

/// Finds the checkout: the nearest folder above the executable, or above the current folder, with the pins in it.
///
/// # Errors
/// [`ProjectError`] when neither has one.
pub fn find_project() -> Result<PathBuf, ProjectError> {
    let here = env::current_dir().unwrap_or_default();
    let exe = env::current_exe().unwrap_or_default();
    let marked = |start: &Path| start.ancestors().find(|folder| folder.join(MARK).is_file()).map(Path::to_owned);
    marked(&here).or_else(|| marked(&exe)).ok_or(ProjectError(here))
}

/// The user's cache folder for this project: `$XDG_CACHE_HOME/tenantry` or `~/.cache/tenantry`.
pub(crate) fn cache_dir() -> PathBuf {
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map_or_else(env::temp_dir, PathBuf::from);
    base.unwrap_or_else(|| home().join(".cache")).join("tenantry")
}

/// Names a cache entry by what it is made from: the first 16 hex digits of SHA-256 over names and contents.
pub(crate) fn key<'a>(inputs: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in inputs {
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
