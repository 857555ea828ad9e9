//! The records file.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// TTL of a record that names none, in seconds: short, because people watch.
pub const DEFAULT_TTL: u32 = 60;

/// The whole file: records by zone.
pub type RecordsFile = BTreeMap<String, ZoneRecords>;

/// The records of one zone. SOA, NS of the apex and glue are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneRecords {
    /// Serial of the SOA; raised by every edit.
    #[serde(default)]
    pub serial: u32,
    /// Records by owner name.
    #[serde(default)]
    pub records: BTreeMap<String, Vec<RecordLine>>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordLine {
    /// A, AAAA, CNAME, TXT, CAA, MX, NS, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Record data in presentation form; TXT without quotes.
    pub value: String,
    /// Seconds.
    #[serde(default = "default_ttl")]
    pub ttl: u32,
}

fn default_ttl() -> u32 {
    DEFAULT_TTL
}

/// Lower case, without the trailing dot; the root is the empty string.
pub(crate) fn plain(name: &str) -> String {
    let name = name.trim();
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Tells whether a name equals a zone or lies below it. Both in plain form, or with other case or a trailing dot.
pub(crate) fn within(name: &str, zone: &str) -> bool {
    let (name, zone) = (plain(name), plain(zone));
    zone.is_empty() || name == zone || name.strip_suffix(zone.as_str()).is_some_and(|rest| rest.ends_with('.'))
}
