//! Answers of a name server and of the recursive view (RFC 1034 §4.3.2), without sockets.

use crate::faults::FaultKind;
use crate::records::plain;
use crate::world::{World, Zone, absolute, referral};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, Record, RecordType};
use std::net::IpAddr;

/// Most aliases that one answer follows; the usual bound of resolvers is about 16.
const ALIASES_MAX: usize = 16;

/// An answer before it is put on the wire.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: ResponseCode,
    pub(crate) authoritative: bool,
    pub(crate) recursion_available: bool,
    pub(crate) answers: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
    pub(crate) additionals: Vec<Record>,
}

impl Reply {
    pub(crate) fn empty(code: ResponseCode) -> Self {
        Self {
            code,
            authoritative: false,
            recursion_available: false,
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
        }
    }
}

/// What one zone says about one name and type.
enum Found {
    Records(Vec<Record>),
    Alias(Box<Record>, String),
    NoData,
    NoName,
}

/// Answers as a name server does: data with `AA=1`, a referral, or REFUSED.
pub(crate) fn authoritative(world: &World, server: IpAddr, name: &str, kind: RecordType) -> Reply {
    let mut reply = Reply::empty(ResponseCode::NoError);
    let Some(zone) = world.zone_at(server, name) else {
        return Reply::empty(ResponseCode::Refused);
    };
    if let Some((child, servers)) = zone.delegation(name) {
        (reply.authorities, reply.additionals) = referral(child, servers);
        return reply;
    }
    reply.authoritative = true;
    let mut asked = plain(name);
    // Aliases are followed inside the zone only, as other servers do; a loop ends with what was collected.
    for _ in 0..ALIASES_MAX {
        match find(zone, &asked, kind) {
            Found::Records(records) => {
                reply.answers.extend(records);
                return reply;
            }
            Found::Alias(record, target) => {
                let looped = reply.answers.contains(&record);
                if !looped {
                    reply.answers.push(*record);
                }
                if looped || !crate::records::within(&target, &zone.apex) || zone.delegation(&target).is_some() {
                    return reply;
                }
                asked = target;
            }
            Found::NoData => {
                reply.authorities.extend(zone.negative_soa());
                return reply;
            }
            Found::NoName => {
                reply.code = ResponseCode::NXDomain;
                reply.authorities.extend(zone.negative_soa());
                return reply;
            }
        }
    }
    reply
}

/// Answers as a resolver does that has just looked: `RA=1`, aliases followed through every zone, SERVFAIL where no name
/// server of a zone would answer, and for loops.
pub(crate) fn recursive(world: &World, server: IpAddr, name: &str, kind: RecordType) -> Reply {
    let mut reply = Reply::empty(ResponseCode::NoError);
    reply.recursion_available = true;
    let failed = || {
        let mut reply = Reply::empty(ResponseCode::ServFail);
        reply.recursion_available = true;
        reply
    };
    let mut asked = plain(name);
    for _ in 0..ALIASES_MAX {
        let Some(zone) = seen_by_resolver(world, server, &asked) else { return failed() };
        match find(zone, &asked, kind) {
            Found::Records(records) => {
                reply.answers.extend(records);
                return reply;
            }
            Found::Alias(record, target) => {
                reply.answers.push(*record);
                asked = target;
            }
            Found::NoData => {
                reply.authorities.extend(zone.negative_soa());
                return reply;
            }
            Found::NoName => {
                reply.code = ResponseCode::NXDomain;
                reply.authorities.extend(zone.negative_soa());
                return reply;
            }
        }
    }
    failed()
}

/// The zone as the first name server that answers has it, or as the resolver itself remembers it.
fn seen_by_resolver<'a>(world: &'a World, resolver: IpAddr, name: &str) -> Option<&'a Zone> {
    let zone = world.zone_of(name);
    let answers = |address: IpAddr| match world.fault(address, name) {
        None | Some(FaultKind::Truncate | FaultKind::Old) => true,
        Some(FaultKind::Servfail | FaultKind::Timeout | FaultKind::Lame | FaultKind::Refuse) => false,
    };
    let (_, address) = zone.servers.iter().find(|(_, address)| answers(*address))?;
    let remembered = world.as_seen_at(resolver, zone);
    Some(if std::ptr::eq(remembered, zone) { world.as_seen_at(*address, zone) } else { remembered })
}

fn find(zone: &Zone, name: &str, kind: RecordType) -> Found {
    let node = match zone.nodes.get(name) {
        Some(node) => node.clone(),
        None if zone.nodes.keys().any(|other| other.ends_with(&format!(".{name}"))) => return Found::NoData,
        None => match wildcard(zone, name) {
            Some(node) => node,
            None => return Found::NoName,
        },
    };
    let matching: Vec<Record> = node.iter().filter(|record| record.record_type() == kind).cloned().collect();
    if !matching.is_empty() {
        return Found::Records(matching);
    }
    let alias = node.iter().find_map(|record| {
        let RData::CNAME(target) = &record.data else { return None };
        Some((Box::new(record.clone()), plain(&target.0.to_ascii())))
    });
    alias.map_or(Found::NoData, |(record, target)| Found::Alias(record, target))
}

/// Records of the wildcard at the closest encloser (RFC 4592 §3.3.1), with the asked name as owner.
fn wildcard(zone: &Zone, name: &str) -> Option<Vec<Record>> {
    let mut encloser = name;
    loop {
        encloser = encloser.split_once('.').map(|(_, rest)| rest)?;
        if let Some(node) = zone.nodes.get(&format!("*.{encloser}")) {
            let owner = absolute(name);
            let renamed = node.iter().cloned().map(|mut record| {
                record.name = owner.clone();
                record
            });
            return Some(renamed.collect());
        }
        let exists = zone.nodes.contains_key(encloser)
            || zone.nodes.keys().any(|other| other.ends_with(&format!(".{encloser}")));
        if exists || encloser == zone.apex {
            return None;
        }
    }
}
