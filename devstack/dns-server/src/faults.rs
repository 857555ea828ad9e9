//! The faults file: what goes wrong, and where.

use crate::config::Config;
use crate::edit::{EditError, lock, read_json, write_json};
use crate::records::{ZoneRecords, plain, within};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// RCODE 2.
    Servfail,
    /// No answer.
    Timeout,
    /// Empty UDP answers with `TC=1`.
    Truncate,
    /// `AA=0` and no data.
    Lame,
    /// RCODE 5.
    Refuse,
    /// The zone as it was when the fault was set.
    Old,
}

/// One fault. Every scope that is given must match; one without any scope concerns every server of every sample zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only at this address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<IpAddr>,
    /// Only for names in this zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Only for this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// For [`FaultKind::Old`]: the zone's records then. Filled by [`set`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<ZoneRecords>,
}

impl Fault {
    /// A fault everywhere.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, server: None, zone: None, host: None, records: None }
    }

    /// Limits the fault to one server address.
    #[must_use]
    pub fn at(mut self, server: IpAddr) -> Self {
        self.server = Some(server);
        self
    }

    /// Limits the fault to the names of one zone.
    #[must_use]
    pub fn in_zone(mut self, zone: &str) -> Self {
        self.zone = Some(plain(zone));
        self
    }

    /// Limits the fault to one name.
    #[must_use]
    pub fn for_host(mut self, host: &str) -> Self {
        self.host = Some(plain(host));
        self
    }

    /// Tells whether the fault concerns a question. `own` says that the asked server is authoritative for the name itself
    /// (no referral): a fault without a server concerns only those, so that the way to the zone stays open.
    pub(crate) fn concerns(&self, server: IpAddr, name: &str, own: bool) -> bool {
        self.server.map_or(own, |only| only == server)
            && self.zone.as_ref().is_none_or(|zone| within(name, zone))
            && self.host.as_ref().is_none_or(|host| plain(host) == name)
    }

    fn same_place(&self, other: &Self) -> bool {
        self.server == other.server && self.zone == other.zone && self.host == other.host
    }
}

/// Puts a fault in force; an earlier one at the same place is replaced.
///
/// # Errors
/// `Old` without a zone or a host of a sample zone, or a file that cannot be read or replaced.
pub fn set(config: &Config, mut fault: Fault) -> Result<(), EditError> {
    if fault.kind == FaultKind::Old {
        let name = fault.zone.clone().or_else(|| fault.host.clone()).unwrap_or_default();
        let zone = config.zone_of(&name).ok_or_else(|| {
            EditError::Record(format!("an old zone needs the name of a sample zone, and {name:?} is in none"))
        })?;
        fault.zone = Some(zone.name.clone());
        fault.host = None;
        fault.records = Some(crate::edit::read(config)?.remove(&zone.name).unwrap_or_default());
    }
    change(config, |faults| {
        faults.retain(|old| !old.same_place(&fault));
        faults.push(fault);
    })
}

/// Lifts the faults at the place of the given one, or every fault.
///
/// # Errors
/// The file cannot be read or replaced.
pub fn clear(config: &Config, place: Option<&Fault>) -> Result<(), EditError> {
    change(config, |faults| faults.retain(|old| place.is_some_and(|place| !old.same_place(place))))
}

/// Reads the faults in force; a missing file has none.
///
/// # Errors
/// The file cannot be read or is not such a document.
pub fn read(config: &Config) -> Result<Vec<Fault>, EditError> {
    read_json(&config.faults_file)
}

fn change(config: &Config, edit: impl FnOnce(&mut Vec<Fault>)) -> Result<(), EditError> {
    let _lock = lock(&config.faults_file)?;
    let mut faults = read(config)?;
    edit(&mut faults);
    write_json(&config.faults_file, &faults)
}
