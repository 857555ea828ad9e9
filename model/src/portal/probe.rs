//! What a visitor sees of a live host, and what that says about the edge axis (domain-health contract, section 11).
//!
//! The probe crate looks and fills [`ProbeObservation`]; [`classify`] judges. A published address that breaks the host for
//! a part of its visitors makes the whole host bad: the worst address decides.

use crate::finding::{Evidence, Finding};
use crate::portal::axis::EdgeState;
use crate::reason::ReasonCode;
use std::time::Duration;
use url::Url;

mod observation;
pub use observation::{AddressLook, Answer, Contact, Head, Leaf, ProbeObservation, Secure, Site, TrustFault};

/// Path whose answer carries the response header [`NONCE_HEADER`] (contract section 11, point 2).
pub const PROBE_PATH: &str = "/.well-known/portal-probe";
/// Response header that names tenant, host and generation, unguessably.
pub const NONCE_HEADER: &str = "portal-probe";
/// Where `/` leads (portal-domain contract, section 10).
pub const DASHBOARD_PATH: &str = "/client-portal/dashboard";
/// After an apply, a probe that still sees the old state is progress for this long (`EDGE_PROPAGATING`).
pub const PROPAGATION: Duration = Duration::from_secs(60);
/// Longest time that a probe goes on trying after an apply (contract section 8).
pub const PATIENCE_MAX: Duration = Duration::from_secs(300);
/// Longest piece of a foreign answer that is kept as evidence, in characters.
const EVIDENCE_MAX_CHARS: usize = 200;

/// What a good probe would see.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Host, A-labels in lower case.
    pub host: &'a str,
    /// Value of [`NONCE_HEADER`]; an empty one never matches.
    pub nonce: &'a str,
    /// SHA-256 of the newest leaf, lower-case hex; empty when unknown, and then any trusted leaf is good.
    pub fingerprint_sha256: &'a str,
    /// TLS port as visitors see it.
    pub https_port: u16,
    /// When the look was made, Unix milliseconds.
    pub now_ms: i64,
}

/// What one look says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// serving, serving_stale, unreachable or unknown.
    pub finding: Finding<EdgeState>,
    /// Leaf of the address that decided, or of the first that showed one.
    pub leaf: Option<Leaf>,
    /// Last HTTPS status of that address.
    pub https_status: Option<u16>,
}

/// One answer, and what is wrong with its head: the value of the placeholder `code`.
type Check<'a> = (&'a Answer, &'a dyn Fn(&Head) -> Option<String>);

/// Judgement of one address, worst last.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Judgement {
    Skipped,
    OwnSide(String),
    Good,
    Stale,
    AppError(String),
    WrongCertificate(String),
    Unreachable(String),
}

impl Judgement {
    const fn rank(&self) -> u8 {
        match self {
            Self::Skipped => 0,
            Self::OwnSide(_) => 1,
            Self::Good => 2,
            Self::Stale => 3,
            Self::AppError(_) => 4,
            Self::WrongCertificate(_) => 5,
            Self::Unreachable(_) => 6,
        }
    }

    fn says(&self) -> String {
        match self {
            Self::Skipped => "not dialled: no public address".to_owned(),
            Self::OwnSide(detail) => format!("could not look: {detail}"),
            Self::Good => "serving".to_owned(),
            Self::Stale => "serving with another certificate than the newest".to_owned(),
            Self::AppError(code) => format!("the portal answers {code}"),
            Self::WrongCertificate(detail) => format!("wrong certificate: {detail}"),
            Self::Unreachable(detail) => detail.clone(),
        }
    }
}

