//! Settings of the portal-domain part (portal-domain contract, sections 8 and 16).

use super::source::Reader;
use model::portal::manifest::{EdgeSettings, IssuerRef};
use model::portal::network::{DEV_NETWORK_VARIABLE, NetworkPolicy};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Settings of the portal-domain part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortalSettings {
    /// Where the objects of a domain live, and what they lead to.
    pub(crate) edge: EdgeSettings,
    /// `PORTAL_DOMAIN_MANIFEST_DIR`: where manifests are written for reviewers; off when `None`.
    pub(crate) manifest_dir: Option<PathBuf>,
    /// `PORTAL_DOMAIN_KUBECONFIG`, else `KUBECONFIG`; in-cluster when `None`.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// `PORTAL_DOMAIN_DNS_ROOT_HINTS`; empty means the Internet's.
    pub(crate) dns_root_hints: Vec<IpAddr>,
    /// `PORTAL_DOMAIN_DNS_AUTHORITATIVE_PORT`.
    pub(crate) dns_authoritative_port: u16,
    /// `PORTAL_DOMAIN_DNS_RESOLVERS`; empty means that the recursive view is absent.
    pub(crate) dns_resolvers: Vec<SocketAddr>,
    /// `PORTAL_DOMAIN_DNS_CONFIRM_SECONDS`: between the two good looks that an order needs.
    pub(crate) dns_confirm_seconds: u32,
    /// `PORTAL_DOMAIN_EXTERNAL_HTTP_PORT`: port 80 as visitors see it.
    pub(crate) external_http_port: u16,
    /// `PORTAL_DOMAIN_EXTERNAL_HTTPS_PORT`: port 443 as visitors see it.
    pub(crate) external_https_port: u16,
    /// `PORTAL_DOMAIN_PROBE_CA_FILE`: more trust anchors for the probe; re-read on change.
    pub(crate) probe_ca_file: Option<PathBuf>,
    /// `PORTAL_DOMAIN_RESERVED_ZONES`: zones of the platform that no tenant may claim.
    pub(crate) reserved_zones: Vec<String>,
    /// `TENANTRY_DEV_NETWORK`, or the public Internet alone.
    pub(crate) network: NetworkPolicy,
}

impl PortalSettings {
    pub(crate) fn read(reader: &mut Reader<'_>, production: bool) -> Self {
        let kubeconfig =
            reader.readable_file("PORTAL_DOMAIN_KUBECONFIG").or_else(|| reader.readable_file("KUBECONFIG"));
        Self {
            edge: read_edge(reader),
            manifest_dir: reader.folder("PORTAL_DOMAIN_MANIFEST_DIR"),
            kubeconfig,
            dns_root_hints: reader.list("PORTAL_DOMAIN_DNS_ROOT_HINTS", "must be a list of IP addresses"),
            dns_authoritative_port: reader.port("PORTAL_DOMAIN_DNS_AUTHORITATIVE_PORT", 53),
            dns_resolvers: reader.list("PORTAL_DOMAIN_DNS_RESOLVERS", "must be a list of ip:port"),
            dns_confirm_seconds: reader.number(
                "PORTAL_DOMAIN_DNS_CONFIRM_SECONDS",
                20,
                0..=600,
                "must be 0 to 600 seconds",
            ),
            external_http_port: reader.port("PORTAL_DOMAIN_EXTERNAL_HTTP_PORT", 80),
            external_https_port: reader.port("PORTAL_DOMAIN_EXTERNAL_HTTPS_PORT", 443),
            probe_ca_file: reader.readable_file("PORTAL_DOMAIN_PROBE_CA_FILE"),
            reserved_zones: read_zones(reader),
            network: read_network(reader, production),
        }
    }
}

fn read_edge(reader: &mut Reader<'_>) -> EdgeSettings {
    let vs_namespace = label(reader, "PORTAL_DOMAIN_VS_NAMESPACE", "msp");
    let challenge = read_challenge(reader);
    EdgeSettings {
        cert_namespace: label(reader, "PORTAL_DOMAIN_CERT_NAMESPACE", "msp"),
        issuer: IssuerRef {
            name: name(reader, "PORTAL_DOMAIN_CERT_ISSUER", "letsencrypt-http01"),
            kind: read_issuer_kind(reader),
            group: name(reader, "PORTAL_DOMAIN_CERT_ISSUER_GROUP", "cert-manager.io"),
        },
        gateway_namespace: label(reader, "PORTAL_DOMAIN_GATEWAY_NAMESPACE", "istio-system"),
        gateway_selector: read_selector(reader),
        gateway_http_port: reader.port("PORTAL_DOMAIN_GATEWAY_HTTP_PORT", 80),
        gateway_https_port: reader.port("PORTAL_DOMAIN_GATEWAY_HTTPS_PORT", 443),
        service_host: host(reader, "PORTAL_DOMAIN_SERVICE_HOST"),
        service_port: reader.port("PORTAL_DOMAIN_SERVICE_PORT", 3000),
        challenge_port: challenge.as_ref().map_or(8089, |(_, port)| *port),
        challenge_host: challenge.map(|(host, _)| host),
        base_virtual_service: reader.text("PORTAL_DOMAIN_BASE_VIRTUAL_SERVICE").map(|text| {
            match text.split_once('/') {
                Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
                None => (vs_namespace.clone(), text),
            }
        }),
        vs_namespace,
    }
}

