//! What is read from the objects of cert-manager. Parsing is total: what is missing or malformed is absent.

use super::problem::timestamp_ms;
use serde_json::Value;

/// One condition of a status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Condition {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// CamelCase reason.
    pub reason: String,
    /// When `status` last changed, Unix milliseconds; 0 when absent.
    pub since_ms: i64,
}

impl Condition {
    /// The condition holds.
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }
}

/// The Certificate itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateFact {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// First entry of `spec.dnsNames`.
    pub host: String,
    /// `spec.secretName`.
    pub secret_name: String,
    /// When it was created, Unix milliseconds.
    pub created_ms: i64,
    /// A delete is pending.
    pub deleting: bool,
    /// Condition `Ready`, when it speaks of the current generation.
    pub ready: Option<Condition>,
    /// Condition `Issuing`, when it speaks of the current generation.
    pub issuing: Option<Condition>,
    /// A condition speaks of an older generation, so issuance for the current one has not begun.
    pub outdated: bool,
    /// Validity of the certificate in the Secret, Unix milliseconds; 0 when there is none.
    pub not_before_ms: i64,
    /// End of the validity; 0 when there is none.
    pub not_after_ms: i64,
    /// `status.failedIssuanceAttempts`.
    pub failed_attempts: u32,
    /// `status.lastFailureTime`.
    pub last_failure_ms: i64,
}

/// A CertificateRequest of the Certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestFact {
    /// Its uid.
    pub uid: String,
    /// Revision of the Certificate that it is for.
    pub revision: u64,
    /// When it was created.
    pub created_ms: i64,
    /// Condition `Ready`.
    pub ready: Option<Condition>,
    /// Condition `Denied` or `InvalidRequest` holds.
    pub refused: bool,
}

/// An ACME Order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderFact {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Uid of the request that owns it.
    pub owner_uid: String,
    /// When it was created.
    pub created_ms: i64,
    /// `status.state`; empty while the authority has not answered.
    pub state: String,
    /// `status.reason`, read only for tokens.
    pub reason: String,
    /// The authority has answered with authorizations.
    pub authorized: bool,
}

/// An ACME Challenge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChallengeFact {
    /// Uid of the Order that owns it.
    pub owner_uid: String,
    /// When it was created.
    pub created_ms: i64,
    /// `status.state`; empty while it waits for a slot.
    pub state: String,
    /// `status.processing`.
    pub processing: bool,
    /// `status.presented`.
    pub presented: bool,
    /// `status.presentedAt`.
    pub presented_ms: i64,
    /// `status.reason`, read only for tokens.
    pub reason: String,
}

/// What is known of the issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IssuerFact {
    /// It was not looked at.
    #[default]
    NotRead,
    /// It does not exist.
    Missing,
    /// Its condition `Ready` is not `True`.
    NotReady,
    /// It is ready.
    Ready,
}

/// Everything that a look at one certificate saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateFacts {
    /// The Certificate; `None` when it does not exist.
    pub certificate: Option<CertificateFact>,
    /// Its requests, newest first.
    pub requests: Vec<RequestFact>,
    /// The Orders of the newest request, newest first.
    pub orders: Vec<OrderFact>,
    /// The Challenges of the newest Order.
    pub challenges: Vec<ChallengeFact>,
    /// The issuer.
    pub issuer: IssuerFact,
    /// The newest Order has a warning event with the reason `Solver`: no solver fits the host.
    pub no_solver: bool,
}

/// The objects as the API server gives them.
#[derive(Debug, Clone, Copy, Default)]
pub struct CertificateObjects<'a> {
    /// The Certificate.
    pub certificate: Option<&'a Value>,
    /// CertificateRequests of the namespace; foreign ones are left out here.
    pub requests: &'a [Value],
    /// Orders of the namespace.
    pub orders: &'a [Value],
    /// Challenges of the namespace.
    pub challenges: &'a [Value],
    /// `status` of the issuer; `Some(Null)` when it does not exist, `None` when it was not read.
    pub issuer_status: Option<&'a Value>,
    /// Events of the Orders, of `v1` or as recorded.
    pub events: &'a [Value],
}

impl CertificateFacts {
    /// Picks what belongs to the Certificate: requests by owner or by annotation `cert-manager.io/certificate-name`, Orders
    /// by the newest request, Challenges by the newest Order.
    pub fn from_objects(objects: CertificateObjects<'_>) -> Self {
        let Some(certificate) = objects.certificate.filter(|c| c.is_object()).map(certificate) else {
            return Self { issuer: issuer(objects.issuer_status), ..Self::default() };
        };
        let mine = |o: &&Value| {
            owner(o).is_some_and(|uid| uid == certificate.uid)
                || text(o, "/metadata/annotations/cert-manager.io~1certificate-name") == certificate.name
        };
        let mut requests: Vec<RequestFact> = objects.requests.iter().filter(mine).map(request).collect();
        requests.sort_by_key(|r| std::cmp::Reverse((r.revision, r.created_ms)));
        let newest = requests.first().map(|r| r.uid.clone()).unwrap_or_default();
        let mut orders: Vec<OrderFact> =
            objects.orders.iter().map(order).filter(|o| !newest.is_empty() && o.owner_uid == newest).collect();
        orders.sort_by_key(|o| std::cmp::Reverse(o.created_ms));
        let (order_uid, order_name) = orders.first().map(|o| (o.uid.clone(), o.name.clone())).unwrap_or_default();
        let challenges = objects.challenges.iter().map(challenge);
        let challenges = challenges.filter(|c| !order_uid.is_empty() && c.owner_uid == order_uid).collect();
        let no_solver = objects.events.iter().any(|e| {
            let named = |p| text(e, p) == order_name;
            text(e, "/reason") == "Solver"
                && text(e, "/type") == "Warning"
                && !order_name.is_empty()
                && (named("/involvedObject/name") || named("/regarding/name") || named("/name"))
        });
        Self {
            certificate: Some(certificate),
            requests,
            orders,
            challenges,
            issuer: issuer(objects.issuer_status),
            no_solver,
        }
    }
}

