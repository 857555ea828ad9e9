//! Names and addresses of the sample network, and the DNS server that serves it.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::ports::Ports;
use crate::spec::{PartSpec, Ready};

/// The platform's zone: canonical hosts are `<tenant7>.portal.app.tenantry.test`.
pub const PLATFORM_ZONE: &str = "tenantry.test";
/// A customer's zone; empty at the start.
pub const CUSTOMER_ZONE: &str = "acme-customer.test";
/// Where the edge listens: "us".
pub const EDGE_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 10);
/// Where nothing listens: "the old host".
pub const NOBODY_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 99);

/// What every canonical host and unguessable target resolves by.
const WILDCARD: &str = "*.portal.app.tenantry.test";

/// The value of `TENANTRY_DEV_NETWORK`: the sample zones and loopback, which production refuses.
pub fn dev_network() -> String {
    format!("{PLATFORM_ZONE},{CUSTOMER_ZONE};127.0.0.0/8")
}

/// The configuration file of the DNS server, which `tenantry dev dns` reads too.
pub(crate) fn config_path(root: &Path) -> PathBuf {
    root.join("dns/dns.json")
}

fn config(root: &Path) -> dns_server::Config {
    dns_server::Config::new(&root.join("dns"), &[PLATFORM_ZONE, CUSTOMER_ZONE])
}

/// Takes one port that is free on every address of the server, and that of the proxy.
pub(crate) fn ports(root: &Path, ports: &mut Ports) -> io::Result<()> {
    ports.take("dns", &config(root).addresses(), true).map(drop)
}

/// Writes the configuration, and the platform's records when there are none yet.
pub(crate) fn prepare(root: &Path, ports: &BTreeMap<String, u16>) -> anyhow::Result<()> {
    let mut config = config(root);
    config.port = ports.get("dns").copied().unwrap_or_default();
    config.write(&config_path(root))?;
    if dns_server::edit::read(&config)?.get(PLATFORM_ZONE).is_none_or(|zone| zone.records.is_empty()) {
        for host in [WILDCARD, "app.tenantry.test"] {
            dns_server::edit::set(&config, host, "A", &EDGE_ADDRESS.to_string())?;
        }
    }
    Ok(())
}

/// Describes the DNS server.
pub(crate) fn part(root: &Path, binary: &Path, ports: &BTreeMap<String, u16>) -> PartSpec {
    PartSpec::new("dns", binary, root)
        .args(["dev".to_owned(), "part".to_owned(), "dns".to_owned(), config_path(root).display().to_string()])
        .ready(Ready::Tcp(resolver(root, ports)))
        .binds(&["dns"])
        .tier(1)
}

/// The recursive view.
pub(crate) fn resolver(root: &Path, ports: &BTreeMap<String, u16>) -> SocketAddr {
    let address = config(root).recursive.first().copied().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    SocketAddr::new(address, ports.get("dns").copied().unwrap_or_default())
}

/// The variables of a caller.
pub(crate) fn environment(root: &Path, ports: &BTreeMap<String, u16>) -> Vec<(String, String)> {
    let hints: Vec<String> = config(root).root.iter().map(ToString::to_string).collect();
    let text = |name: &str, value: String| (name.to_owned(), value);
    vec![
        text("PORTAL_DOMAIN_DNS_ROOT_HINTS", hints.join(",")),
        text("PORTAL_DOMAIN_DNS_AUTHORITATIVE_PORT", ports.get("dns").copied().unwrap_or_default().to_string()),
        text("PORTAL_DOMAIN_DNS_RESOLVERS", resolver(root, ports).to_string()),
        text("TENANTRY_DEV_NETWORK", dev_network()),
        text("TENANTRY_DEV_DNS", config_path(root).display().to_string()),
        // What the web application derives canonical hosts from.
        text("NEXTAUTH_URL", "https://app.tenantry.test".to_owned()),
    ]
}
