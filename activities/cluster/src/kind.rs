//! The kinds that are read and written, with the API version in use.

use kube::core::{ApiResource, GroupVersionKind};
use model::portal::edge::ClaimKind;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Certificate,
    Request,
    Order,
    Challenge,
    IstioGateway,
    VirtualService,
    Secret,
    Event,
    ClusterIssuer,
    Issuer,
    Webhook,
    ApiGateway,
    HttpRoute,
    ListenerSet,
}

impl Kind {
    /// Group, version, kind and plural.
    const fn names(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Certificate => ("cert-manager.io", "v1", "Certificate", "certificates"),
            Self::Request => ("cert-manager.io", "v1", "CertificateRequest", "certificaterequests"),
            Self::Order => ("acme.cert-manager.io", "v1", "Order", "orders"),
            Self::Challenge => ("acme.cert-manager.io", "v1", "Challenge", "challenges"),
            Self::IstioGateway => ("networking.istio.io", "v1", "Gateway", "gateways"),
            Self::VirtualService => ("networking.istio.io", "v1", "VirtualService", "virtualservices"),
            Self::Secret => ("", "v1", "Secret", "secrets"),
            Self::Event => ("", "v1", "Event", "events"),
            Self::ClusterIssuer => ("cert-manager.io", "v1", "ClusterIssuer", "clusterissuers"),
            Self::Issuer => ("cert-manager.io", "v1", "Issuer", "issuers"),
            Self::Webhook => (
                "admissionregistration.k8s.io",
                "v1",
                "ValidatingWebhookConfiguration",
                "validatingwebhookconfigurations",
            ),
            Self::ApiGateway => ("gateway.networking.k8s.io", "v1", "Gateway", "gateways"),
            Self::HttpRoute => ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
            Self::ListenerSet => ("gateway.networking.k8s.io", "v1", "ListenerSet", "listenersets"),
        }
    }

    pub(crate) fn resource(self) -> ApiResource {
        let (group, version, kind, plural) = self.names();
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }

    /// The word for reports: plural and group, as an operator writes it for `kubectl`.
    pub(crate) fn word(self) -> &'static str {
        self.names().3
    }

    /// The kind of a claim index entry, for kinds that can claim a host.
    pub(crate) const fn of_claim(claim: ClaimKind) -> Self {
        match claim {
            ClaimKind::IstioGateway => Self::IstioGateway,
            ClaimKind::VirtualService => Self::VirtualService,
            ClaimKind::ApiGateway => Self::ApiGateway,
            ClaimKind::HttpRoute => Self::HttpRoute,
            ClaimKind::ListenerSet => Self::ListenerSet,
        }
    }

    /// The kind of an inventory entry's word.
    pub(crate) fn of_inventory(word: &str) -> Option<Self> {
        match word {
            "certificate" => Some(Self::Certificate),
            "secret" | "secret_copy" => Some(Self::Secret),
            "gateway" => Some(Self::IstioGateway),
            "virtual_service" => Some(Self::VirtualService),
            _ => None,
        }
    }
}
