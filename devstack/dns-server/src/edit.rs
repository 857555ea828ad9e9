//! Edits of the records file: read, change, raise the serial, replace the file by an atomic rename.

use crate::config::Config;
use crate::rdata;
use crate::records::{DEFAULT_TTL, RecordLine, RecordsFile, plain};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Why an edit was not made. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file could not be read or replaced.
    #[error("could not access {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file is not such a JSON document.
    #[error("could not read {path}")]
    Json {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// No sample zone holds the host.
    #[error("{host} lies in none of the sample zones {zones}")]
    NoZone {
        /// The host.
        host: String,
        /// The zones there are.
        zones: String,
    },
    /// The record cannot be served.
    #[error("{0}")]
    Record(String),
}

/// What an edit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The zone that was edited.
    pub zone: String,
    /// Its serial now.
    pub serial: u32,
    /// The records of the host now.
    pub records: Vec<RecordLine>,
    /// They are others than before; else the serial stayed.
    pub changed: bool,
}

/// Gives a host this one record of its type. A CNAME replaces every other record of the host, and any other type replaces
/// a CNAME, as a DNS panel would do; see [`add`] for conflicts.
///
/// # Errors
/// The host lies in no sample zone, the value does not fit the type, or the file cannot be replaced.
pub fn set(config: &Config, host: &str, kind: &str, value: &str) -> Result<Edited, EditError> {
    let line = read_line(kind, value)?;
    change(config, host, move |lines| {
        lines.retain(|old| old.kind != line.kind && old.kind != "CNAME" && line.kind != "CNAME");
        lines.push(line);
    })
}

/// Adds a record to a host and keeps all others, conflicting or not.
///
/// # Errors
/// As [`set`].
pub fn add(config: &Config, host: &str, kind: &str, value: &str) -> Result<Edited, EditError> {
    let line = read_line(kind, value)?;
    change(config, host, move |lines| {
        if !lines.contains(&line) {
            lines.push(line);
        }
    })
}

/// Removes records of a host: all, those of one type, or the one with this value.
///
/// # Errors
/// As [`set`]. Nothing to remove is no error.
pub fn unset(config: &Config, host: &str, kind: Option<&str>, value: Option<&str>) -> Result<Edited, EditError> {
    let kind = kind.map(str::to_ascii_uppercase);
    let value = value.map(plain);
    change(config, host, move |lines| {
        lines.retain(|line| {
            !(kind.as_ref().is_none_or(|kind| *kind == line.kind)
                && value.as_ref().is_none_or(|value| *value == plain(&line.value)))
        });
    })
}

/// Reads the records file; a missing one is empty.
///
/// # Errors
/// The file cannot be read or is not such a document.
pub fn read(config: &Config) -> Result<RecordsFile, EditError> {
    read_json(&config.records_file)
}

fn read_line(kind: &str, value: &str) -> Result<RecordLine, EditError> {
    let parsed = rdata::record_type(kind).map_err(EditError::Record)?;
    rdata::read(parsed, value).map_err(EditError::Record)?;
    Ok(RecordLine { kind: parsed.to_string(), value: value.to_owned(), ttl: DEFAULT_TTL })
}

fn change(config: &Config, host: &str, edit: impl FnOnce(&mut Vec<RecordLine>)) -> Result<Edited, EditError> {
    let host = plain(host);
    let zone = config.zone_of(&host).map(|zone| zone.name.clone()).ok_or_else(|| EditError::NoZone {
        host: host.clone(),
        zones: config.zones.iter().map(|zone| zone.name.as_str()).collect::<Vec<_>>().join(", "),
    })?;
    let _lock = lock(&config.records_file)?;
    let mut file = read(config)?;
    let records = file.entry(zone.clone()).or_default();
    let before = records.records.get(&host).cloned().unwrap_or_default();
    edit(records.records.entry(host.clone()).or_default());
    records.records.retain(|_, lines| !lines.is_empty());
    let after = records.records.get(&host).cloned().unwrap_or_default();
    let changed = after != before;
    records.serial = records.serial.saturating_add(u32::from(changed));
    let edited = Edited { serial: records.serial, records: after, zone, changed };
    write_json(&config.records_file, &file)?;
    Ok(edited)
}

/// Two commands at once must not lose an edit: whoever edits holds this lock.
pub(crate) fn lock(path: &Path) -> Result<std::fs::File, EditError> {
    let error = |source| EditError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(error)?;
    }
    let lock = std::fs::File::create(path.with_extension("lock")).map_err(error)?;
    lock.lock().map_err(error)?;
    Ok(lock)
}

pub(crate) fn read_json<T: DeserializeOwned + Default>(path: &Path) -> Result<T, EditError> {
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map_err(|source| EditError::Json { path: path.to_owned(), source }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(T::default()),
        Err(source) => Err(EditError::File { path: path.to_owned(), source }),
    }
}

pub(crate) fn write_json<T: Serialize>(path: &Path, content: &T) -> Result<(), EditError> {
    let error = |source| EditError::File { path: path.to_owned(), source };
    let text =
        serde_json::to_string_pretty(content).map_err(|source| EditError::Json { path: path.to_owned(), source })?;
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, text + "\n").map_err(error)?;
    std::fs::rename(&fresh, path).map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(edited: &Edited) -> Vec<&str> {
        edited.records.iter().map(|line| line.kind.as_str()).collect()
    }

    #[test]
    fn a_set_record_replaces_its_kind_and_an_alias_replaces_everything() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path(), &["a.test"]);
        set(&config, "h.a.test", "A", "127.0.0.1").unwrap();
        let edited = set(&config, "H.a.test.", "a", "127.0.0.2").unwrap();
        assert_eq!((kinds(&edited), edited.serial), (vec!["A"], 2));
        assert_eq!(kinds(&set(&config, "h.a.test", "TXT", "x").unwrap()), ["A", "TXT"]);
        assert_eq!(kinds(&set(&config, "h.a.test", "CNAME", "b.test").unwrap()), ["CNAME"]);
        assert_eq!(kinds(&add(&config, "h.a.test", "A", "127.0.0.1").unwrap()), ["CNAME", "A"]);
        assert_eq!(kinds(&unset(&config, "h.a.test", Some("cname"), Some("B.test.")).unwrap()), ["A"]);
        assert_eq!(unset(&config, "h.a.test", None, None).unwrap().records, []);
        assert_eq!(read(&config).unwrap()["a.test"].serial, 7);
    }

    #[test]
    fn a_record_that_cannot_be_served_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path(), &["a.test"]);
        assert!(matches!(set(&config, "h.b.test", "A", "127.0.0.1"), Err(EditError::NoZone { .. })));
        assert!(matches!(set(&config, "h.a.test", "A", "nonsense"), Err(EditError::Record(_))));
        assert!(read(&config).unwrap().is_empty());
    }

    #[test]
    fn edits_at_once_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path(), &["a.test"]);
        std::thread::scope(|scope| {
            for i in 0..8 {
                let config = &config;
                scope.spawn(move || set(config, &format!("h{i}.a.test"), "A", "127.0.0.1").unwrap());
            }
        });
        assert_eq!(read(&config).unwrap()["a.test"].records.len(), 8);
    }
}
