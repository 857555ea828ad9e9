//! What DNS says about a host, and what that means.
//!
//! The observation is raw: one answer per server and question. [`verdict`] turns it into findings of the dns and ownership
//! axes (domain-health contract, sections 5 and 6). The authoritative view decides; the recursive one only informs.

mod chain;
mod class;
mod finding;
mod ownership;

#[cfg(test)]
mod tests;

use crate::finding::Finding;
use crate::portal::axis::{DnsState, OwnershipState};
use crate::portal::network::NetworkPolicy;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::net::IpAddr;

pub use chain::{ALIASES_MAX, next_alias};

/// Why a server gave no answer that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// No answer in time.
    Timeout,
    /// RCODE 5.
    Refused,
    /// RCODE 2, or another error code.
    Servfail,
    /// An answer without authority (`AA=0`).
    Lame,
    /// An answer that cannot be read or belongs to another question.
    Malformed,
    /// The server's address is not public, so it was not asked.
    NotAdmitted,
    /// Our own path failed: no route, no socket, or a bound of ours was reached. Says nothing about the server.
    Local,
}

impl Failure {
    /// The words for evidence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "no answer in time",
            Self::Refused => "REFUSED",
            Self::Servfail => "SERVFAIL",
            Self::Lame => "not authoritative",
            Self::Malformed => "unreadable answer",
            Self::NotAdmitted => "not a public address, not asked",
            Self::Local => "could not ask",
        }
    }
}

/// Answer of one server to one question. Only records whose owner is the asked name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Record data: names and addresses in canonical form, texts with their strings joined.
    Records(BTreeSet<String>),
    /// The name exists without such records.
    NoData,
    /// NXDOMAIN.
    NoName,
    /// No answer that counts.
    Failed(Failure),
}

impl Answer {
    /// The records; none where there are none or the server failed.
    pub fn records(&self) -> impl Iterator<Item = &str> {
        let records = match self {
            Self::Records(records) => Some(records),
            Self::NoData | Self::NoName | Self::Failed(_) => None,
        };
        records.into_iter().flatten().map(String::as_str)
    }

    /// Why the server did not answer.
    pub const fn failure(&self) -> Option<Failure> {
        match self {
            Self::Failed(failure) => Some(*failure),
            Self::Records(_) | Self::NoData | Self::NoName => None,
        }
    }
}

/// What one authoritative address says about one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerView {
    /// Name and address of the server.
    pub server: String,
    /// Serial of the zone's SOA there.
    pub serial: Option<u32>,
    /// Answer to CNAME.
    pub cname: Answer,
    /// Answer to A.
    pub a: Answer,
    /// Answer to AAAA.
    pub aaaa: Answer,
}

/// What every authoritative address of a name's zone says about the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameView {
    /// The name.
    pub name: String,
    /// Apex of its zone; empty where the zone was not found.
    pub zone: String,
    /// One view per address.
    pub servers: Vec<ServerView>,
}

/// How the zone of the host was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Delegated, and its servers were asked.
    Found,
    /// The parent says that the registrable domain does not exist.
    Absent {
        /// The registrable domain.
        zone: String,
    },
    /// Delegated, and no server of it (or of its parent below the top level) answers.
    Unserved {
        /// The zone.
        zone: String,
    },
    /// We could not get there: the root or a top-level zone did not answer, or a bound of ours was reached.
    Failed,
}

/// Addresses of one accepted target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The target.
    pub name: String,
    /// Its addresses; `None` when they could not be resolved.
    pub addresses: Option<BTreeSet<IpAddr>>,
}

/// What a random sibling of the host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sibling {
    /// Not asked: the host is the apex of its zone.
    NotAsked,
    /// One answer: aliases and addresses; empty where the sibling does not exist.
    Shows(BTreeSet<String>),
    /// Could not be asked.
    Unknown,
}

/// What one public resolver says about the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecursiveView {
    /// The resolver.
    pub server: String,
    /// Its answer: aliases and addresses of the whole chain.
    pub answer: Answer,
    /// For a negative answer: how long it may be remembered, in seconds.
    pub negative_ttl: Option<u32>,
}

