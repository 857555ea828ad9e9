//! Ends a stack and removes what it leaves; also after a crash.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::PartError;
use crate::ports::Ports;
use crate::state::State;
use crate::supervise::{Ending, Supervisor};

/// Folders with data of parts, below the data folder. Logs are no data.
pub(crate) const DATA: [&str; 6] = ["cluster", "dns", "edge", "license", "postgres", "temporal"];

/// What [`down`] ended.
#[derive(Clone, Debug, Default)]
pub struct DownReport {
    /// Names of the parts that ran.
    pub ended: Vec<String>,
}

/// Why a stack could not be ended.
#[derive(Debug, thiserror::Error)]
pub enum DownError {
    /// The stack belongs to a process that lives: that one must end.
    #[error("the stack in {} belongs to process {pid}, which is still running\nremedy: end that process (Ctrl-C)", .root.display())]
    Owned {
        /// The data folder.
        root: PathBuf,
        /// The owner.
        pid: i32,
    },
    /// A part does not end.
    #[error(transparent)]
    Part(#[from] PartError),
}

/// Ends the stack of a data folder, if one runs there, and cleans up after a crash. Processes are recognised by number
/// and start time, so a number that was reused is never touched. Repeating it does nothing.
///
/// # Errors
/// The stack belongs to another process that lives, or a part does not end.
pub async fn down(root: &Path) -> Result<DownReport, DownError> {
    let Ok(root) = root.canonicalize() else { return Ok(DownReport::default()) };
    let Some(state) = State::read(&root) else { return Ok(DownReport::default()) };
    if let Some(owner) = state.owner.filter(|owner| owner.alive() && Some(*owner) != crate::proc::ProcId::own()) {
        return Err(DownError::Owned { root, pid: owner.pid });
    }
    let ended = state.running().into_iter().map(|(spec, _)| spec.name).collect();
    end_all(&Supervisor::new(root, state, Ports::default())).await?;
    Ok(DownReport { ended })
}

/// Ends every part, and removes the data of an ephemeral stack.
pub(crate) async fn end_all(supervisor: &Supervisor) -> Result<(), PartError> {
    let (ephemeral, outside) = {
        let state = supervisor.state();
        (state.ephemeral, state.outside.clone())
    };
    let ending = if ephemeral { Ending::Now } else { Ending::Orderly };
    supervisor.stop_all(ending).await?;
    if ephemeral {
        // What cannot be removed is no reason to fail: the next start removes it again.
        for folder in outside {
            let _ = fs::remove_dir_all(folder);
        }
        remove_data(supervisor.root());
        let _ = fs::remove_file(State::path(supervisor.root()));
        return Ok(());
    }
    supervisor.change(|state| state.owner = None)
}

/// Removes the data of every part below a data folder, and a database's folder outside of it.
pub(crate) fn remove_data(root: &Path) {
    if let Ok(outside) = fs::read_to_string(root.join("postgres/data-folder")) {
        let _ = fs::remove_dir_all(outside.trim());
    }
    for folder in DATA {
        let _ = fs::remove_dir_all(root.join(folder));
    }
}
