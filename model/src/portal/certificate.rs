//! What the objects of cert-manager say about a certificate.
//!
//! Decided by structure only: condition type and reason, Order and Challenge state, the token of an ACME problem type, a
//! status number, an instant. The shapes were recorded from cert-manager 1.21 (`model/tests/fixtures/cert-manager`).

mod facts;
mod problem;

pub use facts::{
    CertificateFact, CertificateFacts, CertificateObjects, ChallengeFact, Condition, IssuerFact, OrderFact, RequestFact,
};
pub use problem::{Problem, timestamp, timestamp_ms};

use super::axis::CertificateState::{self, Expired, Expiring, Failed, Issued, Ordering, Queued, Renewing, Validating};
use crate::finding::{Evidence, Finding};
use crate::reason::ReasonCode;

/// No change of an order for this long is an operator's matter (domain-health contract, section 4, `CERT_STUCK`).
pub const STUCK_MS: i64 = 30 * 60 * 1000;
/// An Order that the authority has not answered for this long tells of an outage: an outage writes nothing into any status
/// (fixtures 20, 21, 23), and a healthy authority answers within a second.
pub const ORDER_SILENT_MS: i64 = 20 * 1000;
/// A Challenge without a status for this long waits for a slot; before, it was merely not picked up yet.
pub const CHALLENGE_WAITS_MS: i64 = 30 * 1000;
/// A solver that could not be presented for this long is a fault of the certificate service (fixtures 19 and 24).
pub const NOT_PRESENTED_MS: i64 = 60 * 1000;
/// A renewal that failed this often is told (domain-health contract, section 4, `CERT_RENEWAL_FAILING`); cert-manager tries
/// once more an hour after the first failure.
const RENEWAL_FAILURES_TOLD: u32 = 2;

/// Says what the objects mean at `now_ms`. `ordered_ms` is when the order was placed by our own count, 0 when unknown.
///
/// Total: any objects give a finding. Reason codes: `ACME_CA_UNAVAILABLE`, `ACME_ORDER_INVALID`, `ACME_RATE_LIMITED`,
/// `CAA_FORBIDS`, `CERT_EXPIRED`, `CERT_EXPIRING`, `CERT_ISSUER_NOT_READY`, `CERT_RENEWAL_FAILING`, `CERT_STUCK`,
/// `HOST_POLICY_BLOCKED`, `HTTP01_UNREACHABLE`, `HTTP01_WRONG_CONTENT`.
pub fn classify(facts: &CertificateFacts, now_ms: i64, ordered_ms: i64) -> Finding<CertificateState> {
    let Some(certificate) = &facts.certificate else { return Finding::good(CertificateState::None) };
    let look = Look { facts, certificate, now_ms, ordered_ms };
    look.evidence(look.decide())
}

/// Instant that the authority named for the next try, Unix milliseconds; 0 when it named none.
pub fn retry_at_ms(facts: &CertificateFacts) -> i64 {
    match problem(facts) {
        Some(problem) if problem.kind == "rateLimited" => problem.retry_at_ms,
        Some(_) | None => 0,
    }
}

struct Look<'a> {
    facts: &'a CertificateFacts,
    certificate: &'a CertificateFact,
    now_ms: i64,
    ordered_ms: i64,
}

