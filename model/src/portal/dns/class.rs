//! What each server shows, on its own.

use super::chain::{self, Chain, End, next_alias};
use super::{Failure, HostObservation, NameView, ServerView, Sibling, Wanted};
use crate::portal::network::plain;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What one server shows, in the order in which the worst is told first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// A CNAME beside other data; names the other types.
    AliasConflict(String),
    /// The alias chain breaks at this hop.
    ChainBad(String),
    /// This address is not public.
    Reserved(IpAddr),
    /// These addresses stand beside ours.
    Mixed(BTreeSet<IpAddr>),
    /// A is ours, this AAAA is not.
    AaaaStale(IpAddr),
    /// Other addresses.
    Elsewhere,
    /// Nothing.
    Empty,
    /// All addresses are ours, no hop is our target.
    Ours,
    /// A hop is our target.
    Target,
    /// The zone of a hop does not answer.
    Silent,
    /// Our addresses, or a hop, could not be resolved.
    Unknown,
}

/// The servers of the host's zone, judged one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    /// What each reachable address shows.
    pub(super) classes: Vec<Class>,
    /// Addresses that count: those that our own path reached or should have reached.
    pub(super) asked: usize,
    /// Addresses that our own path could not ask.
    pub(super) not_asked: usize,
    /// The host shows what a random sibling shows.
    pub(super) wildcard: Option<bool>,
    pub(super) chain: Chain,
}

/// Judges every server. `wildcard` is `None` where the sibling could not be asked.
pub(super) fn judge(seen: &HostObservation, wanted: &Wanted) -> Judged {
    let chain = chain::walk(seen, wanted);
    let mut judged = Judged { classes: Vec::new(), asked: 0, not_asked: 0, wildcard: Some(false), chain };
    let Some(host) = seen.hops.iter().find(|hop| hop.name == seen.host) else { return judged };
    let ours = our_addresses(seen);
    for server in &host.servers {
        match chain::failure(server) {
            Some(Failure::Local) => judged.not_asked += 1,
            Some(_) => judged.asked += 1,
            None => {
                judged.asked += 1;
                judged.classes.push(class(server, host, wanted, ours.as_ref(), &judged.chain));
            }
        }
    }
    judged.wildcard = wildcard(&seen.sibling, host);
    judged
}

/// The addresses of all targets; `None` when none could be resolved.
fn our_addresses(seen: &HostObservation) -> Option<BTreeSet<IpAddr>> {
    let mut known = seen.targets.iter().filter_map(|target| target.addresses.as_ref()).peekable();
    known.peek()?;
    Some(known.flatten().copied().collect())
}

fn class(
    server: &ServerView,
    host: &NameView,
    wanted: &Wanted,
    ours: Option<&BTreeSet<IpAddr>>,
    followed: &Chain,
) -> Class {
    let aliases: BTreeSet<&str> = server.cname.records().collect();
    let addresses: BTreeSet<IpAddr> = chain::own_addresses(server).collect();
    let Some(alias) = aliases.first() else {
        return if addresses.is_empty() { Class::Empty } else { class_of_addresses(&addresses, wanted, ours) };
    };
    if let Some(types) = beside_alias(server, host, aliases.len()) {
        return Class::AliasConflict(types);
    }
    if wanted.accepted_targets.iter().any(|target| target == alias) {
        return Class::Target;
    }
    if next_alias(host, &wanted.accepted_targets).as_deref() != Some(alias) {
        return Class::Elsewhere;
    }
    match &followed.end {
        End::Target(_) => Class::Target,
        End::Addresses(addresses) => class_of_addresses(addresses, wanted, ours),
        End::Broken(hop) => Class::ChainBad(hop.clone()),
        End::Silent => Class::Silent,
        End::Nothing | End::Unknown => Class::Unknown,
    }
}

/// Types that stand beside an alias (RFC 1034 §3.6.2). An apex always has SOA and NS.
fn beside_alias(server: &ServerView, host: &NameView, aliases: usize) -> Option<String> {
    let mut types = Vec::new();
    if plain(&host.zone) == plain(&host.name) {
        types.extend(["SOA", "NS"]);
    }
    if aliases > 1 {
        types.push("another CNAME");
    }
    if server.a.records().next().is_some() {
        types.push("A");
    }
    if server.aaaa.records().next().is_some() {
        types.push("AAAA");
    }
    (!types.is_empty()).then(|| types.join(", "))
}

fn class_of_addresses(addresses: &BTreeSet<IpAddr>, wanted: &Wanted, ours: Option<&BTreeSet<IpAddr>>) -> Class {
    let is_ours = |address: &IpAddr| ours.is_some_and(|ours| ours.contains(address));
    let foreign: BTreeSet<IpAddr> = addresses.iter().filter(|address| !is_ours(address)).copied().collect();
    if let Some(reserved) = foreign.iter().find(|address| !wanted.network.admits_address(**address)) {
        return Class::Reserved(*reserved);
    }
    if ours.is_none() {
        return Class::Unknown;
    }
    match foreign.first() {
        None => Class::Ours,
        Some(_) if foreign.len() == addresses.len() => Class::Elsewhere,
        Some(first) if foreign.iter().all(IpAddr::is_ipv6) => Class::AaaaStale(*first),
        Some(_) => Class::Mixed(foreign),
    }
}

/// Tells whether the host shows what a random sibling shows. A host that shows nothing is no wildcard.
fn wildcard(sibling: &Sibling, host: &NameView) -> Option<bool> {
    let shown = |server: &ServerView| -> BTreeSet<String> {
        let all = [&server.cname, &server.a, &server.aaaa];
        all.into_iter().flat_map(|answer| answer.records()).map(str::to_owned).collect()
    };
    match sibling {
        Sibling::NotAsked => Some(false),
        Sibling::Unknown => None,
        Sibling::Shows(data) => Some(!data.is_empty() && host.servers.iter().any(|server| shown(server) == *data)),
    }
}
