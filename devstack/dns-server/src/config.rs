//! What the server serves, and where.

use crate::records::{plain, within};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// Port of every address when the configuration names none: high, so that no privilege is needed.
pub const DEFAULT_PORT: u16 = 15353;
/// Last octet of the first name server of the first zone; two servers for each zone follow.
const FIRST_ZONE_SERVER: u8 = 45;
/// Last octet of the recursive view.
const RECURSIVE: u8 = 53;

/// The configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Port of every address, UDP and TCP; 0 takes a free one.
    #[serde(default = "default_port")]
    pub port: u16,
    /// Addresses of the root servers.
    #[serde(default = "default_root")]
    pub root: Vec<IpAddr>,
    /// Addresses of the servers of every top-level zone.
    #[serde(default = "default_top_level")]
    pub top_level: Vec<IpAddr>,
    /// Addresses of the recursive view; empty for none.
    #[serde(default = "default_recursive")]
    pub recursive: Vec<IpAddr>,
    /// The sample zones.
    pub zones: Vec<ZoneConfig>,
    /// The records of all zones.
    pub records_file: PathBuf,
    /// The faults in force.
    pub faults_file: PathBuf,
}

/// One sample zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneConfig {
    /// Apex of the zone.
    pub name: String,
    /// Addresses of its name servers; empty for the next two of the default range.
    #[serde(default)]
    pub servers: Vec<IpAddr>,
    /// Names of its name servers, one per address; empty for `ns1.<zone>`, `ns2.<zone>`, ….
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_names: Vec<String>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read or written.
    #[error("could not access {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file is not such a JSON document.
    #[error("could not read {path} as configuration")]
    Json {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// The content contradicts itself.
    #[error("{0}")]
    Content(String),
}

impl Config {
    /// The default addresses and port for the given zones, with `records.json` and `faults.json` in `folder`.
    pub fn new(folder: &Path, zones: &[&str]) -> Self {
        let zone = |name: &&str| ZoneConfig { name: plain(name), servers: Vec::new(), server_names: Vec::new() };
        let config = Self {
            port: DEFAULT_PORT,
            root: default_root(),
            top_level: default_top_level(),
            recursive: default_recursive(),
            zones: zones.iter().map(zone).collect(),
            records_file: folder.join("records.json"),
            faults_file: folder.join("faults.json"),
        };
        config.filled()
    }

    /// Reads a configuration file and fills in what it leaves out.
    ///
    /// # Errors
    /// The file cannot be read, is not such a document, or names no zone, a zone without a dot, or a zone with another
    /// number of server names than of servers.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
        let mut config: Self =
            serde_json::from_str(&text).map_err(|source| ConfigError::Json { path: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        config.records_file = folder.join(&config.records_file);
        config.faults_file = folder.join(&config.faults_file);
        let config = config.filled();
        config.check()?;
        Ok(config)
    }

    /// Writes the configuration, and its folder where it is missing.
    ///
    /// # Errors
    /// The file cannot be written, or the content would not be readable again.
    pub fn write(&self, path: &Path) -> Result<(), ConfigError> {
        self.check()?;
        let mut absolute = self.clone();
        let error = |source| ConfigError::File { path: path.to_owned(), source };
        absolute.records_file = std::path::absolute(&self.records_file).map_err(error)?;
        absolute.faults_file = std::path::absolute(&self.faults_file).map_err(error)?;
        let text = serde_json::to_string_pretty(&absolute)
            .map_err(|source| ConfigError::Json { path: path.to_owned(), source })?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(error)?;
        }
        std::fs::write(path, text + "\n").map_err(error)
    }

    /// Every address to listen on, each once.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let zones = self.zones.iter().flat_map(|zone| &zone.servers);
        let mut all: Vec<IpAddr> =
            self.root.iter().chain(&self.top_level).chain(&self.recursive).chain(zones).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The deepest zone that holds the host.
    pub fn zone_of(&self, host: &str) -> Option<&ZoneConfig> {
        self.zones.iter().filter(|zone| within(host, &zone.name)).max_by_key(|zone| zone.name.len())
    }

