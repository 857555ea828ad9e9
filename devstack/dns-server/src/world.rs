//! The zones as they are served: made from configuration and records, with SOA, NS, glue and delegations.

use crate::config::Config;
use crate::faults::{Fault, FaultKind};
use crate::rdata;
use crate::records::{RecordsFile, ZoneRecords, plain, within};
use hickory_proto::rr::rdata::{NS, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// TTL of what the configuration makes, in seconds.
const INFRASTRUCTURE_TTL: u32 = 300;
/// How long a negative answer may be kept, in seconds (RFC 2308 §5): short, because people watch.
const NEGATIVE_TTL: u32 = 5;

/// Name servers with their addresses.
type NameServers = Vec<(String, IpAddr)>;

/// One zone.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    pub(crate) apex: String,
    pub(crate) servers: NameServers,
    /// Records by owner name in plain form.
    pub(crate) nodes: BTreeMap<String, Vec<Record>>,
    /// Name servers of each child zone.
    pub(crate) delegations: BTreeMap<String, NameServers>,
}

/// All zones, and what goes wrong.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) zones: Vec<Zone>,
    pub(crate) recursive: Vec<IpAddr>,
    faults: Vec<Fault>,
    /// Old versions of zones by place: the server they are served at, or every server.
    old: Vec<(Option<IpAddr>, Zone)>,
}

impl World {
    /// Builds every zone. A record that cannot be served is logged and left out.
    pub(crate) fn new(config: &Config, records: &RecordsFile, faults: Vec<Fault>) -> Self {
        let empty = ZoneRecords::default();
        let tops: BTreeSet<&str> = config.zones.iter().filter_map(|zone| zone.name.rsplit('.').next()).collect();
        let named = |addresses: &[IpAddr], suffix: &str| -> NameServers {
            addresses.iter().zip('a'..='z').map(|(address, letter)| (format!("{letter}.{suffix}"), *address)).collect()
        };
        let mut zones = vec![Zone::new("", named(&config.root, "root-servers"), &empty)];
        zones.extend(tops.iter().map(|top| Zone::new(top, named(&config.top_level, &format!("nic.{top}")), &empty)));
        for zone in &config.zones {
            zones.push(Zone::new(&zone.name, zone.name_servers(), records.get(&zone.name).unwrap_or(&empty)));
        }
        let mut old = Vec::new();
        for fault in faults.iter().filter(|fault| fault.kind == FaultKind::Old) {
            let zone = fault.zone.as_deref().and_then(|name| config.zone_of(name));
            if let (Some(zone), Some(records)) = (zone, &fault.records) {
                old.push((fault.server, Zone::new(&zone.name, zone.name_servers(), records)));
            }
        }
        let mut world = Self { zones, recursive: config.recursive.clone(), faults, old };
        world.link();
        world
    }

    /// Gives each zone its delegations, and the addresses of the name servers whose names lie in it.
    fn link(&mut self) {
        let all: Vec<(String, NameServers)> =
            self.zones.iter().map(|zone| (zone.apex.clone(), zone.servers.clone())).collect();
        let depth = |name: &str| all.iter().filter(|(apex, _)| within(name, apex)).map(|(apex, _)| apex.len()).max();
        for zone in self.zones.iter_mut().chain(self.old.iter_mut().map(|(_, zone)| zone)) {
            for (child, servers) in &all {
                let parent = all
                    .iter()
                    .filter(|(apex, _)| within(child, apex) && apex != child)
                    .max_by_key(|(apex, _)| apex.len());
                if parent.is_some_and(|(apex, _)| *apex == zone.apex) {
                    zone.delegations.insert(child.clone(), servers.clone());
                }
                for (name, address) in servers {
                    if within(name, &zone.apex) && depth(name) == Some(zone.apex.len()) {
                        zone.push(name, INFRASTRUCTURE_TTL, RData::from(*address));
                    }
                }
            }
        }
    }

    /// The zone that holds a name, deepest first, among those of one server.
    pub(crate) fn zone_at(&self, server: IpAddr, name: &str) -> Option<&Zone> {
        let serves = |zone: &&Zone| zone.servers.iter().any(|(_, address)| *address == server);
        let zone = self.zones.iter().filter(serves).filter(|zone| within(name, &zone.apex));
        zone.max_by_key(|zone| zone.apex.len()).map(|zone| self.as_seen_at(server, zone))
    }

