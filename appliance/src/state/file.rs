//! State in one file with mode 0600, for the time before the application's database exists.

use super::{Record, RedemptionState, StateError, form};
use async_trait::async_trait;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Most bytes of a file: an answer of 64 KiB with room around it.
const FILE_MAX: usize = 128 * 1024;

/// The rights of the owner alone.
const PRIVATE: u32 = 0o600;

/// State in a file. It is written beside and renamed, and both the file and its folder are flushed, so that a loss of power
/// leaves the old or the new one (POSIX `rename`).
///
/// One process uses it at a time: a lock on a file beside it is held until this value is dropped, and the system lets go of
/// it when the process is killed.
#[derive(Debug)]
pub struct FileState {
    path: PathBuf,
    /// Held, not read.
    _lock: File,
}

impl FileState {
    /// Takes the lock. Folders that are missing are made with mode 0700.
    ///
    /// # Errors
    /// [`StateError::Busy`], [`StateError::Disk`].
    pub fn open(path: &Path) -> Result<Self, StateError> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder_of(path)).map_err(disk("make the folder of"))?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE)
            .open(beside(path, "lock"))
            .map_err(disk("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::Busy),
            Err(TryLockError::Error(error)) => Err(disk("lock")(error)),
        }
    }
}

/// The work takes microseconds and nothing else waits for this thread, so it is done in place.
#[async_trait]
impl RedemptionState for FileState {
    async fn load(&mut self) -> Result<Option<Record>, StateError> {
        read(&self.path)?.map(|bytes| form::read(&bytes)).transpose()
    }

    async fn save(&mut self, record: &Record) -> Result<(), StateError> {
        replace(&self.path, &form::write(record)).map_err(disk("write"))
    }
}

fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
    // A link could lead to a file of somebody else, so none is followed: the mode that is checked is of what is read.
    let mut file = match OpenOptions::new().read(true).custom_flags(no_follow()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) => {
            return Err(StateError::Permissions);
        }
        Err(error) => return Err(disk("read")(error)),
    };
    let facts = file.metadata().map_err(disk("read"))?;
    if !facts.is_file() || facts.mode() & 0o077 != 0 {
        return Err(StateError::Permissions);
    }
    // The room is exact, so that no copy is left behind by growing.
    let mut bytes = Zeroizing::new(vec![0; FILE_MAX + 1]);
    let mut length = 0;
    while length < bytes.len() {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(disk("read")(error)),
        }
    }
    if length > FILE_MAX {
        return Err(StateError::Garbage);
    }
    bytes.truncate(length);
    Ok(Some(bytes))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = beside(path, "next");
    // What a killed process left here is nobody's, and its rights are not known.
    match std::fs::remove_file(&next) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&next, path)?;
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(end);
    path.with_file_name(name)
}

/// `O_NOFOLLOW` of this system.
const fn no_follow() -> i32 {
    nix::fcntl::OFlag::O_NOFOLLOW.bits()
}

fn disk(what: &'static str) -> impl Fn(io::Error) -> StateError {
    move |source| StateError::Disk { what, source }
}
