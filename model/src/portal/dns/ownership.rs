//! Proof of ownership: TXT, the claim's own target, or the canonical host (domain-health contract, section 6).

use super::chain::End;
use super::class::{Class, Judged};
use super::{Answer, Cut, Failure, HostObservation, TextView, Wanted};
use crate::finding::{Evidence, Finding};
use crate::portal::axis::OwnershipState;
use crate::portal::network::is_within;
use crate::reason::ReasonCode;

/// What was found about ownership.
pub(super) struct Owner {
    pub(super) finding: Finding<OwnershipState>,
    /// `txt`, `own_target`, `canonical_host`, or empty.
    pub(super) method: &'static str,
}

/// What the proof name shows.
enum Text {
    Proven,
    Mismatch,
    Doubled,
    Missing,
    Unknown(ReasonCode),
}

/// Judges ownership. Without a proof: pending, with a reason only where the tenant must publish TXT; where it waits for
/// the same record as the dns axis, that axis speaks.
pub(super) fn judge(seen: &HostObservation, wanted: &Wanted, judged: &Judged) -> Owner {
    let text = text(seen, wanted);
    let shows = seen.proof.iter().filter(|view| view.answer.records().any(|text| text == wanted.proof_value)).count();
    let confidence = |finding: Finding<OwnershipState>| {
        let mut evidence: Vec<Evidence> = seen.proof.iter().map(|view| of_server(seen, wanted, view)).collect();
        evidence.sort();
        let finding = evidence.into_iter().fold(finding, Finding::evidence);
        finding.confidence(count(shows), count(seen.proof.len()))
    };
    let method = match text {
        Text::Proven => "txt",
        Text::Mismatch | Text::Doubled | Text::Missing | Text::Unknown(_) => by_alias(seen, wanted, judged),
    };
    if !method.is_empty() {
        return Owner { finding: confidence(Finding::good(OwnershipState::Proven)), method };
    }
    let pending = |reason| Finding::bad(OwnershipState::Pending, reason);
    let finding = match text {
        Text::Unknown(reason) => Finding::unknown(reason),
        Text::Mismatch => pending(ReasonCode::OwnershipTxtMismatch),
        Text::Doubled => pending(ReasonCode::OwnershipTxtDoubled),
        Text::Missing | Text::Proven => without_text(wanted, judged),
    };
    let zone = seen.hops.first().map_or("", |hop| hop.zone.as_str());
    let relative = wanted.proof_name.strip_suffix(zone).map_or("", |rest| rest.trim_end_matches('.'));
    let finding = finding
        .var("name", wanted.proof_name.clone())
        .var("value", wanted.proof_value.clone())
        .var("zone", zone)
        .var("relative_name", if relative.is_empty() { wanted.proof_name.as_str() } else { relative });
    Owner { finding: confidence(finding), method }
}

fn without_text(wanted: &Wanted, judged: &Judged) -> Finding<OwnershipState> {
    let leads_to_us = judged.classes.iter().any(|class| matches!(class, Class::Ours | Class::Target));
    let all_lead_to_us = leads_to_us && judged.classes.iter().all(|c| matches!(c, Class::Ours | Class::Target));
    if wanted.contended {
        return Finding::bad(OwnershipState::Contended, ReasonCode::ClaimContended);
    }
    match judged.wildcard {
        // An alias that might come from a wildcard grants nothing, and is no fault either.
        None if leads_to_us => Finding::unknown(ReasonCode::DnsLookupUnknown),
        Some(false) if all_lead_to_us => Finding::bad(OwnershipState::Pending, ReasonCode::OwnershipTxtMissing),
        Some(true | false) | None => Finding::good(OwnershipState::Pending),
    }
}

/// An alias proves when every reachable server shows it, by an explicit record, straight or through names of the host's own
/// zone: an alias through somebody else's name may be that somebody's doing.
fn by_alias(seen: &HostObservation, wanted: &Wanted, judged: &Judged) -> &'static str {
    let agreed = !judged.classes.is_empty() && judged.classes.iter().all(|class| *class == Class::Target);
    let enough = judged.classes.len() * 2 >= judged.asked;
    let End::Target(target) = &judged.chain.end else { return "" };
    let zone = seen.hops.first().map_or("", |hop| hop.zone.as_str());
    let own_way = judged.chain.names.iter().all(|name| name == target || (!zone.is_empty() && is_within(name, zone)));
    if !(agreed && enough && own_way && judged.wildcard == Some(false)) {
        return "";
    }
    match (*target == wanted.own_target, wanted.contended) {
        (true, _) => "own_target",
        (false, false) => "canonical_host",
        (false, true) => "",
    }
}

/// One authoritative server that shows the token is enough: the parent zone delegates to it.
fn text(seen: &HostObservation, wanted: &Wanted) -> Text {
    let texts = || seen.proof.iter().flat_map(|view| view.answer.records());
    let answered = seen.proof.iter().any(|view| view.answer.failure().is_none());
    let theirs = seen.proof.iter().any(|view| view.answer.failure().is_some_and(|failure| failure != Failure::Local));
    if texts().any(|text| text == wanted.proof_value) {
        Text::Proven
    } else if seen.doubled.contains(&wanted.proof_value) {
        Text::Doubled
    } else if texts().next().is_some() {
        Text::Mismatch
    } else if answered || matches!(seen.cut, Cut::Absent { .. }) {
        Text::Missing
    } else if theirs || matches!(seen.cut, Cut::Unserved { .. }) {
        Text::Unknown(ReasonCode::DnsServfail)
    } else {
        Text::Unknown(ReasonCode::DnsLookupUnknown)
    }
}

fn of_server(seen: &HostObservation, wanted: &Wanted, view: &TextView) -> Evidence {
    Evidence {
        server: view.server.clone(),
        question: format!("{} TXT", wanted.proof_name),
        answer: told(&view.answer),
        at_ms: seen.at_ms,
    }
}

/// An answer in words.
pub(super) fn told(answer: &Answer) -> String {
    match answer {
        Answer::Records(records) => records.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        Answer::NoData => "no such record".to_owned(),
        Answer::NoName => "no such name".to_owned(),
        Answer::Failed(failure) => failure.as_str().to_owned(),
    }
}

pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
