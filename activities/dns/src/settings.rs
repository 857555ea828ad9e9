//! What the client needs to know, and its bounds.

use model::portal::network::NetworkPolicy;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Addresses of the Internet's root servers a to m (IANA root hints file, version 2024041801).
pub const INTERNET_ROOT_HINTS: [IpAddr; 26] = [
    v4(198, 41, 0, 4),
    v4(170, 247, 170, 2),
    v4(192, 33, 4, 12),
    v4(199, 7, 91, 13),
    v4(192, 203, 230, 10),
    v4(192, 5, 5, 241),
    v4(192, 112, 36, 4),
    v4(198, 97, 190, 53),
    v4(192, 36, 148, 17),
    v4(192, 58, 128, 30),
    v4(193, 0, 14, 129),
    v4(199, 7, 83, 42),
    v4(202, 12, 27, 33),
    v6([0x2001, 0x503, 0xba3e, 0, 0, 0, 0x2, 0x30]),
    v6([0x2801, 0x1b8, 0x10, 0, 0, 0, 0, 0xb]),
    v6([0x2001, 0x500, 0x2, 0, 0, 0, 0, 0xc]),
    v6([0x2001, 0x500, 0x2d, 0, 0, 0, 0, 0xd]),
    v6([0x2001, 0x500, 0xa8, 0, 0, 0, 0, 0xe]),
    v6([0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf]),
    v6([0x2001, 0x500, 0x12, 0, 0, 0, 0, 0xd0d]),
    v6([0x2001, 0x500, 0x1, 0, 0, 0, 0, 0x53]),
    v6([0x2001, 0x7fe, 0, 0, 0, 0, 0, 0x53]),
    v6([0x2001, 0x503, 0xc27, 0, 0, 0, 0x2, 0x30]),
    v6([0x2001, 0x7fd, 0, 0, 0, 0, 0, 0x1]),
    v6([0x2001, 0x500, 0x9f, 0, 0, 0, 0, 0x42]),
    v6([0x2001, 0xdc3, 0, 0, 0, 0, 0, 0x35]),
];

/// Most authoritative addresses of a host's zone that are asked: five questions each leave twenty of the sixty for the way
/// there, the targets, the sibling and the recursive view.
pub(crate) const ADDRESSES_MAX: usize = 8;
/// Most authoritative addresses of a later hop's zone that are asked: eight hops of two must fit beside the host's zone.
pub(crate) const HOP_ADDRESSES_MAX: usize = 2;
/// Most servers of the root or a top-level zone that are tried: they are anycast, and three that fail mean our own path.
pub(crate) const UPPER_SERVERS_MAX: usize = 3;
/// Most referrals from the root to one zone; a name has seldom more than five cuts.
pub(crate) const REFERRALS_MAX: usize = 12;
/// Most nested lookups for the addresses of name servers whose names lie in other zones.
pub(crate) const NESTED_MAX: usize = 3;
/// Most resolvers of the recursive view that are asked (domain-health contract, section 5: three).
pub(crate) const RESOLVERS_MAX: usize = 3;
/// Pause before the next server of a zone is asked beside one that has not answered: an anycast server answers within
/// 100 ms nearly everywhere (RFC 8305 §5 uses 250 ms for the same purpose).
pub(crate) const STAGGER: Duration = Duration::from_millis(250);
/// Octets of a UDP answer that is asked for (DNS flag day 2020: no fragments).
pub(crate) const UDP_PAYLOAD: u16 = 1232;

/// How DNS is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Addresses of the root servers (`PORTAL_DOMAIN_DNS_ROOT_HINTS`).
    pub root_hints: Vec<IpAddr>,
    /// Port of every authoritative server (`PORTAL_DOMAIN_DNS_AUTHORITATIVE_PORT`, 53).
    pub authoritative_port: u16,
    /// The recursive view (`PORTAL_DOMAIN_DNS_RESOLVERS`); empty for none. At most three are asked, and none ever blocks.
    pub resolvers: Vec<SocketAddr>,
    /// Which authoritative addresses may be dialled.
    pub network: NetworkPolicy,
    /// Time for one answer.
    pub query_timeout: Duration,
    /// How often one address is asked one question.
    pub tries: u32,
    /// Questions of one look, all servers and repetitions together.
    pub max_queries: u32,
    /// Time for one look.
    pub overall: Duration,
}

impl Settings {
    /// The Internet's root, port 53, no recursive view, and the bounds of the domain-health contract, section 5: 60
    /// questions, 2 s each, 2 tries, 15 s in all.
    pub fn new(network: NetworkPolicy) -> Self {
        Self {
            root_hints: INTERNET_ROOT_HINTS.to_vec(),
            authoritative_port: 53,
            resolvers: Vec::new(),
            network,
            query_timeout: Duration::from_secs(2),
            tries: 2,
            max_queries: 60,
            overall: Duration::from_secs(15),
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h))
}
