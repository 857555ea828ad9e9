//! The world of now: files are looked at before every query and read again when they changed.

use crate::config::Config;
use crate::edit::{self, EditError};
use crate::faults::{self, Fault};
use crate::records::RecordsFile;
use crate::world::World;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// What tells two versions of a file apart. The inode is part of it, because an edit replaces the file within a tick.
type Stamp = Option<(u64, i64, i64, u64)>;

/// The files and what was made of them.
pub(crate) struct Live {
    config: Config,
    stamps: (Stamp, Stamp),
    records: RecordsFile,
    faults: Vec<Fault>,
    world: Arc<World>,
}

impl Live {
    /// Reads both files.
    ///
    /// # Errors
    /// A file that exists cannot be read.
    pub(crate) fn new(config: Config) -> Result<Self, EditError> {
        let stamps = (stamp(&config.records_file), stamp(&config.faults_file));
        let (records, faults) = (edit::read(&config)?, faults::read(&config)?);
        let world = Arc::new(World::new(&config, &records, faults.clone()));
        Ok(Self { config, stamps, records, faults, world })
    }

    /// The world of now. A file that cannot be read leaves the last good content in force.
    pub(crate) fn now(&mut self) -> Arc<World> {
        let stamps = (stamp(&self.config.records_file), stamp(&self.config.faults_file));
        if stamps != self.stamps {
            self.stamps = stamps;
            match edit::read(&self.config) {
                Ok(fresh) => self.records = with_grown_serials(&self.records, fresh),
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "kept the last good records"),
            }
            match faults::read(&self.config) {
                Ok(fresh) => self.faults = fresh,
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "kept the last good faults"),
            }
            self.world = Arc::new(World::new(&self.config, &self.records, self.faults.clone()));
        }
        Arc::clone(&self.world)
    }
}

/// A zone that changed without a greater serial gets the next one: secondaries and our own checks look at it.
fn with_grown_serials(before: &RecordsFile, mut fresh: RecordsFile) -> RecordsFile {
    let none = BTreeMap::new();
    for (zone, records) in &mut fresh {
        if let Some(old) = before.get(zone) {
            let changed = old.records != records.records;
            if records.serial < old.serial || (changed && records.serial == old.serial) {
                records.serial = old.serial + u32::from(changed);
            }
        } else if records.records != none {
            records.serial = records.serial.max(1);
        }
    }
    fresh
}

fn stamp(path: &Path) -> Stamp {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.len()))
}
