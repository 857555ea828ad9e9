//! A running stack.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use crate::error::PartError;
use crate::ports::Ports;
use crate::spec::PartSpec;
use crate::state::State;
use crate::supervise::{Ending, Supervisor};

/// A signal for a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ends it at once (SIGKILL): what a crash does.
    Kill,
    /// Asks it to end (SIGTERM).
    Terminate,
    /// Freezes it (SIGSTOP): connections stay open and nothing is answered.
    Freeze,
    /// Thaws it (SIGCONT).
    Thaw,
}

/// Whether a part runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It runs.
    Running,
    /// It was not started, or was stopped.
    Stopped,
    /// It ended although nobody stopped it.
    Gone,
}

/// What is known of one part.
#[derive(Clone, Debug)]
pub struct PartStatus {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub condition: Condition,
    /// Its process, when it runs.
    pub pid: Option<i32>,
    /// Its log file.
    pub log: PathBuf,
    /// Ports that it binds, by the name of their use.
    pub ports: Vec<(String, u16)>,
}

/// A running stack: of this process, or found by [`attach`].
///
/// Dropping it ends nothing by itself: a stack in the foreground ends with the process, one in the background stays.
#[derive(Debug)]
pub struct Stack {
    supervisor: Supervisor,
    /// Ends the parts when this process is gone. Its standard input is ours: that is how it learns of it.
    reaper: Option<Child>,
}

impl Stack {
    pub(crate) fn new(supervisor: Supervisor, reaper: Option<Child>) -> Self {
        Self { supervisor, reaper }
    }

    /// The data folder.
    pub fn root(&self) -> &Path {
        self.supervisor.root()
    }

    /// What worker, command line and shell need to reach the parts, by the names of production, and `PATH`.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.supervisor.state().environment.clone()
    }

    /// The port of a use, such as `edge-https`.
    pub fn port(&self, name: &str) -> Option<u16> {
        self.supervisor.state().ports.get(name).copied()
    }

    /// Every part, by name.
    pub fn status(&self) -> Vec<PartStatus> {
        let state = self.supervisor.state();
        let status = |(name, part): (&String, &crate::state::PartRecord)| PartStatus {
            name: name.clone(),
            condition: match part.process {
                None => Condition::Stopped,
                Some(process) if process.alive() => Condition::Running,
                Some(_) => Condition::Gone,
            },
            pid: part.process.filter(|process| process.alive()).map(|process| process.pid),
            log: self.supervisor.log(name),
            ports: (part.spec.ports.iter()).filter_map(|port| Some((port.clone(), *state.ports.get(port)?))).collect(),
        };
        state.parts.iter().map(status).collect()
    }

    /// Starts a part of the table again and waits until it serves; nothing to do when it runs.
    ///
    /// # Errors
    /// No such part, or it does not start.
    pub async fn start_part(&self, name: &str) -> Result<(), PartError> {
        self.supervisor.start_known(name).await
    }

    /// Starts a part that is not in the table yet (a second worker, say), and waits until it serves.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_new(&self, spec: PartSpec) -> Result<Duration, PartError> {
        self.supervisor.start(spec).await
    }

    /// The specification of a part, to start a changed one with [`Self::start_new`].
    ///
    /// # Errors
    /// No such part.
    pub fn spec(&self, name: &str) -> Result<PartSpec, PartError> {
        self.supervisor.spec(name)
    }

    /// Asks a part to end and waits until it is gone.
    ///
    /// # Errors
    /// No such part, or it does not end.
    pub async fn stop_part(&self, name: &str) -> Result<(), PartError> {
        self.supervisor.stop(name, Ending::Orderly).await
    }

    /// Sends a signal to a part; after [`Signal::Kill`] it is gone when this returns.
    ///
    /// # Errors
    /// No such part, or it does not end.
    pub async fn kill_part(&self, name: &str, signal: Signal) -> Result<(), PartError> {
        match signal {
            Signal::Kill => self.supervisor.stop(name, Ending::Now).await,
            Signal::Terminate => self.supervisor.signal(name, nix::sys::signal::Signal::SIGTERM),
            Signal::Freeze => self.supervisor.signal(name, nix::sys::signal::Signal::SIGSTOP),
            Signal::Thaw => self.supervisor.signal(name, nix::sys::signal::Signal::SIGCONT),
        }
    }

    /// Ends every part, and with an ephemeral stack its data; the logs stay.
    ///
    /// # Errors
    /// A part that does not end; the others have ended.
    pub async fn stop(mut self) -> Result<(), PartError> {
        let stopped = crate::down::end_all(&self.supervisor).await;
        self.dismiss_reaper();
        stopped
    }

    /// Lets the stack live on without this process.
    pub(crate) fn dismiss_reaper(&mut self) {
        if let Some(mut reaper) = self.reaper.take() {
            // It is ours and has nothing to save; it may also have ended already.
            let _ = reaper.kill();
            let _ = reaper.wait();
        }
    }
}

/// Finds the running stack of a data folder; `None` when none runs there.
pub fn attach(root: &Path) -> Option<Stack> {
    let root = root.canonicalize().ok()?;
    let state = State::read(&root)?;
    if state.running().is_empty() || state.owner.is_some_and(|owner| !owner.alive()) {
        return None;
    }
    Some(Stack::new(Supervisor::new(root, state, Ports::default()), None))
}
