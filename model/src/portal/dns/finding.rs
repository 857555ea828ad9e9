//! The finding of the dns axis: servers taken together (domain-health contract, section 5).

use super::class::{Class, Judged};
use super::ownership::{Owner, count, told};
use super::{Answer, Cut, HostObservation, NameView, RecursiveView, ServerView, Wanted};
use crate::finding::{Evidence, Finding};
use crate::portal::axis::{DnsState, OwnershipState};
use crate::reason::ReasonCode;
use std::net::IpAddr;
use time::OffsetDateTime;
use time::macros::format_description;

/// Judges the dns axis.
pub(super) fn dns(seen: &HostObservation, wanted: &Wanted, judged: &Judged, owner: &Owner) -> Finding<DnsState> {
    let finding = match &seen.cut {
        Cut::Failed => Finding::unknown(ReasonCode::DnsLookupUnknown),
        Cut::Absent { zone } => Finding::bad(DnsState::Absent, ReasonCode::DnsNxdomainZone).var("zone", zone),
        Cut::Unserved { zone } => Finding::unknown(ReasonCode::DnsServfail).var("zone", zone),
        Cut::Found => together(seen, judged, owner),
    };
    let finding = evidence(seen).into_iter().fold(finding, Finding::evidence);
    if finding.reason.is_none() {
        return finding;
    }
    let target = wanted.accepted_targets.first().cloned().unwrap_or_default();
    finding
        .var("h", seen.host.clone())
        .var("desired", format!("a CNAME record with the value {target}"))
        .var("record", record(seen, &target))
        .var("observed", super::chain::observed(seen, wanted))
        .var("target", target)
}

fn together(seen: &HostObservation, judged: &Judged, owner: &Owner) -> Finding<DnsState> {
    let reached = judged.classes.len();
    if reached == 0 {
        // Servers that we could not ask say nothing about the tenant's zone.
        let theirs = judged.asked > 0;
        let reason = if theirs { ReasonCode::DnsServfail } else { ReasonCode::DnsLookupUnknown };
        return Finding::unknown(reason).confidence(0, count(judged.asked + judged.not_asked));
    }
    let proven = owner.finding.state == Some(OwnershipState::Proven);
    let leads = judged.classes.iter().filter(|class| matches!(class, Class::Target | Class::Ours)).count();
    if leads == reached && reached * 2 >= judged.asked {
        return all_lead_to_us(seen, judged, owner, proven).confidence(count(leads), count(judged.asked));
    }
    if leads > 0 {
        return partial(leads, judged.asked);
    }
    let worst = judged.classes.iter().min().unwrap_or(&Class::Unknown);
    let same = judged.classes.iter().filter(|class| *class == worst).count();
    of_class(worst).confidence(count(same), count(judged.asked))
}

fn all_lead_to_us(seen: &HostObservation, judged: &Judged, owner: &Owner, proven: bool) -> Finding<DnsState> {
    if judged.wildcard == Some(true) && owner.method != "txt" {
        return Finding::bad(DnsState::Partial, ReasonCode::DnsWildcardOnly);
    }
    let by_target = judged.classes.iter().all(|class| *class == Class::Target);
    if !by_target && !proven {
        // Addresses alone prove nothing; the ownership axis says what is missing.
        return Finding::bad(DnsState::Partial, ReasonCode::DnsFlattened);
    }
    let negative = seen.recursive.iter().filter(|view| matches!(view.answer, Answer::NoData | Answer::NoName));
    if let Some(ttl) = negative.map(|view| view.negative_ttl.unwrap_or(0)).max() {
        let until = seen.at_ms.saturating_add(i64::from(ttl) * 1000);
        return Finding::bad(DnsState::Correct, ReasonCode::DnsNegativeCache).var("t", instant(until));
    }
    let flattened = !by_target && judged.chain.names.is_empty();
    if flattened { Finding::bad(DnsState::Correct, ReasonCode::DnsFlattened) } else { Finding::good(DnsState::Correct) }
}