/// Judges one look at a host.
///
/// Total and deterministic. `serving` needs every dialled address to be good: chain, name, validity, the newest leaf, our
/// nonce, `/` redirecting to the dashboard, the dashboard below 500, and plain HTTP redirecting to HTTPS. An address that
/// our own side could not dial says nothing; when no address says anything, the finding is unknown.
/// A host without a published address is unreachable for want of a record, which only its owner can mend.
/// Reason codes: `DNS_NO_RECORDS`, `EDGE_APP_ERROR`, `EDGE_UNREACHABLE`, `EDGE_WRONG_CERT`, `PROBE_UNKNOWN`.
pub fn classify(observation: &ProbeObservation, expected: &Expected<'_>) -> Verdict {
    let looks = match observation {
        ProbeObservation::OwnSide(detail) => {
            let finding = Finding::unknown(ReasonCode::ProbeUnknown).evidence(fact(expected, expected.host, detail));
            return Verdict { finding, leaf: None, https_status: None };
        }
        ProbeObservation::Addresses(looks) => looks,
    };
    let judged: Vec<(&AddressLook, Judgement)> = looks.iter().map(|look| (look, judge(look, expected))).collect();
    let told = |judgement: &Judgement| judgement.rank() >= Judgement::Good.rank();
    let asked = judged.iter().filter(|(_, judgement)| told(judgement)).count();
    let good = judged.iter().filter(|(_, judgement)| *judgement == Judgement::Good).count();
    let mut worst: Option<&(&AddressLook, Judgement)> = None;
    for entry in &judged {
        if worst.is_none_or(|(_, before)| entry.1.rank() > before.rank()) {
            worst = Some(entry);
        }
    }
    let mut finding = match worst {
        // Nothing was dialled, so nothing is said of the edge: the owner of the name must publish a record.
        None => Finding::bad(EdgeState::Unreachable, ReasonCode::DnsNoRecords).evidence(fact(
            expected,
            expected.host,
            "no address published",
        )),
        Some((_, judgement)) => finding_of(judgement),
    };
    finding = finding.confidence(count(good), count(asked));
    for (look, judgement) in &judged {
        finding = finding.evidence(fact(expected, &look.address.to_string(), &judgement.says()));
    }
    let leaf_of = |look: &AddressLook| leaf(look).cloned();
    Verdict {
        finding,
        leaf: worst.and_then(|(look, _)| leaf_of(look)).or_else(|| looks.iter().find_map(leaf_of)),
        https_status: worst.and_then(|(look, _)| https_status(look)),
    }
}

/// Softens a finding that was made `waited` after an apply: until [`PROPAGATION`] has passed, the old state is progress.
///
/// A host that serves with an older certificate keeps its state, because it serves; everything else that is bad becomes
/// `applying`. Good and unknown findings stay. Reason code: `EDGE_PROPAGATING`.
#[must_use]
pub fn while_propagating(mut finding: Finding<EdgeState>, waited: Duration) -> Finding<EdgeState> {
    let bad = finding.state.is_some() && finding.reason.is_some();
    if bad && waited < PROPAGATION {
        if finding.state != Some(EdgeState::ServingStale) {
            finding.state = Some(EdgeState::Applying);
        }
        finding.reason = Some(ReasonCode::EdgePropagating);
        finding.vars.clear();
    }
    finding
}

/// How long to wait after the try number `tries` (from 1) of a probe after an apply: 1, 1, 2, 3, 5, 8, 13 … s (contract
/// section 8). Never longer than [`PATIENCE_MAX`].
pub fn retry_wait(tries: u32) -> Duration {
    let (mut wait, mut next) = (1u64, 1u64);
    for _ in 1..tries {
        (wait, next) = (next, wait + next);
        if wait >= PATIENCE_MAX.as_secs() {
            return PATIENCE_MAX;
        }
    }
    Duration::from_secs(wait)
}

fn finding_of(judgement: &Judgement) -> Finding<EdgeState> {
    let down = |reason| Finding::bad(EdgeState::Unreachable, reason);
    match judgement {
        Judgement::OwnSide(_) => Finding::unknown(ReasonCode::ProbeUnknown),
        Judgement::Good => Finding::good(EdgeState::Serving),
        Judgement::Stale => Finding::bad(EdgeState::ServingStale, ReasonCode::EdgeWrongCert),
        Judgement::AppError(code) => down(ReasonCode::EdgeAppError).var("code", code.clone()),
        Judgement::WrongCertificate(_) => down(ReasonCode::EdgeWrongCert),
        // A host whose every address is private has no visitor from outside.
        Judgement::Skipped | Judgement::Unreachable(_) => down(ReasonCode::EdgeUnreachable),
    }
}

