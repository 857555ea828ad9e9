//! The keys of a file that may change while we run.

use credentials::{KeyFile, KeyFileError, SealingKeys};
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The file is looked at no more often than this. A key reaches the mounted file after up to a minute, so nobody notices.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The sealing keys of `TENANTRY_CODEC_KEYS_FILE`, read again when the file changes.
///
/// A file that is gone or cannot be used leaves the last good keys in force; one ERROR line tells of it for each version of
/// the file. The format is that of [`KeyFile`]; a line `hash` is allowed and not used.
pub struct WatchedKeys {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    keys: Arc<SealingKeys>,
    /// The version that was read last, good or not; none when there was no file.
    seen: Option<Stamp>,
    looked: Instant,
}

/// What tells one version of the file from another. The time of the last change of the inode tells of a file that was put
/// in place with an old date, or that has only now become readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
    changed: (i64, i64),
}

impl WatchedKeys {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// [`KeyFileError`]: without keys nothing can start.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, KeyFileError> {
        let path = path.into();
        // Before the reading: a change in between is seen as one at the next look.
        let seen = stamp(&path);
        let keys = Arc::new(KeyFile::read(&path)?.sealing);
        let looked = Instant::now();
        Ok(Self { path, state: Mutex::new(State { keys, seen, looked }) })
    }

    /// The keys as the file holds them now, or held them at most [`LOOK_EVERY`] ago.
    ///
    /// Looks at the file within the call, so the file belongs on a local disk or in memory, as mounted secrets are.
    pub fn current(&self) -> Arc<SealingKeys> {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Arc<SealingKeys> {
        let mut state = self.lock();
        if now.saturating_duration_since(state.looked) >= LOOK_EVERY {
            state.looked = now;
            self.look(&mut state);
        }
        Arc::clone(&state.keys)
    }

    fn look(&self, state: &mut State) {
        let stamp = stamp(&self.path);
        if stamp == state.seen {
            return;
        }
        state.seen = stamp;
        match KeyFile::read(&self.path) {
            Ok(file) => {
                state.keys = Arc::new(file.sealing);
                let newest = state.keys.newest();
                tracing::info!(key.id = %newest, "read the payload keys again: {newest} encrypts from now on");
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(
                    error,
                    "the file of payload keys has changed and cannot be used: the keys before it stay in force"
                );
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every assignment of the state is complete in itself, so what a panic left behind is usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for WatchedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WatchedKeys").field(&self.lock().keys).finish()
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    let changed = (meta.ctime(), meta.ctime_nsec());
    Some(Stamp { modified: meta.modified().ok(), length: meta.len(), inode: meta.ino(), changed })
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