    /// Gives every zone its name servers.
    fn filled(mut self) -> Self {
        let mut next = (FIRST_ZONE_SERVER..=u8::MAX).filter(|octet| *octet != RECURSIVE);
        for zone in &mut self.zones {
            zone.name = plain(&zone.name);
            let pair: Vec<IpAddr> = next.by_ref().take(2).map(loopback).collect();
            if zone.servers.is_empty() {
                zone.servers = pair;
            }
            zone.server_names = zone.server_names.iter().map(|name| plain(name)).collect();
        }
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let bad = |text: String| Err(ConfigError::Content(text));
        if self.zones.is_empty() || self.root.is_empty() || self.top_level.is_empty() {
            return bad("at least one zone, one root server and one top-level server are needed".to_owned());
        }
        for zone in &self.zones {
            if !zone.name.contains('.') || zone.name.split('.').any(str::is_empty) {
                return bad(format!("zone {:?} needs two labels", zone.name));
            }
            if zone.servers.is_empty() {
                return bad(format!("no addresses are left for the servers of zone {}", zone.name));
            }
            if !zone.server_names.is_empty() && zone.server_names.len() != zone.servers.len() {
                return bad(format!("zone {} needs one server name per server", zone.name));
            }
            if self.zones.iter().filter(|other| other.name == zone.name).count() > 1 {
                return bad(format!("zone {} is listed twice", zone.name));
            }
        }
        Ok(())
    }
}

impl ZoneConfig {
    /// Names and addresses of the name servers.
    pub fn name_servers(&self) -> Vec<(String, IpAddr)> {
        let name = |i: usize| match self.server_names.get(i) {
            Some(name) => name.clone(),
            None => format!("ns{}.{}", i + 1, self.name),
        };
        self.servers.iter().enumerate().map(|(i, address)| (name(i), *address)).collect()
    }
}

fn loopback(octet: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, octet))
}

fn default_port() -> u16 {
    DEFAULT_PORT
}

fn default_root() -> Vec<IpAddr> {
    vec![loopback(41), loopback(42)]
}

fn default_top_level() -> Vec<IpAddr> {
    vec![loopback(43), loopback(44)]
}

fn default_recursive() -> Vec<IpAddr> {
    vec![loopback(RECURSIVE)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_zone_gets_two_servers_and_none_is_the_recursive_view() {
        let names: Vec<String> = (0..6).map(|i| format!("z{i}.test")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let config = Config::new(Path::new("x"), &names);
        assert_eq!(config.zones[0].servers, [loopback(45), loopback(46)]);
        assert!(config.zones.iter().all(|zone| zone.servers.len() == 2 && !zone.servers.contains(&loopback(53))));
        assert_eq!(config.addresses().len(), 2 + 2 + 1 + 12);
    }

    #[test]
    fn a_short_file_is_filled_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, r#"{"zones":[{"name":"A.test."}],"records_file":"r.json","faults_file":"f.json"}"#)
            .unwrap();
        let config = Config::read(&path).unwrap();
        assert_eq!((config.port, config.zones[0].name.as_str()), (DEFAULT_PORT, "a.test"));
        assert_eq!(config.records_file, folder.path().join("r.json"));
        config.write(&path).unwrap();
        assert_eq!(Config::read(&path).unwrap(), config);
    }

    #[test]
    fn contradictions_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path(), &["a.test"]);
        config.zones[0].server_names = vec!["ns.b.test".to_owned()];
        assert!(config.check().unwrap_err().to_string().contains("one server name per server"));
        assert!(Config::new(folder.path(), &["a.test", "a.test"]).check().is_err());
        assert!(Config::new(folder.path(), &["test"]).check().is_err());
    }
}
