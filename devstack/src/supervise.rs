//! Starts, watches and ends the processes of the parts.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::error::{PartError, file};
use crate::ports::Ports;
use crate::proc::ProcId;
use crate::ready;
use crate::spec::{PartSpec, Ready, StopWith};
use crate::state::{PartRecord, State};

/// A part may take this long to end by itself. The API server needs up to 3 s.
const GRACE: Duration = Duration::from_secs(5);
/// The kernel may take this long to end a killed process on a loaded machine.
const KILL_GRACE: Duration = Duration::from_secs(20);
/// Between two looks at a starting part.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Lines of a log shown when a part fails.
const TAIL_LINES: usize = 20;

/// Whether parts are asked, or killed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Asked first, tier after tier.
    Orderly,
    /// Killed, all at once: nothing of theirs is kept.
    Now,
}

/// The parts of one stack and what is known of their processes.
#[derive(Debug)]
pub(crate) struct Supervisor {
    root: PathBuf,
    state: Mutex<State>,
    children: Mutex<BTreeMap<String, Child>>,
    ports: Mutex<Ports>,
}

impl Supervisor {
    pub(crate) fn new(root: PathBuf, state: State, ports: Ports) -> Self {
        Self { root, state: Mutex::new(state), children: Mutex::default(), ports: Mutex::new(ports) }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and writes it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) -> Result<(), PartError> {
        let mut state = self.state();
        change(&mut state);
        state.write(&self.root)
    }

    /// The log file of a part.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(format!("{name}.log"))
    }

    /// Makes a part known without starting it.
    pub(crate) fn register(&self, spec: PartSpec) -> Result<(), PartError> {
        self.change(|state| {
            state.parts.insert(spec.name.clone(), PartRecord { spec, process: None });
        })
    }

    /// Starts a part and waits until it serves.
    pub(crate) async fn start(&self, spec: PartSpec) -> Result<Duration, PartError> {
        let started = Instant::now();
        let name = spec.name.clone();
        self.register(spec)?;
        self.start_known(&name).await?;
        Ok(started.elapsed())
    }

    /// Starts a known part and waits until it serves; nothing to do when it runs.
    pub(crate) async fn start_known(&self, name: &str) -> Result<(), PartError> {
        let spec = self.spec(name)?;
        if self.process(name).is_some_and(ProcId::alive) {
            return Ok(());
        }
        let process = self.spawn(&spec)?;
        let deadline = Instant::now() + spec.ready_within;
        loop {
            let seen = ready::look(&spec).await;
            let exit = self.exit(name);
            let why = match (&seen, process.alive() && exit.is_none()) {
                (Ok(()), true) => return Ok(()),
                (_, false) => format!("it ended{}", exit.map(|status| format!(" with {status}")).unwrap_or_default()),
                (Err(seen), true) if Instant::now() > deadline => {
                    format!("it was not ready within {} s ({seen})", spec.ready_within.as_secs())
                }
                (Err(_), true) => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                    continue;
                }
            };
            let log = self.log(name);
            return Err(PartError::NotReady { part: name.to_owned(), why, tail: tail(&log, TAIL_LINES), log });
        }
    }

    /// The process of a part, running or not.
    pub(crate) fn process(&self, name: &str) -> Option<ProcId> {
        self.state().parts.get(name).and_then(|part| part.process)
    }

    pub(crate) fn spec(&self, name: &str) -> Result<PartSpec, PartError> {
        let state = self.state();
        let part = state.parts.get(name).ok_or_else(|| PartError::Unknown(name.to_owned()))?;
        Ok(part.spec.clone())
    }

    /// Sends a signal to a part's group.
    pub(crate) fn signal(&self, name: &str, signal: Signal) -> Result<(), PartError> {
        let spec = self.spec(name)?;
        match self.process(name) {
            Some(process) => process.signal(signal).map_err(|error| PartError::Spawn {
                part: spec.name,
                program: spec.program,
                source: error.into(),
            }),
            None => Ok(()),
        }
    }

    /// Ends a part and waits until it is gone.
    pub(crate) async fn stop(&self, name: &str, ending: Ending) -> Result<(), PartError> {
        let spec = self.spec(name)?;
        if let Some(process) = self.process(name) {
            end(&spec, process, ending).await?;
        }
        self.exit(name);
        self.change(|state| {
            if let Some(part) = state.parts.get_mut(name) {
                part.process = None;
            }
        })
    }

    /// Ends every part, the highest tier first; goes on after a part that does not end, and tells of the first.
    pub(crate) async fn stop_all(&self, ending: Ending) -> Result<(), PartError> {
        let running = self.state().running();
        let mut tiers: Vec<u8> = running.iter().map(|(spec, _)| spec.tier).collect();
        tiers.dedup();
        if ending == Ending::Now {
            tiers = vec![u8::MAX];
        }
        let mut failed = None;
        for tier in tiers {
            let of_tier = running.iter().filter(|(spec, _)| ending == Ending::Now || spec.tier == tier);
            let mut ends = tokio::task::JoinSet::new();
            for (spec, process) in of_tier.cloned() {
                ends.spawn(async move { end(&spec, process, ending).await });
            }
            while let Some(ended) = ends.join_next().await {
                if let Ok(Err(error)) = ended {
                    failed.get_or_insert(error);
                }
            }
        }
        let names: Vec<String> = running.into_iter().map(|(spec, _)| spec.name).collect();
        for name in &names {
            self.exit(name);
        }
        self.change(|state| state.parts.values_mut().for_each(|part| part.process = None))?;
        failed.map_or(Ok(()), Err)
    }

    /// Reaps a child of ours that ended, and says how.
    fn exit(&self, name: &str) -> Option<std::process::ExitStatus> {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        let status = children.get_mut(name)?.try_wait().ok().flatten();
        if status.is_some() {
            children.remove(name);
        }
        status
    }

    fn spawn(&self, spec: &PartSpec) -> Result<ProcId, PartError> {
        if let Ready::File(path) = &spec.ready {
            let _ = fs::remove_file(path);
        }
        let log = self.log(&spec.name);
        let open = || -> io::Result<_> {
            fs::create_dir_all(self.root.join("logs"))?;
            let out = fs::OpenOptions::new().create(true).append(true).open(&log)?;
            Ok((out.try_clone()?, out))
        };
        let (out, err) = open().map_err(file(&log))?;
        let mut command = Command::new(&spec.program);
        command.args(&spec.args).current_dir(&spec.cwd).stdin(Stdio::null()).stdout(out).stderr(err);
        for name in &spec.unset {
            command.env_remove(name);
        }
        // A group of its own: Ctrl-C of the terminal goes to us alone, and we end the parts in order.
        command.envs(&spec.env).process_group(0);
        if let Some((user, group)) = spec.user {
            command.uid(user).gid(group);
        }
        {
            let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
            spec.ports.iter().for_each(|name| ports.release(name));
        }
        let failed = |source| PartError::Spawn { part: spec.name.clone(), program: spec.program.clone(), source };
        let child = command.spawn().map_err(failed)?;
        let pid = i32::try_from(child.id()).unwrap_or(-1);
        let process = ProcId::of(pid).ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        self.children.lock().unwrap_or_else(PoisonError::into_inner).insert(spec.name.clone(), child);
        self.change(|state| {
            if let Some(part) = state.parts.get_mut(&spec.name) {
                part.process = Some(process);
            }
        })?;
        Ok(process)
    }
}

