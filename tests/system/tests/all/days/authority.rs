//! cert-manager and the ACME authority behind it, as objects over time.

use super::script::{AuthoritySays, Script};
use model::portal::certificate::{
    CertificateFact, CertificateFacts, Condition, IssuerFact, OrderFact, RequestFact, timestamp,
};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// A certificate's life (domain-health contract, section 9, profile `classic`).
pub(super) const LIFE_MS: i64 = 90 * DAY;
/// cert-manager renews at two thirds of the life.
pub(super) const RENEWAL_MS: i64 = 60 * DAY;
/// An authority that works answers an order after this long.
const ANSWER_MS: i64 = 5 * SECOND;

/// A leaf certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) fingerprint: String,
    pub(super) not_before_ms: i64,
    pub(super) not_after_ms: i64,
}

/// The Certificate object with its newest order.
#[derive(Clone, Debug)]
struct Certificate {
    created_ms: i64,
    order: Option<Order>,
    failed_attempts: u32,
    last_failure_ms: i64,
}

#[derive(Clone, Debug)]
struct Order {
    created_ms: i64,
    /// Text of cert-manager when the authority refused.
    refused: String,
}

/// The Certificate, its source Secret, and what the authority says when.
///
/// Models: one order per issuance and renewal; the authority's answer by the script; cert-manager's back-off of 1, 2, 4 …
/// at most 32 hours after a failure, which it keeps whatever the worker does; renewal at two thirds of the life; and that the
/// Secret outlives its Certificate, so that a Certificate made again finds it and orders nothing.
#[derive(Debug, Default)]
pub(super) struct Authority {
    pub(super) script: Script<AuthoritySays>,
    /// When orders were placed.
    pub(super) orders: Vec<i64>,
    pub(super) secret: Option<Leaf>,
    certificate: Option<Certificate>,
    issued: u32,
}

impl Authority {
    pub(super) fn exists(&self) -> bool {
        self.certificate.is_some()
    }

    /// The worker wrote the Certificate; writing it again changes nothing.
    pub(super) fn apply(&mut self, now_ms: i64) {
        self.certificate.get_or_insert(Certificate {
            created_ms: now_ms,
            order: None,
            failed_attempts: 0,
            last_failure_ms: 0,
        });
        self.turn(now_ms);
    }

    /// The worker deleted the Certificate; its orders go with it.
    pub(super) fn delete(&mut self, now_ms: i64) {
        self.turn(now_ms);
        self.certificate = None;
    }

    /// Lives on until `now_ms`, event by event, so that it does not matter how often it is asked.
    pub(super) fn turn(&mut self, now_ms: i64) {
        while let Some(certificate) = &mut self.certificate {
            match &mut certificate.order {
                Some(order) if order.refused.is_empty() => {
                    let due = order.created_ms + ANSWER_MS;
                    let Some((at, says)) = self.script.first_from(due, |says| *says != AuthoritySays::Nothing) else {
                        return;
                    };
                    if at > now_ms {
                        return;
                    }
                    if let AuthoritySays::LimitUntil(until) = says {
                        let text = "429 urn:ietf:params:acme:error:rateLimited: too many certificates, retry after";
                        order.refused = format!("{text} {}", timestamp(until));
                        certificate.failed_attempts += 1;
                        certificate.last_failure_ms = at;
                    } else {
                        self.issued += 1;
                        self.secret = Some(Leaf {
                            fingerprint: format!("leaf-{}", self.issued),
                            not_before_ms: at,
                            not_after_ms: at + LIFE_MS,
                        });
                        (certificate.order, certificate.failed_attempts, certificate.last_failure_ms) = (None, 0, 0);
                    }
                }
                _ => {
                    let backoff = HOUR * 2_i64.pow(certificate.failed_attempts.saturating_sub(1).min(5));
                    let due = match (&self.secret, certificate.failed_attempts) {
                        (_, 1..) => certificate.last_failure_ms + backoff,
                        (Some(leaf), 0) => leaf.not_before_ms + RENEWAL_MS,
                        (None, 0) => certificate.created_ms,
                    };
                    let at = due.max(certificate.created_ms);
                    if at > now_ms {
                        return;
                    }
                    self.orders.push(at);
                    certificate.order = Some(Order { created_ms: at, refused: String::new() });
                }
            }
        }
    }

    /// What the API server would show, in the shapes recorded from cert-manager.
    pub(super) fn facts(&self, host: &str, name: &str) -> CertificateFacts {
        let Some(certificate) = &self.certificate else {
            return CertificateFacts { issuer: IssuerFact::Ready, ..CertificateFacts::default() };
        };
        let condition = |status: bool, reason: &str, since_ms| {
            let status = if status { "True" } else { "False" }.to_owned();
            Some(Condition { status, reason: reason.to_owned(), since_ms })
        };
        let order = certificate.order.as_ref();
        let pending = order.is_some_and(|order| order.refused.is_empty());
        let began = order.map_or(certificate.created_ms, |order| order.created_ms);
        let leaf = self.secret.as_ref();
        CertificateFacts {
            certificate: Some(CertificateFact {
                name: name.to_owned(),
                uid: "certificate".to_owned(),
                host: host.to_owned(),
                secret_name: name.to_owned(),
                created_ms: certificate.created_ms,
                ready: match leaf {
                    Some(leaf) => condition(true, "Ready", leaf.not_before_ms),
                    None => condition(false, "DoesNotExist", certificate.created_ms),
                },
                issuing: match (pending, certificate.failed_attempts) {
                    (true, _) => condition(true, "DoesNotExist", began),
                    (false, 0) => None,
                    (false, _) => condition(false, "Failed", certificate.last_failure_ms),
                },
                not_before_ms: leaf.map_or(0, |leaf| leaf.not_before_ms),
                not_after_ms: leaf.map_or(0, |leaf| leaf.not_after_ms),
                failed_attempts: certificate.failed_attempts,
                last_failure_ms: certificate.last_failure_ms,
                ..CertificateFact::default()
            }),
            requests: order
                .map(|_| RequestFact { uid: "request".to_owned(), created_ms: began, ..Default::default() })
                .into_iter()
                .collect(),
            orders: order
                .map(|order| OrderFact {
                    name: name.to_owned(),
                    uid: "order".to_owned(),
                    owner_uid: "request".to_owned(),
                    created_ms: order.created_ms,
                    state: if order.refused.is_empty() { String::new() } else { "errored".to_owned() },
                    reason: order.refused.clone(),
                    authorized: false,
                })
                .into_iter()
                .collect(),
            issuer: IssuerFact::Ready,
            ..CertificateFacts::default()
        }
    }
}