impl Look<'_> {
    fn decide(&self) -> Finding<CertificateState> {
        let c = self.certificate;
        let usable = self.usable();
        let expired = self.has_certificate() && c.not_after_ms <= self.now_ms;
        let under_way = c.outdated || c.issuing.as_ref().is_some_and(Condition::is_true);
        let failed = !under_way && (c.failed_attempts > 0 || c.last_failure_ms > 0 || self.request_refused());
        // What a visitor meets comes first; how the renewal goes is told only while nothing is at stake yet.
        if expired {
            return Finding::bad(Expired, ReasonCode::CertExpired).var("t", timestamp(c.not_after_ms));
        }
        if usable && self.sixth_of_life_left() {
            return Finding::bad(Expiring, ReasonCode::CertExpiring).var("t", timestamp(c.not_after_ms));
        }
        match (usable, failed) {
            (true, true) if self.certificate.failed_attempts < RENEWAL_FAILURES_TOLD => Finding::good(Renewing),
            (true, true) => self.renewal_failing(),
            (true, false) if under_way => self.progress(),
            (true, false) => Finding::good(Issued),
            (false, true) => self.cause(Failed),
            (false, false) => self.progress(),
        }
    }

    /// A certificate lies in the Secret. `DoesNotExist` says that the Secret is gone, whatever the dates say.
    fn has_certificate(&self) -> bool {
        let c = self.certificate;
        c.not_after_ms > 0 && c.ready.as_ref().is_none_or(|r| r.is_true() || r.reason != "DoesNotExist")
    }

    fn usable(&self) -> bool {
        self.has_certificate() && self.certificate.not_after_ms > self.now_ms
    }

    fn sixth_of_life_left(&self) -> bool {
        let c = self.certificate;
        let life = c.not_after_ms.saturating_sub(c.not_before_ms);
        c.not_before_ms > 0 && c.not_after_ms.saturating_sub(self.now_ms) < life / 6
    }

    fn request_refused(&self) -> bool {
        self.facts.requests.first().is_some_and(|r| r.refused)
    }

    /// An issuance is under way, or about to begin.
    fn progress(&self) -> Finding<CertificateState> {
        let order = self.facts.orders.first();
        let state = match (self.usable(), order.map_or("", |o| o.state.as_str())) {
            (true, _) => Renewing,
            (false, "pending" | "processing") if !self.facts.challenges.is_empty() => self.challenge_state(),
            (false, "ready" | "processing" | "valid") => Validating,
            (false, _) => Ordering,
        };
        let reason = match order {
            None if self.issuer_not_ready() => Some(ReasonCode::CertIssuerNotReady),
            None => None,
            Some(order) => self.order_trouble(order),
        };
        match reason.or_else(|| self.stuck().then_some(ReasonCode::CertStuck)) {
            Some(reason) => Finding::bad(state, reason),
            None => Finding::good(state),
        }
    }

    fn issuer_not_ready(&self) -> bool {
        match self.facts.issuer {
            IssuerFact::Missing | IssuerFact::NotReady => true,
            IssuerFact::Ready | IssuerFact::NotRead => false,
        }
    }

    fn order_trouble(&self, order: &OrderFact) -> Option<ReasonCode> {
        let challenges = &self.facts.challenges;
        if order.state.is_empty() && challenges.is_empty() {
            return self.older(order.created_ms, ORDER_SILENT_MS).then_some(ReasonCode::AcmeCaUnavailable);
        }
        let unsolved = order.state == "pending"
            && challenges.is_empty()
            && order.authorized
            && (self.facts.no_solver || self.older(order.created_ms, NOT_PRESENTED_MS));
        let unpresented = challenges
            .iter()
            .any(|c| c.processing && !c.presented && c.state != "valid" && self.older(c.created_ms, NOT_PRESENTED_MS));
        (unsolved || unpresented).then_some(ReasonCode::CertIssuerNotReady)
    }

    fn challenge_state(&self) -> CertificateState {
        let waiting =
            |c: &ChallengeFact| c.state.is_empty() && !c.processing && self.older(c.created_ms, CHALLENGE_WAITS_MS);
        match self.facts.challenges.iter().all(waiting) {
            true => Queued,
            false => Validating,
        }
    }

    fn older(&self, since_ms: i64, than_ms: i64) -> bool {
        self.now_ms.saturating_sub(since_ms) >= than_ms
    }

    /// Nothing changed for half an hour. cert-manager repeats its self-check for ever, so this deadline is ours.
    fn stuck(&self) -> bool {
        let c = self.certificate;
        let conditions = [&c.ready, &c.issuing].into_iter().flatten().map(|condition| condition.since_ms);
        let requests = self.facts.requests.first().map(|r| r.created_ms);
        let orders = self.facts.orders.first().map(|o| o.created_ms);
        let challenges = self.facts.challenges.iter().flat_map(|ch| [ch.created_ms, ch.presented_ms]);
        let last = conditions.chain(requests).chain(orders).chain(challenges).max().unwrap_or(0);
        self.older(last.max(c.created_ms).max(self.ordered_ms), STUCK_MS)
    }

    /// Why the last issuance failed, in the given state.
    fn cause(&self, state: CertificateState) -> Finding<CertificateState> {
        if self.request_refused() {
            return Finding::bad(state, ReasonCode::CertIssuerNotReady);
        }
        let host = self.certificate.host.clone();
        let Some(problem) = problem(self.facts) else {
            return match self.issuer_not_ready() {
                true => Finding::bad(state, ReasonCode::CertIssuerNotReady),
                false => Finding::bad(state, ReasonCode::AcmeOrderInvalid).var("problem", self.order_state()),
            };
        };
        if problem.is_outage() {
            return Finding::bad(state, ReasonCode::AcmeCaUnavailable);
        }
        match problem.kind.as_str() {
            "rateLimited" => Finding::bad(state, ReasonCode::AcmeRateLimited).var("t", timestamp(problem.retry_at_ms)),
            "caa" => Finding::bad(state, ReasonCode::CaaForbids).var("name", host),
            "connection" => Finding::bad(state, ReasonCode::Http01Unreachable).var("a", host),
            "unauthorized" | "incorrectResponse" => Finding::bad(state, ReasonCode::Http01WrongContent),
            "rejectedIdentifier" => Finding::bad(state, ReasonCode::HostPolicyBlocked),
            // The account is the platform's: lost at the authority, or not allowed there (fixture 22).
            "accountDoesNotExist" | "externalAccountRequired" | "userActionRequired" => {
                Finding::bad(state, ReasonCode::CertIssuerNotReady)
            }
            "" => Finding::bad(state, ReasonCode::AcmeOrderInvalid).var("problem", self.order_state()),
            kind => Finding::bad(state, ReasonCode::AcmeOrderInvalid).var("problem", kind),
        }
    }

    fn renewal_failing(&self) -> Finding<CertificateState> {
        let cause = self.cause(Failed).reason.map_or("", ReasonCode::as_str);
        Finding::bad(Renewing, ReasonCode::CertRenewalFailing)
            .var("cause", cause)
            .var("t", timestamp(self.certificate.not_after_ms))
    }

    fn order_state(&self) -> &str {
        match self.facts.orders.first().map_or("", |o| o.state.as_str()) {
            "" => "failed",
            state => state,
        }
    }

    /// One line per object. Never a text of cert-manager: fixture 07 shows that it can contain a key authorization.
    fn evidence(&self, finding: Finding<CertificateState>) -> Finding<CertificateState> {
        let at_ms = self.now_ms;
        let condition =
            |c: &Option<Condition>| c.as_ref().map_or("absent".to_owned(), |c| format!("{} {}", c.status, c.reason));
        let c = self.certificate;
        let line = |question: &str, answer: String| Evidence {
            server: format!("Certificate/{}", c.name),
            question: question.to_owned(),
            answer,
            at_ms,
        };
        let mut finding =
            finding.evidence(line("Ready", condition(&c.ready))).evidence(line("Issuing", condition(&c.issuing)));
        if let Some(order) = self.facts.orders.first() {
            let token = |text: &str| match Problem::parse(text) {
                Problem { kind, .. } if kind.is_empty() => String::new(),
                Problem { kind, status, .. } => format!(" {status} {kind}"),
            };
            finding = finding.evidence(line("Order", format!("{:?}{}", order.state, token(&order.reason))));
            for ch in &self.facts.challenges {
                let answer = format!("{:?} presented={}{}", ch.state, ch.presented, token(&ch.reason));
                finding = finding.evidence(line("Challenge", answer));
            }
        }
        finding
    }
}

/// The problem of the newest Order: its own when the order was refused, a challenge's when a challenge was refused.
fn problem(facts: &CertificateFacts) -> Option<Problem> {
    let order = facts.orders.first()?;
    let of_challenge = facts.challenges.iter().filter(|c| c.state != "valid" && !c.reason.is_empty());
    let texts = std::iter::once(order.reason.as_str()).chain(of_challenge.map(|c| c.reason.as_str()));
    texts.map(Problem::parse).find(|p| !p.kind.is_empty())
}

#[cfg(test)]
mod tests;