/// A Kubernetes namespace (RFC 1123 label).
fn label(reader: &mut Reader<'_>, variable: &'static str, default: &str) -> String {
    let text = reader.text_or(variable, default);
    if text.contains('.') || !is_host(&text) || text.chars().any(|c| c.is_ascii_uppercase()) {
        reader.problem(variable, "must be an RFC 1123 label");
    }
    text
}

/// A Kubernetes name (RFC 1123 subdomain).
fn name(reader: &mut Reader<'_>, variable: &'static str, default: &str) -> String {
    let text = reader.text_or(variable, default);
    if !is_host(&text) || text.chars().any(|c| c.is_ascii_uppercase()) {
        reader.problem(variable, "must be a Kubernetes name");
    }
    text
}

fn is_host(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|part| {
            (1..=63).contains(&part.len())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

fn host(reader: &mut Reader<'_>, variable: &'static str) -> String {
    let text = reader.required(variable);
    if !text.is_empty() && !is_host(&text) {
        reader.problem(variable, "must be a host name");
    }
    text
}

fn read_issuer_kind(reader: &mut Reader<'_>) -> String {
    let text = reader.text_or("PORTAL_DOMAIN_CERT_ISSUER_KIND", "ClusterIssuer");
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric()) {
        reader.problem("PORTAL_DOMAIN_CERT_ISSUER_KIND", "must be the kind of an issuer");
    }
    text
}

fn read_selector(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let variable = "PORTAL_DOMAIN_GATEWAY_SELECTOR";
    let text = reader.text_or(variable, r#"{"istio":"ingressgateway"}"#);
    match serde_json::from_str::<BTreeMap<String, String>>(&text) {
        Ok(selector) if !selector.is_empty() => selector,
        Ok(_) | Err(_) => {
            reader.problem(variable, "must be a JSON object of strings, not empty");
            BTreeMap::new()
        }
    }
}

/// On if the host is set; `PORTAL_DOMAIN_CHALLENGE_ENABLED` other than `true` (any case) turns it off.
fn read_challenge(reader: &mut Reader<'_>) -> Option<(String, u16)> {
    let port = reader.port("PORTAL_DOMAIN_CHALLENGE_PORT", 8089);
    let host = reader.text("PORTAL_DOMAIN_CHALLENGE_HOST");
    let enabled = match reader.text("PORTAL_DOMAIN_CHALLENGE_ENABLED") {
        Some(text) => text.eq_ignore_ascii_case("true"),
        None => host.is_some(),
    };
    if !enabled {
        return None;
    }
    match host {
        Some(host) if is_host(&host) => Some((host, port)),
        Some(_) => {
            reader.problem("PORTAL_DOMAIN_CHALLENGE_HOST", "must be a host name");
            None
        }
        None => {
            reader.problem("PORTAL_DOMAIN_CHALLENGE_HOST", "is required when the challenge service is enabled");
            None
        }
    }
}

fn read_zones(reader: &mut Reader<'_>) -> Vec<String> {
    let variable = "PORTAL_DOMAIN_RESERVED_ZONES";
    let zones: Vec<String> = reader.list(variable, "must be a list of zones");
    let zones: Vec<String> =
        zones.into_iter().map(|zone| zone.trim_matches('.').to_ascii_lowercase()).filter(|z| !z.is_empty()).collect();
    if zones.iter().any(|zone| !is_host(zone)) {
        reader.problem(variable, "must be a list of zones");
    }
    zones
}

fn read_network(reader: &mut Reader<'_>, production: bool) -> NetworkPolicy {
    let variable = DEV_NETWORK_VARIABLE;
    let Some(text) = reader.text(variable) else { return NetworkPolicy::production() };
    if production {
        reader.problem(variable, "is refused with NODE_ENV=production");
        return NetworkPolicy::production();
    }
    text.parse().unwrap_or_else(|_| {
        reader.problem(variable, "must be <zone,zone>;<cidr,cidr>");
        NetworkPolicy::production()
    })
}
