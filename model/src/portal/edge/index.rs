//! All claims on all hosts, looked up by host: a question costs the labels of its name, however many domains exist.

use super::claims::{ClaimKind, EdgeScope, HostClaim, ObjectRef};
use crate::portal::names::DomainIdentity;
use std::collections::{BTreeMap, BTreeSet};

/// The claims of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EdgeIndex {
    by_object: BTreeMap<ObjectRef, Vec<HostClaim>>,
    by_host: BTreeMap<String, BTreeSet<ObjectRef>>,
}

/// What belongs to the domain that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnObjects {
    /// Whose labels an own object has.
    pub domain: DomainIdentity,
    /// Our own object for the host, as named in a report.
    pub object: ObjectRef,
    /// Objects that belong to nobody: the shared port-80 Gateway and route, and the application's base VirtualService.
    pub shared: BTreeSet<ObjectRef>,
}

/// Somebody else claims the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Our object.
    pub own: ObjectRef,
    /// The other's object.
    pub other: ObjectRef,
    /// The host as the other claims it.
    pub host: String,
    /// Port of the claim; `None` for routes.
    pub port: Option<u16>,
}

impl EdgeIndex {
    /// Replaces what an object claims; an empty list forgets it.
    pub fn put(&mut self, object: &ObjectRef, claims: Vec<HostClaim>) {
        self.forget(object);
        for claim in &claims {
            self.by_host.entry(claim.host.clone()).or_default().insert(object.clone());
        }
        if !claims.is_empty() {
            self.by_object.insert(object.clone(), claims);
        }
    }

    /// Forgets an object.
    pub fn forget(&mut self, object: &ObjectRef) {
        for claim in self.by_object.remove(object).unwrap_or_default() {
            if let Some(objects) = self.by_host.get_mut(&claim.host) {
                objects.remove(object);
                if objects.is_empty() {
                    self.by_host.remove(&claim.host);
                }
            }
        }
    }

    /// The objects of one kind that are known.
    pub fn objects(&self, kind: ClaimKind) -> Vec<ObjectRef> {
        self.by_object.keys().filter(|o| o.kind == kind).cloned().collect()
    }

    /// How many objects claim something.
    pub fn len(&self) -> usize {
        self.by_object.len()
    }

    /// Nothing claims anything.
    pub fn is_empty(&self) -> bool {
        self.by_object.is_empty()
    }

    /// The first foreign claim that `host` would collide with, or `None`.
    ///
    /// - The same host on any Gateway, route or listener, on whichever port: on the TLS port the newer one is dropped or
    ///   freezes the listener, on the plain port a redirect would swallow the challenge.
    /// - A foreign `*` that redirects on the plain port: it would flip the fleet's shared server.
    /// - A foreign `*.<zone>` over the host on the plain port: it is more specific than the fleet's shared server and takes
    ///   the challenge path.
    ///
    /// Other wildcards do no harm: the most specific name wins.
    pub fn conflict(&self, host: &str, own: &OwnObjects, scope: &EdgeScope) -> Option<Conflict> {
        let candidates = std::iter::once(host.to_owned()).chain(wildcards_over(host));
        candidates.filter_map(|name| self.by_host.get(&name).map(|objects| (name, objects))).find_map(
            |(name, objects)| {
                let foreign = objects.iter().filter(|o| !own.shared.contains(*o));
                let claims = foreign.flat_map(|o| self.by_object.get(o).into_iter().flatten());
                claims
                    .filter(|c| c.host == name && !own.owns(c) && c.harms(scope))
                    .map(|c| Conflict {
                        own: own.object.clone(),
                        other: c.object.clone(),
                        host: c.host.clone(),
                        port: c.port,
                    })
                    .next()
            },
        )
    }
}

impl OwnObjects {
    fn owns(&self, claim: &HostClaim) -> bool {
        !claim.domain_id.is_empty() && self.domain.owns_for_preflight(&claim.domain_id, &claim.tenant)
    }
}

impl HostClaim {
    fn harms(&self, scope: &EdgeScope) -> bool {
        let plain = self.port == Some(scope.http_port);
        match self.host.as_str() {
            "*" => plain && self.redirects,
            host if host.starts_with("*.") => plain,
            _ => true,
        }
    }
}

