//! A file with keys that may change while we run.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use zeroize::Zeroizing;

/// The file is looked at no more often than this. A key reaches a mounted file after up to a minute, so nobody notices.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a file gives no text. Shows neither its content nor its path.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("could not read the file")]
    Unreadable(#[source] io::Error),
    /// It is not UTF-8, or too long.
    #[error("the file is no text, or too long")]
    NotText,
}

/// Reads a text of at most `max` bytes. It is wiped when it is dropped.
pub(crate) fn read_text(path: &Path, max: usize) -> Result<Zeroizing<String>, FileError> {
    // The room is exact, with one byte more to see that a file is too long: no copy is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(max + 1));
    let file = File::open(path).map_err(FileError::Unreadable)?;
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(FileError::Unreadable)?;
    if bytes.len() > max {
        return Err(FileError::NotText);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| FileError::NotText)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// What a file holds, read again when the file changes.
///
/// A file that is gone or cannot be used leaves the last good value in force; one ERROR line tells of it for each version of
/// the file. It is tried again at every look, because what it lacks may be elsewhere: a signing key counts once it is
/// published.
pub struct Watched<T> {
    path: PathBuf,
    read: Box<Read<T>>,
    state: Mutex<State<T>>,
}

/// Reads the file; the second argument is the value in force, none at the first time. An error is the line for the log.
type Read<T> = dyn Fn(&Path, Option<&T>) -> Result<T, String> + Send + Sync;

struct State<T> {
    value: Arc<T>,
    /// The version that was read last, good or not; none when there was no file.
    seen: Option<Stamp>,
    /// Whether that version gave the value.
    usable: bool,
    looked: Instant,
}

/// What tells one version of a file from another. The time of the last change of the inode tells of a file that was put in
/// place with an old date, or that has only now become readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
    changed: (i64, i64),
}

impl<T> Watched<T> {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// That of `read`: without a value nothing can start.
    pub fn open<E: std::error::Error>(
        path: PathBuf,
        read: impl Fn(&Path, Option<&T>) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        // Before the reading: a change in between is seen as one at the next look.
        let seen = stamp(&path);
        let value = Arc::new(read(&path, None)?);
        let state = Mutex::new(State { value, seen, usable: true, looked: Instant::now() });
        let read = move |path: &Path, before: Option<&T>| read(path, before).map_err(|error| chain(&error));
        Ok(Self { path, read: Box::new(read), state })
    }

    /// What the file holds now, or held at most [`LOOK_EVERY`] ago.
    ///
    /// Looks at the file within the call, so the file belongs on a local disk or in memory, as mounted secrets are.
    pub fn current(&self) -> Arc<T> {
        self.at(Instant::now())
    }

    pub(crate) fn at(&self, now: Instant) -> Arc<T> {
        let mut state = self.lock();
        if now.saturating_duration_since(state.looked) >= LOOK_EVERY {
            state.looked = now;
            self.look(&mut state);
        }
        Arc::clone(&state.value)
    }

    fn look(&self, state: &mut State<T>) {
        let stamp = stamp(&self.path);
        let is_new = stamp != state.seen;
        if !is_new && state.usable {
            return;
        }
        state.seen = stamp;
        let read = (self.read)(&self.path, Some(&state.value));
        state.usable = read.is_ok();
        match read {
            Ok(value) => {
                state.value = Arc::new(value);
                tracing::info!("read a file of keys again, because it changed");
            }
            Err(error) if is_new => {
                tracing::error!(
                    error,
                    "a file of keys has changed and cannot be used: what it held before stays in force"
                );
            }
            Err(_) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Every assignment of the state is complete in itself, so what a panic left behind is usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: fmt::Debug> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watched").field(&self.lock().value).finish()
    }
}

/// An error with everything that caused it, for one line of a log.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    let changed = (meta.ctime(), meta.ctime_nsec());
    Some(Stamp { modified: meta.modified().ok(), length: meta.len(), inode: meta.ino(), changed })
}

#[cfg(test)]
#[path = "watched_tests.rs"]
mod tests;
