//! `stack.json`: what another process needs to find, use and end a stack.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{PartError, file};
use crate::proc::ProcId;
use crate::spec::PartSpec;

/// One part and the process that runs it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PartRecord {
    pub(crate) spec: PartSpec,
    pub(crate) process: Option<ProcId>,
}

/// The whole stack. Holds passwords of the local database, so the file is readable for its owner only.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// The process that must live for the stack to live; none in the background.
    pub(crate) owner: Option<ProcId>,
    pub(crate) ephemeral: bool,
    pub(crate) ports: BTreeMap<String, u16>,
    pub(crate) parts: BTreeMap<String, PartRecord>,
    /// What [`crate::Stack::environment`] answers.
    pub(crate) environment: BTreeMap<String, String>,
    /// Folders outside the data folder that go with an ephemeral stack.
    pub(crate) outside: Vec<PathBuf>,
}

impl State {
    /// Where the file is.
    pub(crate) fn path(root: &Path) -> PathBuf {
        root.join("stack.json")
    }

    /// Reads it; `None` when there is none, or it is not one of ours.
    pub(crate) fn read(root: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(root)).ok()?).ok()
    }

    /// Writes it as a whole.
    pub(crate) fn write(&self, root: &Path) -> Result<(), PartError> {
        let path = Self::path(root);
        let next = root.join("stack.json.new");
        let write = || {
            let _ = fs::remove_file(&next);
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            fs::rename(&next, &path)
        };
        write().map_err(file(&path))
    }

    /// Parts whose process runs, from the highest tier down.
    pub(crate) fn running(&self) -> Vec<(PartSpec, ProcId)> {
        let mut running: Vec<_> = self
            .parts
            .values()
            .filter_map(|part| {
                part.process.filter(|process| process.alive()).map(|process| (part.spec.clone(), process))
            })
            .collect();
        running.sort_by_key(|(spec, _)| std::cmp::Reverse(spec.tier));
        running
    }
}