/// TXT at a name, as one authoritative address has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextView {
    /// Name and address of the server.
    pub server: String,
    /// Answer to TXT.
    pub answer: Answer,
}

/// Everything that one look at a host saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostObservation {
    /// The host.
    pub host: String,
    /// How its zone was found.
    pub cut: Cut,
    /// The host first, then each alias that was followed.
    pub hops: Vec<NameView>,
    /// Addresses of the accepted targets.
    pub targets: Vec<Target>,
    /// TXT at the proof name.
    pub proof: Vec<TextView>,
    /// Texts found where a panel appended the zone twice.
    pub doubled: BTreeSet<String>,
    /// A random sibling of the host.
    pub sibling: Sibling,
    /// The recursive view; empty when none is configured.
    pub recursive: Vec<RecursiveView>,
    /// When the look was made, in Unix milliseconds.
    pub at_ms: i64,
}

/// What the claim wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Names that count as our target, exact match; the first is the one that is shown.
    pub accepted_targets: Vec<String>,
    /// The claim's own target; empty when it has none.
    pub own_target: String,
    /// Owner name of the proof record.
    pub proof_name: String,
    /// Value of the proof record.
    pub proof_value: String,
    /// Another claim holds the host: only TXT or the own target prove.
    pub contended: bool,
    /// Which addresses are public.
    pub network: NetworkPolicy,
}

/// What one look means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostVerdict {
    /// Does the host lead to us?
    pub dns: Finding<DnsState>,
    /// Does the tenant control the host?
    pub ownership: Finding<OwnershipState>,
    /// `txt`, `own_target` or `canonical_host`; empty when not proven.
    pub proof_method: &'static str,
    /// Alias chain, host excluded.
    pub chain: Vec<String>,
    /// Every published address.
    pub addresses: Vec<String>,
    /// First alias, else the addresses joined by a comma; empty when there is nothing.
    pub observed: String,
    /// SHA-256 of the record data, lower-case hex; independent of the order of servers and of time.
    pub evidence_digest: String,
}

/// Judges one look at a host.
///
/// Total, and independent of the order of servers. A hop that equals an accepted target is enough for `correct`; addresses
/// that are ours are enough together with a proof of ownership. At least half of the addresses must be reachable, and all
/// reachable ones agree. A failure of our own path is `unknown`.
/// Reason codes: all of `DNS_*` except those of proxies and DNSSEC; `OWNERSHIP_TXT_*`; `CLAIM_CONTENDED`.
pub fn verdict(seen: &HostObservation, wanted: &Wanted) -> HostVerdict {
    let judged = class::judge(seen, wanted);
    let owner = ownership::judge(seen, wanted, &judged);
    let dns = finding::dns(seen, wanted, &judged, &owner);
    let chain = chain::walk(seen, wanted);
    let addresses = chain::published(seen, &chain);
    let observed = chain::observed(seen, wanted);
    HostVerdict {
        dns,
        proof_method: owner.method,
        ownership: owner.finding,
        chain: chain.names,
        addresses,
        observed,
        evidence_digest: digest(seen),
    }
}

/// Digest of names, types and data, without servers, times and failures: a server that fails for a moment is no news.
fn digest(seen: &HostObservation) -> String {
    let mut lines = BTreeSet::new();
    for hop in &seen.hops {
        for view in &hop.servers {
            for (kind, answer) in [("CNAME", &view.cname), ("A", &view.a), ("AAAA", &view.aaaa)] {
                lines.extend(answer.records().map(|data| format!("{} {kind} {data}\n", hop.name)));
            }
        }
    }
    lines.extend(seen.proof.iter().flat_map(|view| view.answer.records()).map(|text| format!("TXT {text}\n")));
    let mut hash = Sha256::new();
    lines.iter().for_each(|line| hash.update(line));
    data_encoding::HEXLOWER.encode(&hash.finalize())
}
