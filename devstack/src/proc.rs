//! Processes by an identity that survives us: number and start time, so that a reused number is never signalled.

use std::fs;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// One process, and the group that it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcId {
    /// Process number; also of its group.
    pub(crate) pid: i32,
    /// Start time in clock ticks since the boot (`/proc/<pid>/stat`, field 22).
    pub(crate) started: u64,
}

impl ProcId {
    /// Identifies a process that runs now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let (started, _) = stat(pid)?;
        Some(Self { pid, started })
    }

    /// Identifies this process.
    pub(crate) fn own() -> Option<Self> {
        Self::of(i32::try_from(std::process::id()).ok()?)
    }

    /// Tells whether it runs; a zombie without threads does not.
    pub(crate) fn alive(self) -> bool {
        let runs = |state| !matches!(state, 'Z' | 'X') || has_threads(self.pid);
        stat(self.pid).is_some_and(|(started, state)| started == self.started && runs(state))
    }

    /// Sends a signal to its whole group; nothing when it is gone.
    pub(crate) fn signal(self, signal: Signal) -> Result<(), Errno> {
        if !self.alive() {
            return Ok(());
        }
        match killpg(Pid::from_raw(self.pid), signal) {
            // It leads no group (yet): the process itself then.
            Err(Errno::ESRCH) => match kill(Pid::from_raw(self.pid), signal) {
                Err(Errno::ESRCH) => Ok(()),
                other => other,
            },
            other => other,
        }
    }

    /// Waits for its end, at most that long; true when it ended.
    pub(crate) async fn ended_within(self, limit: Duration) -> bool {
        let wait = async {
            while self.alive() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(limit, wait).await.is_ok()
    }
}

/// Start time and state from `/proc/<pid>/stat`. The name (field 2) may hold spaces and brackets, so fields are
/// counted from its last closing bracket.
fn stat(pid: i32) -> Option<(u64, char)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    // Field 3 was the state; field 22 is 18 further.
    let started = fields.nth(18)?.parse().ok()?;
    Some((started, state))
}

/// The leader of a killed process is a zombie while its other threads still end, and those hold its sockets.
fn has_threads(pid: i32) -> bool {
    std::fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|tasks| tasks.count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_a_reused_number_is_not_it() {
        let own = ProcId::own().unwrap();
        assert!(own.alive());
        assert!(!ProcId { started: own.started + 1, ..own }.alive());
    }
}
