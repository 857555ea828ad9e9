//! Runs a download or build with a log, signs of life, and errors that name the remedy; keeps cache entries whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::error::{StartError, prepare};
use crate::progress::{Event, Progress};
use crate::supervise::tail;

/// A sign of life is due after this long.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Runs one program to its end, with its output in `log`.
///
/// # Errors
/// [`StartError::Prepare`] with the cause read from the output.
pub(crate) async fn run(
    what: &str,
    command: &mut Command,
    log: &Path,
    progress: &dyn Progress,
) -> Result<(), StartError> {
    let open = || -> io::Result<_> {
        let file = fs::File::create(log)?;
        Ok((file.try_clone()?, file))
    };
    let (out, err) = open().map_err(|error| explain(what, &error.to_string(), log))?;
    command.stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true);
    progress.event(Event::Began(what));
    let started = Instant::now();
    let mut child = command.spawn().map_err(|error| explain(what, &error.to_string(), log))?;
    let status = loop {
        match tokio::time::timeout(SIGN_OF_LIFE, child.wait()).await {
            Ok(status) => break status.map_err(|error| explain(what, &error.to_string(), log))?,
            Err(_) => progress.event(Event::Still(what, started.elapsed())),
        }
    };
    if !status.success() {
        return Err(explain(what, &format!("{status}\n{}", tail(log, 12)), log));
    }
    progress.event(Event::Done(what, started.elapsed()));
    Ok(())
}

/// Reads the usual causes from what a tool said.
pub(crate) fn explain(what: &str, said: &str, log: &Path) -> StartError {
    const NETWORK: [&str; 10] = [
        "could not resolve host",
        "temporary failure in name resolution",
        "no such host",
        "connection refused",
        "connection timed out",
        "i/o timeout",
        "network is unreachable",
        "max retries exceeded",
        "newconnectionerror",
        "no matching distribution found",
    ];
    let lower = said.to_ascii_lowercase();
    let remedy = if lower.contains("no space left") {
        "free some space: wheels take 700 MB, the Go build cache 2 GB, the built parts 300 MB".to_owned()
    } else if lower.contains("do not match the hashes") || lower.contains("checksum mismatch") {
        "what was downloaded is not what is pinned: `pip cache purge` and `go clean -modcache`, then start again"
            .to_owned()
    } else if lower.contains("ensurepip") || lower.contains("no module named venv") {
        "install Python's venv module (Debian: `apt-get install python3-venv`)".to_owned()
    } else if NETWORK.iter().any(|sign| lower.contains(sign)) {
        "this needs the network once: check the connection, proxy and mirror settings (PIP_INDEX_URL, GOPROXY)"
            .to_owned()
    } else {
        format!("see {}", log.display())
    };
    prepare(what, said.trim_end(), remedy)
}

/// What a cache entry holds, written last: files with their sizes, to notice a broken one.
#[derive(Serialize, Deserialize)]
struct Inventory {
    files: Vec<(PathBuf, u64)>,
}

const INVENTORY: &str = "inventory.json";

/// Tells whether the entry is complete: every file has the size that was recorded when it was made.
pub(crate) fn whole(entry: &Path) -> bool {
    let Some(inventory) =
        fs::read(entry.join(INVENTORY)).ok().and_then(|raw| serde_json::from_slice::<Inventory>(&raw).ok())
    else {
        return false;
    };
    inventory.files.iter().all(|(path, size)| fs::metadata(entry.join(path)).is_ok_and(|found| found.len() == *size))
}

/// Records the named files of a new entry and moves it into place; what was there (broken) goes.
pub(crate) fn publish(building: &Path, entry: &Path, files: &[PathBuf]) -> io::Result<()> {
    let sized = files.iter().map(|path| Ok((path.clone(), fs::metadata(building.join(path))?.len())));
    let inventory = Inventory { files: sized.collect::<io::Result<_>>()? };
    fs::write(building.join(INVENTORY), serde_json::to_vec_pretty(&inventory)?)?;
    if entry.exists() {
        fs::remove_dir_all(entry)?;
    }
    match fs::rename(building, entry) {
        // Another process was quicker: what it made is as good.
        Err(_) if whole(entry) => fs::remove_dir_all(building),
        other => other,
    }
}

/// Sees to it that the entry is whole: when it is not, `make` fills a folder beside it, which is moved into place, and answers
/// the files to check it by. Two first starts wait for each other. `source` is what an error points to.
///
/// # Errors
/// Those of `make`; [`StartError::Prepare`] when the cache cannot be written.
pub(crate) async fn once(
    entry: &Path,
    source: &Path,
    progress: &dyn Progress,
    make: impl AsyncFnOnce(&Path) -> Result<Vec<PathBuf>, StartError>,
) -> Result<(), StartError> {
    if whole(entry) {
        return Ok(());
    }
    let failed = |what: &str, error: io::Error| explain(what, &error.to_string(), source);
    let _lock = lock(entry).await.map_err(|error| failed("lock the cache", error))?;
    if whole(entry) {
        return Ok(());
    }
    if entry.exists() {
        progress.event(Event::Note(&format!("{} is broken and is made anew", entry.display())));
    }
    let building = entry.with_extension(format!("new-{}", std::process::id()));
    let _ = fs::remove_dir_all(&building);
    fs::create_dir_all(&building).map_err(|error| failed("make a cache folder", error))?;
    let made = make(&building).await;
    if made.is_err() {
        let _ = fs::remove_dir_all(&building);
    }
    publish(&building, entry, &made?).map_err(|error| failed("move what was made into the cache", error))
}

/// A lock on one cache entry, so that two first starts do not build the same thing twice.
pub(crate) async fn lock(entry: &Path) -> io::Result<fs::File> {
    let path = entry.with_extension("lock");
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = fs::File::create(path)?;
    let waiting = file.try_clone()?;
    tokio::task::spawn_blocking(move || fs4::fs_std::FileExt::lock_exclusive(&waiting))
        .await
        .map_err(io::Error::other)??;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, expected: &str) {
        let text = explain("fetch the wheels", said, Path::new("pip.log")).to_string();
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn causes_are_read_from_what_tools_say() {
        check(
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "free some space",
        );
        check("dial tcp: lookup proxy.golang.org: no such host", "needs the network once");
        check("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "pip cache purge");
        check("The virtual environment was not created because ensurepip is not available", "python3-venv");
        check("something else", "see pip.log");
    }

    #[test]
    fn a_truncated_file_makes_an_entry_broken() {
        let base = std::env::temp_dir().join(format!("tenantry-fetch-{}", std::process::id()));
        let (building, entry) = (base.join("new"), base.join("entry"));
        fs::create_dir_all(&building).unwrap();
        fs::write(building.join("tool"), "content").unwrap();
        publish(&building, &entry, &["tool".into()]).unwrap();
        assert!(whole(&entry));
        fs::write(entry.join("tool"), "").unwrap();
        assert!(!whole(&entry));
        fs::remove_dir_all(base).unwrap();
    }
}
