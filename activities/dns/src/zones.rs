//! From the root to a zone: referrals, glue, and the addresses of name servers in other zones.

use crate::budget::Budget;
use crate::exchange::{Question, Recursion, ask};
use crate::names;
use crate::settings::{NESTED_MAX, REFERRALS_MAX, STAGGER, Settings, UPPER_SERVERS_MAX};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, RecordType};
use model::portal::dns::Failure;
use model::portal::network::is_within;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::time::sleep;

/// One authoritative address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NameServer {
    pub(crate) name: String,
    pub(crate) address: IpAddr,
}

impl NameServer {
    /// Name and address, for evidence.
    pub(crate) fn label(&self) -> String {
        format!("{} ({})", self.name, self.address)
    }
}

/// A zone and its servers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Zone {
    /// Plain form; the root is empty.
    pub(crate) apex: String,
    pub(crate) servers: Vec<NameServer>,
    /// Servers that failed on the way; they are not asked again in this look.
    pub(crate) failed: BTreeMap<IpAddr, Failure>,
    /// A server of the zone said that the name does not exist.
    pub(crate) no_such_name: bool,
}

/// Why a zone was not reached.
#[derive(Debug, Clone)]
pub(crate) enum Unreached {
    /// The zone is delegated, and no server of it answers, or none has an address.
    Silent(Box<Zone>),
    /// The root or a top-level zone did not answer, or a bound of ours was reached.
    Ours,
}

/// The questions of one look, with what it learned of zones on the way.
pub(crate) struct Walk<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) budget: Budget,
    known: Mutex<BTreeMap<String, Arc<Zone>>>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        let servers =
            settings.root_hints.iter().map(|address| NameServer { name: "root".to_owned(), address: *address });
        let root = Zone { servers: servers.collect(), ..Zone::default() };
        let known = Mutex::new(BTreeMap::from([(String::new(), Arc::new(root))]));
        Self { settings, budget: Budget::new(settings.max_queries, settings.overall), known }
    }

    /// Asks one authoritative address, if the network policy admits it.
    pub(crate) async fn ask(&self, server: IpAddr, name: &str, kind: RecordType) -> Result<Message, Failure> {
        if !self.settings.network.admits_address(server) {
            return Err(Failure::NotAdmitted);
        }
        let name = names::wire(name).ok_or(Failure::Local)?;
        let question = Question { name: &name, kind, recursion: Recursion::Off };
        ask(self.settings, &self.budget, SocketAddr::new(server, self.settings.authoritative_port), question).await
    }

    /// Finds the zone that a name lies in, starting from the deepest zone that is known already.
    pub(crate) fn zone_of<'w>(&'w self, name: &'w str, depth: usize) -> BoxFuture<'w, Result<Zone, Unreached>> {
        async move {
            let mut zone = self.deepest_known(name);
            for _ in 0..REFERRALS_MAX {
                let (answer, failed) = self.first_answer(&zone, name).await;
                let mut here = (*zone).clone();
                here.failed.extend(failed);
                let Some(answer) = answer else { return Err(self.unreached(here)) };
                if answer.metadata.authoritative {
                    here.no_such_name = answer.metadata.response_code == ResponseCode::NXDomain;
                    here.apex = deeper_apex(&answer, name, &here.apex).unwrap_or(here.apex);
                    return Ok(here);
                }
                let Some((apex, servers)) = referral(&answer, name, &zone.apex) else {
                    return Err(self.unreached(here));
                };
                let servers = self.with_addresses(servers, depth).await;
                let next = Zone { apex: apex.clone(), servers, ..Zone::default() };
                if next.servers.is_empty() {
                    return Err(self.unreached(next));
                }
                zone = Arc::new(next);
                if let Ok(mut known) = self.known.lock() {
                    known.insert(apex, Arc::clone(&zone));
                }
            }
            Err(Unreached::Ours)
        }
        .boxed()
    }

    fn deepest_known(&self, name: &str) -> Arc<Zone> {
        let Ok(known) = self.known.lock() else { return Arc::default() };
        let above = known.values().filter(|zone| zone.apex.is_empty() || is_within(name, &zone.apex));
        above.max_by_key(|zone| zone.apex.len()).cloned().unwrap_or_default()
    }

    /// The first usable answer of a zone's servers to SOA, which tells the apex also where one server has parent and
    /// child. Servers are asked one after another, the next beside one that is slow; those that failed are returned.
    async fn first_answer(&self, zone: &Zone, name: &str) -> (Option<Message>, BTreeMap<IpAddr, Failure>) {
        let most = if is_upper(&zone.apex) { UPPER_SERVERS_MAX } else { usize::MAX };
        let mut failed = BTreeMap::new();
        let mut waiting = zone.servers.iter().take(most);
        let mut asked = FuturesUnordered::new();
        loop {
            if let Some(server) = waiting.next() {
                asked.push(async move { (server.address, self.ask(server.address, name, RecordType::SOA).await) });
            } else if asked.is_empty() {
                return (None, failed);
            }
            let pause = async { if waiting.len() == 0 { std::future::pending().await } else { sleep(STAGGER).await } };
            let result = tokio::select! {
                result = asked.next() => result,
                () = pause => None,
            };
            match result {
                Some((_, Ok(answer))) if usable(&answer, name, &zone.apex) => return (Some(answer), failed),
                Some((address, Ok(_))) => drop(failed.insert(address, Failure::Lame)),
                Some((address, Err(failure))) => drop(failed.insert(address, failure)),
                None => {}
            }
        }
    }

    /// A zone above what tenants can own that does not answer means that our own path fails.
    fn unreached(&self, zone: Zone) -> Unreached {
        let only_ours = !zone.failed.is_empty() && zone.failed.values().all(|failure| *failure == Failure::Local);
        if is_upper(&zone.apex) || only_ours { Unreached::Ours } else { Unreached::Silent(Box::new(zone)) }
    }

    /// Gives name servers without glue their addresses, each through its own zone.
    async fn with_addresses(&self, servers: BTreeMap<String, BTreeSet<IpAddr>>, depth: usize) -> Vec<NameServer> {
        let mut found = Vec::new();
        for (name, glue) in servers {
            let addresses = match (glue.is_empty(), depth < NESTED_MAX) {
                (false, _) => glue,
                (true, true) => self.addresses_of(&name, depth + 1).await.unwrap_or_default(),
                (true, false) => BTreeSet::new(),
            };
            found.extend(addresses.into_iter().map(|address| NameServer { name: name.clone(), address }));
        }
        found
    }
}

