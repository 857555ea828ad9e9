//! Files that may change while the service runs: read again on change, the last good value kept (licensing contract,
//! section 7).

use license::watched::chain;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Files are looked at no more often than this. A mounted secret takes up to a minute to arrive, so nobody notices.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How a value is read from its files.
type Read<T, E> = Box<dyn Fn() -> Result<T, E> + Send + Sync>;

/// A value that files hold.
///
/// Files that are gone or cannot be used leave the last good value in force; one ERROR line tells of it for each version.
pub struct Watched<T, E> {
    what: &'static str,
    files: Vec<PathBuf>,
    read: Read<T, E>,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Arc<T>,
    seen: Vec<Option<Stamp>>,
    looked: Instant,
}

/// What tells one version of a file from another. The time of the last change of the inode tells of a file that was put in
/// place with an old date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
    changed: (i64, i64),
}

impl<T, E: std::error::Error + 'static> Watched<T, E> {
    /// Reads the value for the first time. `what` names it in log lines.
    ///
    /// # Errors
    /// What `read` says: without a value nothing can start.
    pub fn open(what: &'static str, files: Vec<PathBuf>, read: Read<T, E>, now: Instant) -> Result<Self, E> {
        // Before the reading: a change in between is seen as one at the next look.
        let seen = files.iter().map(|path| stamp(path)).collect();
        let value = Arc::new(read()?);
        Ok(Self { what, files, read, state: Mutex::new(State { value, seen, looked: now }) })
    }

    /// The value as the files hold it now, or held it at most [`LOOK_EVERY`] ago.
    ///
    /// Looks at the files within the call, so they belong on a local disk or in memory, as mounted secrets are.
    pub fn current(&self, now: Instant) -> Arc<T> {
        let mut state = self.lock();
        if now.saturating_duration_since(state.looked) >= LOOK_EVERY {
            state.looked = now;
            self.look(&mut state);
        }
        Arc::clone(&state.value)
    }

    fn look(&self, state: &mut State<T>) {
        let stamps: Vec<_> = self.files.iter().map(|path| stamp(path)).collect();
        if stamps == state.seen {
            return;
        }
        state.seen = stamps;
        match (self.read)() {
            Ok(value) => {
                state.value = Arc::new(value);
                tracing::info!("read the {} again", self.what);
            }
            Err(error) => tracing::error!(
                "the {} have changed and cannot be used, so what was read before stays in force: {}",
                self.what,
                chain(&error)
            ),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Every assignment of the state is complete in itself, so what a panic left behind is usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    let changed = (meta.ctime(), meta.ctime_nsec());
    Some(Stamp { modified: meta.modified().ok(), length: meta.len(), inode: meta.ino(), changed })
}

/// What was logged during a call, as the level and the message of each line.
#[cfg(test)]
pub(crate) fn told(during: impl FnOnce()) -> Vec<String> {
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Message(String);

    impl Visit for Message {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            if field.name() == "message" {
                self.0 += &format!(" {value:?}");
            }
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target().starts_with("license_api")
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn event(&self, event: &Event<'_>) {
            let mut message = Message(event.metadata().level().to_string());
            event.record(&mut message);
            self.0.lock().unwrap().push(message.0);
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), during);
    std::mem::take(&mut *lines.0.lock().unwrap())
}
