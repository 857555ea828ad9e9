//! Reads the hosts that one object claims.

use crate::portal::names::{LABEL_DOMAIN_ID, LABEL_TENANT};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Kinds of objects that can claim a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    /// `networking.istio.io` Gateway.
    IstioGateway,
    /// `networking.istio.io` VirtualService.
    VirtualService,
    /// `gateway.networking.k8s.io` Gateway.
    ApiGateway,
    /// `gateway.networking.k8s.io` HTTPRoute.
    HttpRoute,
    /// `gateway.networking.k8s.io` ListenerSet.
    ListenerSet,
}

impl ClaimKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::IstioGateway, Self::VirtualService, Self::ApiGateway, Self::HttpRoute, Self::ListenerSet];

    /// Group and kind, as an operator would write them for `kubectl`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IstioGateway => "gateway.networking.istio.io",
            Self::VirtualService => "virtualservice.networking.istio.io",
            Self::ApiGateway => "gateway.gateway.networking.k8s.io",
            Self::HttpRoute => "httproute.gateway.networking.k8s.io",
            Self::ListenerSet => "listenerset.gateway.networking.k8s.io",
        }
    }
}

/// One object of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: ClaimKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.as_str(), self.namespace, self.name)
    }
}

/// One host on one port, as one object claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostClaim {
    /// The object.
    pub object: ObjectRef,
    /// Normalised; `*` and `*.<zone>` are wildcards.
    pub host: String,
    /// Port of the server or listener; `None` for routes.
    pub port: Option<u16>,
    /// The server answers plain HTTP with a redirect, the challenge path included.
    pub redirects: bool,
    /// Label `domain-id` of the object, empty when absent.
    pub domain_id: String,
    /// Label `tenant` of the object, empty when absent.
    pub tenant: String,
}

/// Which workload is our edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeScope {
    /// Labels of the gateway workload.
    pub labels: BTreeMap<String, String>,
    /// Number of the plain port in Gateways.
    pub http_port: u16,
    /// Number of the TLS port in Gateways.
    pub https_port: u16,
}

/// Normalises a host as it may stand in a Gateway, route or listener: without `namespace/`, lower case, no trailing dot.
pub fn normalise_host(raw: &str) -> String {
    let host = raw.rsplit('/').next().unwrap_or(raw).trim();
    host.strip_suffix('.').unwrap_or(host).to_lowercase()
}

/// The hosts that an object claims on the edge of `scope`. Total: a malformed object claims nothing.
///
/// A Gateway counts when its selector is a subset of the edge's labels (an empty one selects every workload); a
/// VirtualService counts unless it is for the mesh alone; kinds of the Gateway API always count, because which workload
/// they attach to is not readable from them.
pub fn claims(kind: ClaimKind, object: &Value, scope: &EdgeScope) -> Vec<HostClaim> {
    match kind {
        ClaimKind::IstioGateway => istio_gateway(kind, object, scope),
        ClaimKind::VirtualService => virtual_service(kind, object),
        ClaimKind::ApiGateway | ClaimKind::ListenerSet => listeners(kind, object),
        ClaimKind::HttpRoute => {
            strings(object, "/spec/hostnames").map(|host| claim(kind, object, host, None, false)).collect()
        }
    }
}

fn istio_gateway(kind: ClaimKind, object: &Value, scope: &EdgeScope) -> Vec<HostClaim> {
    if !selects(object.pointer("/spec/selector"), &scope.labels) {
        return Vec::new();
    }
    let mut claims = Vec::new();
    for server in list(object, "/spec/servers") {
        let port = server.pointer("/port/number").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok());
        let redirects = server.pointer("/tls/httpsRedirect").and_then(Value::as_bool).unwrap_or(false);
        claims.extend(strings(server, "/hosts").map(|host| claim(kind, object, host, port, redirects)));
    }
    claims
}

fn virtual_service(kind: ClaimKind, object: &Value) -> Vec<HostClaim> {
    // Without `gateways` a VirtualService is for the mesh (Istio API reference, VirtualService.gateways).
    match strings(object, "/spec/gateways").any(|g| g != "mesh") {
        true => strings(object, "/spec/hosts").map(|host| claim(kind, object, host, None, false)).collect(),
        false => Vec::new(),
    }
}