/// Ends one process and its group.
pub(crate) async fn end(spec: &PartSpec, process: ProcId, ending: Ending) -> Result<(), PartError> {
    let (ask, kill) = match spec.stop {
        StopWith::Terminate => (Signal::SIGTERM, Signal::SIGKILL),
        StopWith::Postgres => (Signal::SIGINT, Signal::SIGQUIT),
    };
    if ending == Ending::Orderly {
        // A failure to signal shows below: the process does not end.
        let _ = process.signal(ask);
        // A frozen process hears it only when it runs again.
        let _ = process.signal(Signal::SIGCONT);
        if process.ended_within(GRACE).await {
            return Ok(());
        }
    }
    let _ = process.signal(kill);
    if process.ended_within(GRACE).await {
        return Ok(());
    }
    let _ = process.signal(Signal::SIGKILL);
    match process.ended_within(KILL_GRACE).await {
        true => Ok(()),
        false => Err(PartError::Unkillable { part: spec.name.clone(), pid: process.pid }),
    }
}

/// The last lines of a file, backtraces left out: they are longer than the tail and hide the reason above them. Empty when the
/// file cannot be read.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let text = fs::read(path).map(|raw| String::from_utf8_lossy(&raw).into_owned()).unwrap_or_default();
    let all = without_backtraces(&text);
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}

/// Leaves out what follows the line `stack backtrace:` (Rust's panics and `anyhow`): numbered frames and their places. A list of
/// causes looks like frames, but has no such line above it.
fn without_backtraces(text: &str) -> Vec<&str> {
    let mut in_backtrace = false;
    let kept = text.lines().filter(|line| {
        let heading = line.trim().eq_ignore_ascii_case("stack backtrace:");
        in_backtrace = heading || (in_backtrace && is_frame(line));
        !in_backtrace
    });
    kept.collect()
}

fn is_frame(line: &str) -> bool {
    let text = line.trim_start();
    let numbered = |(number, _): (&str, &str)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    text.starts_with("at ") || text.split_once(": ").is_some_and(numbered)
}

#[cfg(test)]
mod tests;
