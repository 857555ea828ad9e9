//! The alias chain: which alias is followed, where it ends, and what the host shows.

use super::{Answer, HostObservation, NameView, ServerView, Wanted};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Most aliases that are followed (domain-health contract, section 5).
pub const ALIASES_MAX: usize = 8;

/// Where the chain of a host ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// At an accepted target.
    Target(String),
    /// At addresses.
    Addresses(BTreeSet<IpAddr>),
    /// Nowhere: a loop, too many aliases, or a hop without records. Names the hop.
    Broken(String),
    /// At the host itself, which has no records.
    Nothing,
    /// Every server of a hop's zone failed.
    Silent,
    /// It was not followed to its end.
    Unknown,
}

/// The chain of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    /// Every alias, in order, host excluded.
    pub(super) names: Vec<String>,
    pub(super) end: End,
}

/// The alias that is followed from a name: an accepted target if any server shows one, else the one that most servers show,
/// the smallest of equals.
pub fn next_alias(view: &NameView, accepted_targets: &[String]) -> Option<String> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for alias in view.servers.iter().flat_map(|server| server.cname.records()) {
        *votes.entry(alias).or_default() += 1;
    }
    let accepted = votes.keys().find(|alias| accepted_targets.iter().any(|target| target == *alias));
    let most = votes.values().max();
    accepted
        .or_else(|| votes.iter().find(|(_, count)| Some(*count) == most).map(|(alias, _)| alias))
        .map(|a| (*a).to_owned())
}

/// Follows the chain through the views that were taken.
pub(super) fn walk(seen: &HostObservation, wanted: &Wanted) -> Chain {
    let mut chain = Chain { names: Vec::new(), end: End::Unknown };
    let mut name = seen.host.as_str();
    let mut visited = BTreeSet::from([name]);
    loop {
        let Some(view) = seen.hops.iter().find(|hop| hop.name == name) else { return chain };
        let Some(alias) = next_alias(view, &wanted.accepted_targets) else {
            chain.end = end_without_alias(view, name == seen.host);
            return chain;
        };
        chain.names.push(alias.clone());
        if chain.names.len() > ALIASES_MAX {
            chain.end = End::Broken(alias);
            return chain;
        }
        if wanted.accepted_targets.contains(&alias) {
            chain.end = End::Target(alias);
            return chain;
        }
        let Some(next) = seen.hops.iter().find(|hop| hop.name == alias) else {
            chain.end = if visited.contains(alias.as_str()) { End::Broken(alias) } else { End::Unknown };
            return chain;
        };
        name = &next.name;
        if !visited.insert(name) {
            chain.end = End::Broken(alias);
            return chain;
        }
    }
}

fn end_without_alias(view: &NameView, is_host: bool) -> End {
    let addresses: BTreeSet<IpAddr> = view.servers.iter().flat_map(own_addresses).collect();
    let answered = view.servers.iter().any(|server| failure(server).is_none());
    match (addresses.is_empty(), answered, is_host) {
        (false, _, _) => End::Addresses(addresses),
        (true, false, _) => End::Silent,
        (true, true, true) => End::Nothing,
        (true, true, false) => End::Broken(view.name.clone()),
    }
}

/// The addresses that a server shows at the name itself.
pub(super) fn own_addresses(server: &ServerView) -> impl Iterator<Item = IpAddr> {
    server.a.records().chain(server.aaaa.records()).filter_map(|text| text.parse().ok())
}

/// The failure of a server: it counts as reached only when it answered all three questions.
pub(super) fn failure(server: &ServerView) -> Option<super::Failure> {
    [&server.cname, &server.a, &server.aaaa].into_iter().filter_map(Answer::failure).max()
}

/// Every published address, in order.
pub(super) fn published(seen: &HostObservation, chain: &Chain) -> Vec<String> {
    let found: BTreeSet<IpAddr> = match &chain.end {
        End::Target(target) => {
            let target = seen.targets.iter().filter(|known| known.name == *target);
            target.filter_map(|known| known.addresses.as_ref()).flatten().copied().collect()
        }
        End::Addresses(addresses) => addresses.clone(),
        End::Broken(_) | End::Nothing | End::Silent | End::Unknown => BTreeSet::new(),
    };
    found.iter().map(IpAddr::to_string).collect()
}

/// What the host shows: its first alias, else its addresses joined by a comma.
pub(super) fn observed(seen: &HostObservation, wanted: &Wanted) -> String {
    let Some(host) = seen.hops.iter().find(|hop| hop.name == seen.host) else { return String::new() };
    next_alias(host, &wanted.accepted_targets).unwrap_or_else(|| {
        let addresses: BTreeSet<IpAddr> = host.servers.iter().flat_map(own_addresses).collect();
        addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(",")
    })
}