    /// The zone that holds a name, deepest first.
    pub(crate) fn zone_of(&self, name: &str) -> &Zone {
        let zone = self.zones.iter().filter(|zone| within(name, &zone.apex)).max_by_key(|zone| zone.apex.len());
        zone.expect("the root holds every name")
    }

    /// The zone, or its old version where a fault says so.
    pub(crate) fn as_seen_at<'a>(&'a self, server: IpAddr, zone: &'a Zone) -> &'a Zone {
        let old = self.old.iter().find(|(at, old)| old.apex == zone.apex && at.is_none_or(|at| at == server));
        old.map_or(zone, |(_, old)| old)
    }

    /// What goes wrong with a question, `Old` aside.
    pub(crate) fn fault(&self, server: IpAddr, name: &str) -> Option<FaultKind> {
        let own = self.zone_of(name).servers.iter().any(|(_, address)| *address == server);
        let concerns = |fault: &&Fault| fault.kind != FaultKind::Old && fault.concerns(server, name, own);
        self.faults.iter().find(concerns).map(|fault| fault.kind)
    }
}

impl Zone {
    fn new(apex: &str, servers: NameServers, records: &ZoneRecords) -> Self {
        let mut zone = Self { apex: plain(apex), servers, nodes: BTreeMap::new(), delegations: BTreeMap::new() };
        let servers = zone.servers.clone();
        let first = servers.first().map_or("invalid", |(name, _)| name);
        // Timers as RFC 1912 §2.2 suggests; nobody transfers these zones.
        let soa =
            SOA::new(absolute(first), absolute("hostmaster.invalid"), records.serial, 3600, 900, 604_800, NEGATIVE_TTL);
        zone.push(apex, INFRASTRUCTURE_TTL, RData::SOA(soa));
        for (name, _) in &servers {
            zone.push(apex, INFRASTRUCTURE_TTL, RData::NS(NS(absolute(name))));
        }
        for (host, lines) in &records.records {
            for line in lines {
                let data = rdata::record_type(&line.kind).and_then(|kind| rdata::read(kind, &line.value));
                match (data, within(host, &zone.apex)) {
                    (Ok(data), true) => zone.push(host, line.ttl, data),
                    (Err(error), _) => tracing::warn!(%host, error, "left out a record of {}", zone.apex),
                    (Ok(_), false) => tracing::warn!(%host, "left out a record that lies outside of {}", zone.apex),
                }
            }
        }
        zone
    }

    fn push(&mut self, host: &str, ttl: u32, data: RData) {
        let host = plain(host);
        let Ok(owner) = rdata::name(&host) else { return };
        let record = Record::from_rdata(owner, ttl, data);
        let node = self.nodes.entry(host).or_default();
        if !node.contains(&record) {
            node.push(record);
        }
    }

    /// The SOA for negative answers: its TTL is the negative one (RFC 2308 §3).
    pub(crate) fn negative_soa(&self) -> Option<Record> {
        let soa = self.nodes.get(&self.apex)?.iter().find(|record| record.record_type() == RecordType::SOA)?;
        let mut soa = soa.clone();
        soa.ttl = soa.ttl.min(NEGATIVE_TTL);
        Some(soa)
    }

    /// The child zone that holds a name.
    pub(crate) fn delegation(&self, name: &str) -> Option<(&String, &NameServers)> {
        self.delegations.iter().find(|(child, _)| within(name, child))
    }
}

/// An absolute name; an unreadable one becomes `invalid.`, which the configuration's check keeps from happening.
pub(crate) fn absolute(plain_name: &str) -> Name {
    rdata::name(plain_name).unwrap_or_else(|_| rdata::name("invalid").expect("a plain label"))
}

/// NS and glue records of a delegation. Glue only for names in the delegated zone (RFC 9471).
pub(crate) fn referral(child: &str, servers: &NameServers) -> (Vec<Record>, Vec<Record>) {
    let ns = |name: &String| Record::from_rdata(absolute(child), INFRASTRUCTURE_TTL, RData::NS(NS(absolute(name))));
    let glue =
        |name: &String, address: IpAddr| Record::from_rdata(absolute(name), INFRASTRUCTURE_TTL, RData::from(address));
    (
        servers.iter().map(|(name, _)| ns(name)).collect(),
        servers.iter().filter(|(name, _)| within(name, child)).map(|(name, address)| glue(name, *address)).collect(),
    )
}