fn certificate(o: &Value) -> CertificateFact {
    let generation = number(o, "/metadata/generation");
    let current = |kind| condition_with_generation(o, kind).filter(|(_, g)| *g == 0 || *g >= generation);
    let outdated = ["Ready", "Issuing"]
        .into_iter()
        .any(|kind| condition_with_generation(o, kind).is_some_and(|(_, g)| g != 0 && g < generation));
    CertificateFact {
        name: text(o, "/metadata/name").to_owned(),
        uid: text(o, "/metadata/uid").to_owned(),
        host: text(o, "/spec/dnsNames/0").to_owned(),
        secret_name: text(o, "/spec/secretName").to_owned(),
        created_ms: time(o, "/metadata/creationTimestamp"),
        deleting: o.pointer("/metadata/deletionTimestamp").is_some(),
        ready: current("Ready").map(|(c, _)| c),
        issuing: current("Issuing").map(|(c, _)| c),
        outdated,
        not_before_ms: time(o, "/status/notBefore"),
        not_after_ms: time(o, "/status/notAfter"),
        failed_attempts: u32::try_from(number(o, "/status/failedIssuanceAttempts")).unwrap_or(u32::MAX),
        last_failure_ms: time(o, "/status/lastFailureTime"),
    }
}

fn request(o: &Value) -> RequestFact {
    let holds = |kind| condition_with_generation(o, kind).is_some_and(|(c, _)| c.is_true());
    RequestFact {
        uid: text(o, "/metadata/uid").to_owned(),
        revision: text(o, "/metadata/annotations/cert-manager.io~1certificate-revision").parse().unwrap_or(0),
        created_ms: time(o, "/metadata/creationTimestamp"),
        ready: condition_with_generation(o, "Ready").map(|(c, _)| c),
        refused: holds("Denied") || holds("InvalidRequest"),
    }
}

fn order(o: &Value) -> OrderFact {
    OrderFact {
        name: text(o, "/metadata/name").to_owned(),
        uid: text(o, "/metadata/uid").to_owned(),
        owner_uid: owner(o).unwrap_or_default().to_owned(),
        created_ms: time(o, "/metadata/creationTimestamp"),
        state: text(o, "/status/state").to_owned(),
        reason: text(o, "/status/reason").to_owned(),
        authorized: o.pointer("/status/authorizations").and_then(Value::as_array).is_some_and(|a| !a.is_empty()),
    }
}

fn challenge(o: &Value) -> ChallengeFact {
    let flag = |p| o.pointer(p).and_then(Value::as_bool).unwrap_or(false);
    ChallengeFact {
        owner_uid: owner(o).unwrap_or_default().to_owned(),
        created_ms: time(o, "/metadata/creationTimestamp"),
        state: text(o, "/status/state").to_owned(),
        processing: flag("/status/processing"),
        presented: flag("/status/presented"),
        presented_ms: time(o, "/status/presentedAt"),
        reason: text(o, "/status/reason").to_owned(),
    }
}

fn issuer(status: Option<&Value>) -> IssuerFact {
    match status {
        None => IssuerFact::NotRead,
        Some(Value::Null) => IssuerFact::Missing,
        Some(status) => match condition(status.get("conditions"), "Ready") {
            Some((c, _)) if c.is_true() => IssuerFact::Ready,
            Some(_) | None => IssuerFact::NotReady,
        },
    }
}

fn condition_with_generation(o: &Value, kind: &str) -> Option<(Condition, i64)> {
    condition(o.pointer("/status/conditions"), kind)
}

/// The order of a condition list varies, so it is looked up by type.
fn condition(list: Option<&Value>, kind: &str) -> Option<(Condition, i64)> {
    let found = list?.as_array()?.iter().find(|c| text(c, "/type") == kind)?;
    let condition = Condition {
        status: text(found, "/status").to_owned(),
        reason: text(found, "/reason").to_owned(),
        since_ms: time(found, "/lastTransitionTime"),
    };
    Some((condition, number(found, "/observedGeneration")))
}

fn owner(o: &Value) -> Option<&str> {
    o.pointer("/metadata/ownerReferences/0/uid").and_then(Value::as_str)
}

fn text<'a>(o: &'a Value, pointer: &str) -> &'a str {
    o.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn number(o: &Value, pointer: &str) -> i64 {
    o.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

fn time(o: &Value, pointer: &str) -> i64 {
    timestamp_ms(text(o, pointer)).unwrap_or(0)
}