fn judge(look: &AddressLook, expected: &Expected<'_>) -> Judgement {
    let (secure, plain) = match &look.contact {
        Contact::NotAdmitted => return Judgement::Skipped,
        Contact::OwnSide(detail) => return Judgement::OwnSide(detail.clone()),
        Contact::Dialled { secure, plain } => (secure, plain),
    };
    let (leaf, site) = match secure {
        Secure::NoConnection(detail) => return Judgement::Unreachable(format!("no connection: {detail}")),
        Secure::NoHandshake(detail) => return Judgement::Unreachable(format!("no TLS handshake: {detail}")),
        Secure::Untrusted(_, fault) => return Judgement::WrongCertificate(fault_words(fault)),
        Secure::Trusted(leaf, site) => (leaf, site),
    };
    // In the order in which the requests were made: the first that is not good decides.
    let checks: [Check<'_>; 4] = [
        (&site.probe, &|head| wrong_mark(head, expected)),
        (&site.root, &|head| wrong_root(head, expected)),
        (&site.dashboard, &|_| None),
        (plain, &|head| wrong_plain(head, expected)),
    ];
    for (answer, wrong) in checks {
        match answer {
            Answer::NotAsked => return Judgement::Unreachable("a request was not sent".to_owned()),
            Answer::Failed(detail) => return Judgement::Unreachable(format!("no HTTP answer: {detail}")),
            Answer::Head(head) if head.status >= 500 => return Judgement::AppError(head.status.to_string()),
            Answer::Head(head) => {
                if let Some(code) = wrong(head) {
                    return Judgement::AppError(code);
                }
            }
        }
    }
    if expected.fingerprint_sha256.is_empty() || expected.fingerprint_sha256 == leaf.fingerprint_sha256 {
        Judgement::Good
    } else {
        Judgement::Stale
    }
}

/// The nonce is compared and never repeated: another tenant's mark must not reach this tenant's evidence (R38).
fn wrong_mark(head: &Head, expected: &Expected<'_>) -> Option<String> {
    match &head.nonce {
        Some(nonce) if !expected.nonce.is_empty() && nonce == expected.nonce => None,
        Some(_) => Some("with the mark of another portal".to_owned()),
        None => Some(format!("{} without our mark", head.status)),
    }
}

fn wrong_root(head: &Head, expected: &Expected<'_>) -> Option<String> {
    let target = redirect(head, &format!("https://{}:{}/", expected.host, expected.https_port));
    let good = target.is_some_and(|url| same_site(&url, expected) && url.path() == DASHBOARD_PATH);
    (!good).then(|| format!("{} instead of its start page", head.status))
}

fn wrong_plain(head: &Head, expected: &Expected<'_>) -> Option<String> {
    let target = redirect(head, &format!("http://{}/", expected.host));
    let good = target.is_some_and(|url| same_site(&url, expected));
    (!good).then(|| format!("{} over plain HTTP instead of leading to HTTPS", head.status))
}

/// Target of a redirect that keeps a GET a GET (RFC 9110 §15.4; 303 is not one that an edge route gives).
fn redirect(head: &Head, base: &str) -> Option<Url> {
    if !matches!(head.status, 301 | 302 | 307 | 308) {
        return None;
    }
    Url::parse(base).ok()?.join(head.location.as_deref()?).ok()
}

fn same_site(url: &Url, expected: &Expected<'_>) -> bool {
    url.scheme() == "https"
        && url.domain() == Some(expected.host)
        && url.port_or_known_default() == Some(expected.https_port)
}

const fn leaf(look: &AddressLook) -> Option<&Leaf> {
    match &look.contact {
        Contact::Dialled { secure: Secure::Untrusted(leaf, _) | Secure::Trusted(leaf, _), .. } => Some(leaf),
        Contact::Dialled { secure: Secure::NoConnection(_) | Secure::NoHandshake(_), .. }
        | Contact::NotAdmitted
        | Contact::OwnSide(_) => None,
    }
}

fn https_status(look: &AddressLook) -> Option<u16> {
    let Contact::Dialled { secure: Secure::Trusted(_, site), .. } = &look.contact else { return None };
    [&site.dashboard, &site.root, &site.probe].into_iter().find_map(|answer| match answer {
        Answer::Head(head) => Some(head.status),
        Answer::NotAsked | Answer::Failed(_) => None,
    })
}

fn fault_words(fault: &TrustFault) -> String {
    match fault {
        TrustFault::WrongName => "issued for another name".to_owned(),
        TrustFault::UnknownIssuer => "unknown issuer".to_owned(),
        TrustFault::Expired => "expired".to_owned(),
        TrustFault::NotYetValid => "not valid yet".to_owned(),
        TrustFault::Other(detail) => detail.clone(),
    }
}

fn fact(expected: &Expected<'_>, server: &str, answer: &str) -> Evidence {
    Evidence {
        server: server.to_owned(),
        question: format!("https://{}/", expected.host),
        answer: clip(answer),
        at_ms: expected.now_ms,
    }
}

/// Foreign text as evidence: without control characters, at most 200 characters.
pub(crate) fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(EVIDENCE_MAX_CHARS).collect()
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "probe/tests.rs"]
mod tests;