fn listeners(kind: ClaimKind, object: &Value) -> Vec<HostClaim> {
    let mut claims = Vec::new();
    for listener in list(object, "/spec/listeners") {
        let port = listener.pointer("/port").and_then(Value::as_u64).and_then(|n| u16::try_from(n).ok());
        if let Some(host) = listener.pointer("/hostname").and_then(Value::as_str) {
            claims.push(claim(kind, object, host, port, false));
        }
    }
    claims
}

fn claim(kind: ClaimKind, object: &Value, host: &str, port: Option<u16>, redirects: bool) -> HostClaim {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let labels = object.pointer("/metadata/labels");
    let label = |name| labels.and_then(|l| l.get(name)).and_then(Value::as_str).unwrap_or_default().to_owned();
    HostClaim {
        object: ObjectRef { kind, namespace: text("/metadata/namespace"), name: text("/metadata/name") },
        host: normalise_host(host),
        port,
        redirects,
        domain_id: label(LABEL_DOMAIN_ID),
        tenant: label(LABEL_TENANT),
    }
}

/// Whether every pair of a selector is among the labels.
fn selects(selector: Option<&Value>, labels: &BTreeMap<String, String>) -> bool {
    match selector.and_then(Value::as_object) {
        None => true,
        Some(pairs) => pairs.iter().all(|(k, v)| labels.get(k).map(String::as_str) == v.as_str()),
    }
}

fn list<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn strings<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a str> {
    list(object, pointer).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope() -> EdgeScope {
        let labels =
            BTreeMap::from([("istio".to_owned(), "ingressgateway".to_owned()), ("app".to_owned(), "edge".to_owned())]);
        EdgeScope { labels, http_port: 80, https_port: 443 }
    }

    #[track_caller]
    fn check(kind: ClaimKind, spec: Value, expected: &[(&str, Option<u16>)]) {
        let object = json!({ "metadata": { "namespace": "n", "name": "o" }, "spec": spec });
        let found = claims(kind, &object, &scope());
        let found: Vec<_> = found.iter().map(|c| (c.host.as_str(), c.port)).collect();
        assert_eq!(found, expected, "{object}");
    }

    #[test]
    fn hosts_are_normalised() {
        for raw in ["msp/Portal.ACME.test.", "*/portal.acme.test", "./portal.acme.test", "portal.acme.test"] {
            assert_eq!(normalise_host(raw), "portal.acme.test", "{raw}");
        }
        assert_eq!(normalise_host("*"), "*");
    }

    #[test]
    fn a_gateway_counts_when_its_selector_is_a_subset_of_the_edge() {
        let servers = json!([{ "port": { "number": 443 }, "hosts": ["a.test", "n/B.test"] }]);
        let both = [("a.test", Some(443)), ("b.test", Some(443))];
        for selector in [json!({ "istio": "ingressgateway" }), json!({}), Value::Null] {
            check(ClaimKind::IstioGateway, json!({ "selector": selector, "servers": servers }), &both);
        }
        for selector in [json!({ "istio": "other" }), json!({ "istio": "ingressgateway", "zone": "b" })] {
            check(ClaimKind::IstioGateway, json!({ "selector": selector, "servers": servers }), &[]);
        }
    }

    #[test]
    fn routes_for_the_mesh_alone_do_not_count() {
        check(ClaimKind::VirtualService, json!({ "hosts": ["a.test"] }), &[]);
        check(ClaimKind::VirtualService, json!({ "hosts": ["a.test"], "gateways": ["mesh"] }), &[]);
        check(
            ClaimKind::VirtualService,
            json!({ "hosts": ["a.test"], "gateways": ["mesh", "x/y"] }),
            &[("a.test", None)],
        );
    }

    #[test]
    fn gateway_api_kinds_always_count() {
        let listeners = json!({ "listeners": [{ "hostname": "A.test", "port": 443 }, { "port": 80 }] });
        check(ClaimKind::ApiGateway, listeners.clone(), &[("a.test", Some(443))]);
        check(ClaimKind::ListenerSet, listeners, &[("a.test", Some(443))]);
        check(
            ClaimKind::HttpRoute,
            json!({ "hostnames": ["a.test", "*.b.test"] }),
            &[("a.test", None), ("*.b.test", None)],
        );
        check(ClaimKind::HttpRoute, json!({ "hostnames": "nonsense" }), &[]);
    }
}