/// `*.b.c`, `*.c`, `*` for `a.b.c`.
fn wildcards_over(host: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = host;
    while let Some((_, parent)) = rest.split_once('.') {
        names.push(format!("*.{parent}"));
        rest = parent;
    }
    names.push("*".to_owned());
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::edge::claims;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn scope() -> EdgeScope {
        EdgeScope {
            labels: BTreeMap::from([("istio".into(), "ingressgateway".into())]),
            http_port: 80,
            https_port: 443,
        }
    }

    fn own() -> OwnObjects {
        let object =
            |kind, namespace: &str, name: &str| ObjectRef { kind, namespace: namespace.into(), name: name.into() };
        OwnObjects {
            domain: DomainIdentity {
                tenant_id: "t1".into(),
                portal_domain_id: "d1".into(),
                former_ids: vec!["d0".into()],
                host: "portal.acme.test".into(),
                generation: 1,
                fence: 1,
                probe_nonce: String::new(),
                slug: String::new(),
            },
            object: object(ClaimKind::IstioGateway, "istio-system", "portal-domain-gw-d1"),
            shared: BTreeSet::from([
                object(ClaimKind::IstioGateway, "istio-system", "portal-domain-http"),
                object(ClaimKind::VirtualService, "msp", "alga-psa-vs"),
            ]),
        }
    }

    fn object(namespace: &str, name: &str, labels: Value, spec: Value) -> Value {
        json!({ "metadata": { "namespace": namespace, "name": name, "labels": labels }, "spec": spec })
    }

    fn server(port: u16, host: &str, redirect: bool) -> Value {
        json!({ "servers": [{ "port": { "number": port }, "hosts": [host], "tls": { "httpsRedirect": redirect } }] })
    }

    fn index(objects: &[(ClaimKind, Value)]) -> EdgeIndex {
        let mut index = EdgeIndex::default();
        for (kind, value) in objects {
            let claims = claims(*kind, value, &scope());
            let Some(first) = claims.first() else { continue };
            index.put(&first.object.clone(), claims);
        }
        index
    }

    /// `expected` is the name of the other object, empty for no conflict.
    #[track_caller]
    fn check(kind: ClaimKind, object: Value, expected: &str) {
        let found = index(&[(kind, object.clone())]).conflict("portal.acme.test", &own(), &scope());
        assert_eq!(found.as_ref().map_or("", |c| c.other.name.as_str()), expected, "{object}");
        if let Some(conflict) = found {
            assert_eq!(conflict.own.name, "portal-domain-gw-d1", "a report names both");
        }
    }

    #[test]
    fn the_same_host_elsewhere_is_a_conflict_however_it_is_spelled() {
        for host in ["portal.acme.test", "web/portal.acme.test", "Portal.ACME.test", "portal.acme.test."] {
            check(ClaimKind::IstioGateway, object("web", "theirs", json!({}), server(443, host, false)), "theirs");
            check(ClaimKind::IstioGateway, object("web", "theirs", json!({}), server(80, host, true)), "theirs");
        }
        let route = json!({ "hosts": ["portal.acme.test"], "gateways": ["istio-system/portal-domain-gw-d1"] });
        check(ClaimKind::VirtualService, object("web", "theirs", json!({}), route), "theirs");
        let listener = json!({ "listeners": [{ "hostname": "portal.acme.test", "port": 443 }] });
        check(ClaimKind::ApiGateway, object("web", "theirs", json!({}), listener.clone()), "theirs");
        check(ClaimKind::ListenerSet, object("web", "theirs", json!({}), listener), "theirs");
        let hostnames = json!({ "hostnames": ["portal.acme.test"] });
        check(ClaimKind::HttpRoute, object("web", "theirs", json!({}), hostnames), "theirs");
    }

    #[test]
    fn our_own_and_the_shared_objects_are_no_conflict() {
        let labels = json!({ "portal.alga-psa.com/domain-id": "d1", "portal.alga-psa.com/tenant": "t1" });
        let spec = server(443, "portal.acme.test", false);
        check(ClaimKind::IstioGateway, object("istio-system", "older-name", labels, spec.clone()), "");
        check(
            ClaimKind::IstioGateway,
            object("istio-system", "portal-domain-http", json!({}), server(80, "*", true)),
            "",
        );
        let base = json!({ "hosts": ["portal.acme.test"], "gateways": ["g"] });
        check(ClaimKind::VirtualService, object("msp", "alga-psa-vs", json!({}), base), "");
        let other = json!({ "portal.alga-psa.com/domain-id": "d1", "portal.alga-psa.com/tenant": "t2" });
        check(
            ClaimKind::IstioGateway,
            object("istio-system", "portal-domain-gw-d1", other, spec),
            "portal-domain-gw-d1",
        );
    }

    #[test]
    fn only_wildcards_that_take_the_plain_port_are_a_conflict() {
        check(ClaimKind::IstioGateway, object("web", "theirs", json!({}), server(80, "*", true)), "theirs");
        check(ClaimKind::IstioGateway, object("web", "theirs", json!({}), server(80, "*", false)), "");
        check(ClaimKind::IstioGateway, object("web", "theirs", json!({}), server(80, "*.acme.test", false)), "theirs");
        check(ClaimKind::IstioGateway, object("web", "theirs", json!({}), server(443, "*.acme.test", false)), "");
        check(ClaimKind::IstioGateway, object("web", "theirs", json!({}), server(443, "*", false)), "");
        check(ClaimKind::IstioGateway, object("web", "theirs", json!({}), server(80, "*.other.test", true)), "");
    }

    #[test]
    fn a_forgotten_object_claims_nothing() {
        let theirs = object("web", "theirs", json!({}), server(443, "portal.acme.test", false));
        let mut index = index(&[(ClaimKind::IstioGateway, theirs)]);
        let reference = index.objects(ClaimKind::IstioGateway).remove(0);
        index.forget(&reference);
        assert_eq!(index, EdgeIndex::default());
    }

    proptest! {
        /// A scan over every claim, written the slow way, agrees with the index.
        #[test]
        fn the_index_agrees_with_a_scan(
            servers in prop::collection::vec(("[ab]\\.t|\\*|\\*\\.t|N/A\\.t", any::<bool>(), any::<bool>()), 0..6),
            host in "[ab]\\.t",
        ) {
            let objects: Vec<_> = servers.iter().enumerate().map(|(i, (h, plain, redirect))| {
                let port = if *plain { 80 } else { 443 };
                (ClaimKind::IstioGateway, object("web", &format!("g{i}"), json!({}), server(port, h, *redirect)))
            }).collect();
            let slow = servers.iter().any(|(h, plain, redirect)| match h.as_str() {
                "*" => *plain && *redirect,
                "*.t" => *plain,
                "N/A.t" => host == "a.t",
                exact => exact == host,
            });
            prop_assert_eq!(index(&objects).conflict(&host, &own(), &scope()).is_some(), slow);
        }
    }
}