fn partial(agree: usize, asked: usize) -> Finding<DnsState> {
    Finding::bad(DnsState::Partial, ReasonCode::DnsPartial)
        .var("k", agree.to_string())
        .var("n", asked.to_string())
        .confidence(count(agree), count(asked))
}

/// The finding of what every reachable server shows, or the worst of what they show.
fn of_class(class: &Class) -> Finding<DnsState> {
    match class {
        Class::AliasConflict(types) => {
            Finding::bad(DnsState::Partial, ReasonCode::DnsCnameConflict).var("types", types)
        }
        Class::ChainBad(hop) => Finding::bad(DnsState::Elsewhere, ReasonCode::DnsChainBad).var("hop", hop),
        Class::Reserved(address) => {
            Finding::bad(DnsState::Elsewhere, ReasonCode::DnsReservedAddress).var("a", address.to_string())
        }
        Class::Mixed(foreign) => {
            let record = |address: &IpAddr| format!("{} {address}", if address.is_ipv4() { "A" } else { "AAAA" });
            let records = foreign.iter().map(record).collect::<Vec<_>>().join(", ");
            Finding::bad(DnsState::Partial, ReasonCode::DnsConflictingRecords).var("records", records)
        }
        Class::AaaaStale(address) => {
            Finding::bad(DnsState::Partial, ReasonCode::DnsAaaaStale).var("a", address.to_string())
        }
        Class::Elsewhere => Finding::bad(DnsState::Elsewhere, ReasonCode::DnsPointsElsewhere),
        Class::Empty => Finding::bad(DnsState::Absent, ReasonCode::DnsNoRecords),
        Class::Silent => Finding::unknown(ReasonCode::DnsServfail),
        Class::Ours | Class::Target | Class::Unknown => Finding::unknown(ReasonCode::DnsLookupUnknown),
    }
}

/// The record that the tenant should add. An apex cannot have a CNAME (RFC 1034 §3.6.2).
fn record(seen: &HostObservation, target: &str) -> String {
    let apex = seen.hops.first().is_some_and(|hop| hop.zone == seen.host);
    let kind = if apex { "an ALIAS (or ANAME) record" } else { "a CNAME record" };
    format!("{kind} for {} with the value {target}", seen.host)
}

/// One piece of evidence per server and hop, the host's first, then the recursive view. Sorted, because servers come in no
/// order that means anything and a fixed one keeps the record quiet.
fn evidence(seen: &HostObservation) -> Vec<Evidence> {
    let of_server = |hop: &NameView, server: &ServerView| Evidence {
        server: server.server.clone(),
        question: format!("{} CNAME, A, AAAA", hop.name),
        answer: shown(server),
        at_ms: seen.at_ms,
    };
    let hops = seen.hops.iter().map(|hop| {
        let mut all: Vec<Evidence> = hop.servers.iter().map(|server| of_server(hop, server)).collect();
        all.sort();
        all
    });
    let mut all: Vec<Evidence> = hops.flatten().collect();
    let mut recursive: Vec<Evidence> = seen.recursive.iter().map(|view| of_resolver(seen, view)).collect();
    recursive.sort();
    all.extend(recursive);
    all
}

fn of_resolver(seen: &HostObservation, view: &RecursiveView) -> Evidence {
    Evidence {
        server: view.server.clone(),
        question: format!("{} A, through a resolver", seen.host),
        answer: told(&view.answer),
        at_ms: seen.at_ms,
    }
}

fn shown(server: &ServerView) -> String {
    if let Some(failure) = super::chain::failure(server) {
        return failure.as_str().to_owned();
    }
    let typed = |kind: &str, answer: &Answer| answer.records().map(|data| format!("{kind} {data}")).collect::<Vec<_>>();
    let records = [typed("CNAME", &server.cname), typed("A", &server.a), typed("AAAA", &server.aaaa)].concat();
    let data = if records.is_empty() { told(&server.cname) } else { records.join(", ") };
    match server.serial {
        Some(serial) => format!("{data}; serial {serial}"),
        None => data,
    }
}

/// An instant for people, in UTC, to the minute.
fn instant(at_ms: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000))
        .ok()
        .and_then(|at| at.format(&format).ok())
        .unwrap_or_default()
}