/// The root, or a public suffix: zones that no tenant runs.
fn is_upper(apex: &str) -> bool {
    apex.is_empty() || psl::suffix_str(apex) == Some(apex)
}

/// An answer with authority, or a referral towards the name.
fn usable(answer: &Message, name: &str, zone: &str) -> bool {
    answer.metadata.authoritative || referral(answer, name, zone).is_some()
}

/// Zone and name servers of a referral: NS records for a zone below this one and above or at the name. Glue counts only for
/// names inside the referring zone (RFC 5452 §6); all other addresses are looked up.
fn referral(answer: &Message, name: &str, zone: &str) -> Option<(String, BTreeMap<String, BTreeSet<IpAddr>>)> {
    let mut servers: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
    let mut apex: Option<String> = None;
    for record in &answer.authorities {
        let RData::NS(server) = &record.data else { continue };
        let owner = names::of(&record.name);
        let below = owner.len() > zone.len() && (zone.is_empty() || is_within(&owner, zone));
        if below && is_within(name, &owner) && apex.as_ref().is_none_or(|apex| *apex == owner) {
            servers.entry(names::of(&server.0)).or_default();
            apex = Some(owner);
        }
    }
    for record in &answer.additionals {
        let owner = names::of(&record.name);
        let trusted = zone.is_empty() || is_within(&owner, zone);
        if let (true, Some(addresses), Some(address)) = (trusted, servers.get_mut(&owner), names::address(record)) {
            addresses.insert(address);
        }
    }
    apex.map(|apex| (apex, servers))
}

/// The apex that an SOA names, where it lies deeper than the zone that was asked.
fn deeper_apex(answer: &Message, name: &str, zone: &str) -> Option<String> {
    let soas = answer.answers.iter().chain(&answer.authorities);
    let owners = soas.filter(|record| record.record_type() == RecordType::SOA).map(|record| names::of(&record.name));
    owners.filter(|owner| owner.len() > zone.len() && is_within(name, owner)).max_by_key(String::len)
}
