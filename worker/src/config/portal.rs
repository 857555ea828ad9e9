//! Settings of the portal-domain part (portal-domain contract, sections 8 and 16).

use super::kubeconfig::KubeconfigFile;
use super::source::Reader;
use model::portal::manifest::{EdgeSettings, is_host};
use model::portal::network::{DEV_NETWORK_VARIABLE, NetworkPolicy};
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
    pub(crate) kubeconfig: Option<KubeconfigFile>,
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
        let kubeconfig = KubeconfigFile::read(reader, &["PORTAL_DOMAIN_KUBECONFIG", "KUBECONFIG"]);
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
    let source = reader.source();
    EdgeSettings::read(
        |variable| source.value(variable).map(str::to_owned),
        |problem| reader.problem(problem.variable, problem.rule),
    )
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
