//! Where a request comes from.

use crate::state::AppState;
use axum::extract::{ConnectInfo, FromRequestParts};
use http::HeaderMap;
use http::request::Parts;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Most entries of `X-Forwarded-For` that are read, from the right: more proxies than that stand in no row.
const HOPS_MAX: usize = 16;
/// Rows over which the total of all sources is spread, so that successes do not wait for each other.
const SHARDS: u8 = 16;

/// A source of requests and the networks that it is part of: an IPv4 address with its /24 and /16, or an IPv6 /64 with its
/// /48 and /32 (licensing contract, L-05 and section 15, "Limits").
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// The source itself.
    pub address: String,
    /// Its network.
    pub network: String,
    /// Its wider network.
    pub region: String,
    /// Where it is counted in the total.
    pub shard: String,
}

/// Addresses are not shown.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source([REDACTED])")
    }
}

impl Source {
    /// The source of an address. An IPv4 address in the form of IPv6 is the IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let net = |prefix| Ipv4Net::new_assert(v4, prefix).trunc().to_string();
                Self { address: v4.to_string(), network: net(24), region: net(16), shard: shard(&v4.octets()) }
            }
            IpAddr::V6(v6) => {
                let net = |prefix| Ipv6Net::new_assert(v6, prefix).trunc().to_string();
                Self { address: net(64), network: net(48), region: net(32), shard: shard(&v6.octets()[..8]) }
            }
        }
    }
}

fn shard(bytes: &[u8]) -> String {
    let mixed = bytes.iter().fold(0_u8, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(*byte));
    (mixed % SHARDS).to_string()
}

/// The address that asked.
///
/// The peer of the connection, unless it is a trusted proxy (`TENANTRY_LICENSE_TRUSTED_PROXIES`). Then `X-Forwarded-For` is
/// read from right to left: each proxy adds the address it saw at the end, so the first entry from the right that is no
/// trusted proxy is the last one that somebody trusted has seen; what stands left of it is the client's own word. An entry
/// that is no address ends the reading at the proxy that sent it.
fn asking(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address.to_canonical()));
    let mut asking = peer;
    let values = headers.get_all("x-forwarded-for").iter().rev();
    let entries = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    for entry in entries.take(HOPS_MAX) {
        if !is_trusted(asking) {
            break;
        }
        let Some(address) = entry_address(entry.trim()) else { break };
        asking = address;
    }
    asking
}

/// An entry is an address, and some proxies add the port.
fn entry_address(entry: &str) -> Option<IpAddr> {
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = entry.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    entry.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// The source of the request at hand.
///
/// Without a peer, which no served connection lacks, everybody is one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSource(pub Source);

impl FromRequestParts<AppState> for RequestSource {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(Self(Source::of(asking(peer, &parts.headers, &state.settings.trusted_proxies))))
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
