//! The objects of one domain as they are written to the cluster and to the manifest directory.
//!
//! Rendering is total: whatever could be wrong was found while the settings and the claim were made.

mod settings;

pub use settings::{EdgeSettings, IssuerRef, SettingError, is_host, is_label, is_subdomain};

use super::names::DomainIdentity;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Path whose answer carries the nonce of the tenant, the host and the generation.
pub const PROBE_PATH: &str = "/.well-known/portal-probe";
/// Response header with the nonce.
pub const PROBE_HEADER: &str = "portal-probe";
/// Where the exact path `/` leads to.
pub const LANDING_PATH: &str = "/client-portal/dashboard";

/// Renders the cert-manager Certificate of a domain: ECDSA P-256, one name, no `commonName`.
///
/// An adopted Certificate keeps the spec it has, because a changed spec re-issues at once (cert-manager, `RequestChanged`).
pub fn certificate(domain: &DomainIdentity, settings: &EdgeSettings) -> Value {
    let names = domain.names();
    json!({
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": metadata(domain, &names.certificate, &settings.cert_namespace),
        "spec": {
            "secretName": names.secret,
            "dnsNames": [domain.host],
            "issuerRef": {
                "name": settings.issuer.name,
                "kind": settings.issuer.kind,
                "group": settings.issuer.group,
            },
            "privateKey": { "algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always" },
            "usages": ["digital signature", "key encipherment"],
        },
    })
}

/// Renders the Istio Gateway of a domain: one HTTPS server for one host. Port 80 belongs to the fleet's shared Gateway.
pub fn gateway(domain: &DomainIdentity, settings: &EdgeSettings, secret: &str) -> Value {
    let names = domain.names();
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": metadata(domain, &names.gateway, &settings.gateway_namespace),
        "spec": {
            "selector": settings.gateway_selector,
            "servers": [{
                "port": { "number": settings.gateway_https_port, "name": names.port, "protocol": "HTTPS" },
                "hosts": [domain.host],
                "tls": { "mode": "SIMPLE", "credentialName": secret, "minProtocolVersion": "TLSV1_2" },
            }],
        },
    })
}

/// Renders the Istio VirtualService of a domain, routes in order: landing redirect, probe, application.
/// `gateway` is the name of its Gateway, as rendered or as adopted.
pub fn virtual_service(domain: &DomainIdentity, settings: &EdgeSettings, gateway: &str) -> Value {
    let names = domain.names();
    let port = settings.gateway_https_port;
    let route = json!([{
        "destination": { "host": settings.service_host, "port": { "number": settings.service_port } },
    }]);
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata(domain, &names.virtual_service, &settings.vs_namespace),
        "spec": {
            "hosts": [domain.host],
            "gateways": [format!("{}/{gateway}", settings.gateway_namespace)],
            "http": [
                {
                    "name": "portal-landing",
                    "match": [{ "uri": { "exact": "/" }, "port": port }],
                    "redirect": { "uri": LANDING_PATH, "redirectCode": 302 },
                },
                {
                    "name": "portal-probe",
                    "match": [{ "uri": { "exact": PROBE_PATH }, "port": port }],
                    "headers": { "response": { "set": { PROBE_HEADER: domain.probe_nonce } } },
                    "route": route,
                },
                {
                    "name": "portal-application",
                    "match": [{ "uri": { "prefix": "/" }, "port": port }],
                    "route": route,
                },
            ],
        },
    })
}

/// The text of a manifest file: two spaces, sorted keys, final newline (contract, section 9).
pub fn file_text(object: &Value) -> String {
    format!("{:#}\n", sorted(object))
}

/// Sorts the keys, whichever map `serde_json` was built with: a feature of another crate must not change a file.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let keys: BTreeMap<&String, Value> = map.iter().map(|(k, v)| (k, sorted(v))).collect();
            keys.into_iter().map(|(k, v)| (k.clone(), v)).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn metadata(domain: &DomainIdentity, name: &str, namespace: &str) -> Value {
    json!({
        "name": name,
        "namespace": namespace,
        "labels": domain.labels(),
        "annotations": domain.annotations(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn domain() -> DomainIdentity {
        DomainIdentity {
            tenant_id: "abcdef12-3456-4789-8abc-def012345678".to_owned(),
            portal_domain_id: "7f3c1d2e-1111-4222-8333-444455556666".to_owned(),
            former_ids: Vec::new(),
            host: "portal.customer.example".to_owned(),
            generation: 1,
            fence: 7,
            probe_nonce: "nonce-1".to_owned(),
            slug: String::new(),
        }
    }

    fn settings() -> EdgeSettings {
        EdgeSettings::from_vars(|name| {
            (name == "PORTAL_DOMAIN_SERVICE_HOST").then(|| "sebastian.msp.svc.cluster.local".to_owned())
        })
        .unwrap()
    }

    /// Set `UPDATE_GOLDEN=1` to write the files after a wanted change; reviewers read the difference.
    #[track_caller]
    fn check(file: &str, object: &Value) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, file_text(object)).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), file_text(object), "{}", path.display());
    }

    #[test]
    fn manifests_equal_the_golden_files() {
        let names = domain().names();
        check("certificate.json", &certificate(&domain(), &settings()));
        check("gateway.json", &gateway(&domain(), &settings(), &names.secret));
        check("virtualservice.json", &virtual_service(&domain(), &settings(), &names.gateway));
    }

    #[test]
    fn a_certificate_never_has_a_common_name() {
        assert!(certificate(&domain(), &settings())["spec"].get("commonName").is_none());
    }

    #[test]
    fn a_second_generation_stands_beside_the_first() {
        let second =
            DomainIdentity { generation: 2, slug: super::super::names::slug_beside(&domain().slug(), 2), ..domain() };
        let (first, beside) = (domain().names().gateway, second.names().gateway);
        let one = virtual_service(&domain(), &settings(), &first);
        let two = virtual_service(&second, &settings(), &beside);
        assert_ne!(one["metadata"]["name"], two["metadata"]["name"]);
        assert_eq!(one["metadata"]["labels"], two["metadata"]["labels"]);
        assert_eq!(two["spec"]["gateways"][0], "istio-system/portal-domain-gw-7f3c1d2e-1111-4222-8333-444455556666-g2");
    }
}
