//! Why a stack did not start, in one message with the remedy.

use std::io;
use std::path::{Path, PathBuf};

/// Why [`crate::start`] failed. Everything that was started is stopped again by then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A stack with this folder runs already.
    #[error("a stack is already running in {}\nremedy: use it, or end it with `tenantry dev down`", .0.display())]
    AlreadyRunning(PathBuf),
    /// Something that is needed before a part can start is missing or failed.
    #[error("could not {what}: {why}\nremedy: {remedy}")]
    Prepare {
        /// What was tried; reads after "could not".
        what: String,
        /// What happened.
        why: String,
        /// What the person can do.
        remedy: String,
    },
    /// A part did not start.
    #[error(transparent)]
    Part(#[from] PartError),
}

/// Why one part could not be started, stopped or signalled.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// No part has this name.
    #[error("no part is called {0}")]
    Unknown(String),
    /// The executable could not be run.
    #[error("could not run {part} ({}): {source}\nremedy: delete the folder {} and start again: it is fetched or built anew",
        .program.display(), .program.parent().unwrap_or(.program).display())]
    Spawn {
        /// Name of the part.
        part: String,
        /// Its executable.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended, or was not ready in time.
    #[error("{part} did not start: {why}\n--- end of {} ---\n{tail}{}", .log.display(), remedy(.tail))]
    NotReady {
        /// Name of the part.
        part: String,
        /// Whether it ended or took too long.
        why: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// It still runs after it was killed.
    #[error("{part} (process {pid}) does not end")]
    Unkillable {
        /// Name of the part.
        part: String,
        /// Its process.
        pid: i32,
    },
    /// A file of the stack could not be read or written.
    #[error("could not use {}: {source}{}", .path.display(), space(.source))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Makes an error about a file out of what the system said.
pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> PartError {
    let path = path.to_owned();
    move |source| PartError::File { path, source }
}

/// Makes a [`StartError::Prepare`].
pub(crate) fn prepare(what: impl Into<String>, why: impl Into<String>, remedy: impl Into<String>) -> StartError {
    StartError::Prepare { what: what.into(), why: why.into(), remedy: remedy.into() }
}

fn space(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(nix::libc::ENOSPC) => {
            "\nremedy: free some space; the stack needs about 3 GB for caches and 300 MB for data"
        }
        _ => "",
    }
}

/// Names the remedy for causes that every server words alike.
fn remedy(tail: &str) -> &'static str {
    let tail = tail.to_ascii_lowercase();
    if tail.contains("address already in use") {
        "\nremedy: another program took the port in the meantime; start again, other ports are chosen then"
    } else if tail.contains("no space left") {
        "\nremedy: free some space; the stack needs about 3 GB for caches and 300 MB for data"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_has_a_remedy() {
        let error = PartError::NotReady {
            part: "etcd".into(),
            why: "it ended with exit status: 1".into(),
            log: "etcd.log".into(),
            tail: "listen tcp 127.0.0.1:1: bind: address already in use\n".into(),
        };
        assert!(error.to_string().contains("remedy: another program took the port"));
    }
}
