//! What the worker reads before a round: the application's row, its own claim, and the objects it owns.

use crate::portal::hostname::Hostname;

/// The nine public statuses, as the enum `portal_domain_status` of the application spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Request accepted, nothing checked yet.
    PendingDns,
    /// Record or proof not seen yet; checking goes on.
    VerifyingDns,
    /// Needs the tenant.
    DnsFailed,
    /// DNS good; preflight, or waiting for a slot.
    PendingCertificate,
    /// Order or validation under way.
    CertificateIssuing,
    /// No usable certificate, and not serving.
    CertificateFailed,
    /// Certificate good, edge not proven yet.
    Deploying,
    /// A probe from outside saw our certificate and our tenant.
    Active,
    /// Ordered off by an administrator. Only the application writes it.
    Disabled,
}

impl Status {
    /// Every status, in declared order.
    pub const ALL: [Self; 9] = [
        Self::PendingDns,
        Self::VerifyingDns,
        Self::DnsFailed,
        Self::PendingCertificate,
        Self::CertificateIssuing,
        Self::CertificateFailed,
        Self::Deploying,
        Self::Active,
        Self::Disabled,
    ];

    /// The word in the row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingDns => "pending_dns",
            Self::VerifyingDns => "verifying_dns",
            Self::DnsFailed => "dns_failed",
            Self::PendingCertificate => "pending_certificate",
            Self::CertificateIssuing => "certificate_issuing",
            Self::CertificateFailed => "certificate_failed",
            Self::Deploying => "deploying",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the word of a row.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// The application's row, as read. The worker decides by it and writes it compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Row id; survives a change of domain.
    pub id: String,
    /// Tenant id.
    pub tenant: String,
    /// Host as the application stored it; not yet validated.
    pub domain: String,
    /// Canonical host of the tenant.
    pub canonical_host: String,
    /// What the row says now.
    pub status: Status,
    /// What the tenant reads now.
    pub message: String,
    /// Target that the application showed; `canonical_host` when it showed none.
    pub expected_cname: String,
    /// Name of the Secret; empty when none.
    pub certificate_secret_name: String,
    /// When this domain was last looked at, Unix milliseconds; 0 when never.
    pub last_checked_ms: i64,
    /// Version of the row: `updated_at` in Unix microseconds, -1 for NULL.
    pub updated_us: i64,
}

/// The worker's own record of who may be served on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Host in A-labels. Not validated: the policy axis says whether it may be used.
    pub host: String,
    /// Grows when host or accepted targets change.
    pub generation: u64,
    /// Grows with every claim of a host; a writer with a lower fence is refused.
    pub fence: u64,
    /// Token of the ownership record.
    pub ownership_token: String,
    /// Unguessable alias target.
    pub own_target: String,
    /// Value of the response header `portal-probe`.
    pub probe_nonce: String,
    /// When the claim was opened, Unix milliseconds.
    pub opened_ms: i64,
    /// Since when a proof holds, Unix milliseconds; 0 when nothing was ever proven.
    pub proven_ms: i64,
    /// Another tenant holds a claim on the same host.
    pub contended: bool,
}

impl Claim {
    /// The host, when it is a valid one.
    pub fn hostname(&self) -> Option<Hostname> {
        Hostname::parse(&self.host).ok()
    }
}

/// Kinds of objects that a domain owns in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// Istio VirtualService.
    VirtualService,
    /// Istio Gateway.
    Gateway,
    /// Copy of the Secret in the gateway's namespace.
    SecretCopy,
    /// cert-manager Certificate.
    Certificate,
    /// Secret that cert-manager wrote.
    Secret,
}

impl ObjectKind {
    /// Every kind, in the order in which a removal deletes them: routes first, the source Secret last.
    pub const REMOVAL_ORDER: [Self; 5] =
        [Self::VirtualService, Self::Gateway, Self::SecretCopy, Self::Certificate, Self::Secret];

    /// The word of the inventory.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VirtualService => "virtual_service",
            Self::Gateway => "gateway",
            Self::SecretCopy => "secret_copy",
            Self::Certificate => "certificate",
            Self::Secret => "secret",
        }
    }

    /// Reads the word of the inventory.
    pub fn parse(word: &str) -> Option<Self> {
        Self::REMOVAL_ORDER.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One object that a generation of a domain owns, or is about to own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnedObject {
    /// Generation that made it.
    pub generation: u64,
    /// Its kind.
    pub kind: ObjectKind,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Kubernetes uid; empty until the object was seen.
    pub uid: String,
    /// Host that it serves.
    pub host: String,
}

impl OwnedObject {
    /// The same object of the cluster, whichever generation lists it.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.kind, &self.namespace, &self.name) == (other.kind, &other.namespace, &other.name)
    }
}

/// Where the objects of a domain live, and the few settings that a decision depends on. Read with the row, so that every
/// round of a history decides by the settings of its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSettings {
    /// Time between the first good look at DNS and the second (contract: 20 s; tests set 1).
    pub dns_confirm_ms: i64,
    /// The challenge path is answered by our own responder, so a preflight token can be fetched.
    pub challenge_ours: bool,
    /// Namespace of Certificates and their Secrets.
    pub certificate_namespace: String,
    /// Namespace of Gateways and Secret copies.
    pub gateway_namespace: String,
    /// Namespace of VirtualServices.
    pub routes_namespace: String,
    /// Manifests are written for reviewers after an apply.
    pub manifests: bool,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            dns_confirm_ms: 20_000,
            challenge_ours: false,
            certificate_namespace: "msp".to_owned(),
            gateway_namespace: "istio-system".to_owned(),
            routes_namespace: "msp".to_owned(),
            manifests: false,
        }
    }
}
