//! Which addresses may be dialled, and which zones count as public.
//!
//! One policy for host validation, the DNS verdict, authoritative dialling, the HTTP-01 preflight and the probe, so that
//! a development network is admitted everywhere or nowhere.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Environment variable of the development exception: `<zone,zone>;<cidr,cidr>`.
pub const DEV_NETWORK_VARIABLE: &str = "TENANTRY_DEV_NETWORK";

/// Addresses that are not globally reachable unicast: IANA IPv4 Special-Purpose Address Registry (RFC 6890 and later
/// entries), and multicast (RFC 5771). 192.88.99.0/24 is the withdrawn 6to4 relay (RFC 7526).
const CLOSED_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Parts of 2000::/3 that are not globally reachable: IANA IPv6 Special-Purpose Address Registry. 2001::/23 holds Teredo,
/// benchmarking and ORCHID; its few reachable entries are anycast services that host no web site.
const CLOSED_V6: [(Ipv6Addr, u8); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Global unicast space (RFC 4291 §2.4, IANA IPv6 address space registry): everything outside it is refused.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// A range of addresses in CIDR notation (RFC 4632). Host bits are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Tells whether the address lies in the range. Another address family never does.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => within_v4(address, (network, self.prefix)),
            (IpAddr::V6(network), IpAddr::V6(address)) => within_v6(address, (network, self.prefix)),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let bad = || NetworkError(format!("{text:?} is no address range such as 127.0.0.0/8"));
        let (address, prefix) = text.split_once('/').ok_or_else(bad)?;
        let network: IpAddr = address.parse().map_err(|_| bad())?;
        let prefix: u8 = prefix.parse().map_err(|_| bad())?;
        let widest = if network.is_ipv4() { 32 } else { 128 };
        if prefix > widest {
            return Err(bad());
        }
        Ok(Self { network, prefix })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// A development network that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkError(String);

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not read {DEV_NETWORK_VARIABLE} (<zone,zone>;<cidr,cidr>): {}", self.0)
    }
}

impl std::error::Error for NetworkError {}

/// Says which addresses may be dialled and which special-use zones are admitted.
///
/// ```
/// use model::portal::network::NetworkPolicy;
/// let policy: NetworkPolicy = "customer.test,platform.test;127.0.0.0/8".parse().unwrap();
/// assert!(policy.admits_address("127.0.0.10".parse().unwrap()));
/// assert!(policy.admits_zone("portal.customer.test"));
/// assert!(!NetworkPolicy::production().admits_address("127.0.0.10".parse().unwrap()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPolicy {
    zones: Vec<String>,
    cidrs: Vec<Cidr>,
}

impl NetworkPolicy {
    /// The policy without any exception: public addresses and public names only.
    pub const fn production() -> Self {
        Self { zones: Vec::new(), cidrs: Vec::new() }
    }

    /// The policy of a development network: the given zones and ranges are admitted beside the public ones.
    ///
    /// Zones are compared without case and without a trailing dot.
    ///
    /// # Errors
    /// A zone that is empty or has a character that no host name has, or a range that is not CIDR.
    pub fn dev<Z: AsRef<str>, C: AsRef<str>>(
        zones: impl IntoIterator<Item = Z>,
        cidrs: impl IntoIterator<Item = C>,
    ) -> Result<Self, NetworkError> {
        let zones = zones.into_iter().map(|zone| read_zone(zone.as_ref())).collect::<Result<_, _>>()?;
        let cidrs = cidrs.into_iter().map(|cidr| cidr.as_ref().trim().parse()).collect::<Result<_, _>>()?;
        Ok(Self { zones, cidrs })
    }

    /// Tells whether the policy has no exception.
    pub fn is_production(&self) -> bool {
        self.zones.is_empty() && self.cidrs.is_empty()
    }

    /// Tells whether an address may be published by a tenant and dialled by us.
    ///
    /// Total. Public unicast only (the IANA special-purpose registries); an IPv4 address inside an IPv4-mapped (RFC 4291),
    /// NAT64 (RFC 6052) or 6to4 (RFC 3056) address is judged itself. Ranges of the development network are admitted too.
    pub fn admits_address(&self, address: IpAddr) -> bool {
        self.cidrs.iter().any(|cidr| cidr.contains(address))
            || match address {
                IpAddr::V4(v4) => public_v4(v4),
                IpAddr::V6(v6) => match embedded_v4(v6) {
                    Some(v4) => self.admits_address(IpAddr::V4(v4)),
                    None => public_v6(v6),
                },
            }
    }

    /// Tells whether the host equals or lies below a zone of the development network.
    pub fn admits_zone(&self, host: &str) -> bool {
        self.zones.iter().any(|zone| is_within(host, zone))
    }
}

impl FromStr for NetworkPolicy {
    type Err = NetworkError;

    /// Reads `<zone,zone>;<cidr,cidr>`; either side may be empty.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (zones, cidrs) = text.split_once(';').ok_or_else(|| NetworkError("the semicolon is missing".to_owned()))?;
        let parts = |list: &'_ str| -> Vec<String> {
            list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        Self::dev(parts(zones), parts(cidrs))
    }
}

impl fmt::Display for NetworkPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cidrs: Vec<String> = self.cidrs.iter().map(Cidr::to_string).collect();
        write!(f, "{};{}", self.zones.join(","), cidrs.join(","))
    }
}

/// Tells whether `host` equals `zone` or lies below it. Case and one trailing dot do not matter.
pub fn is_within(host: &str, zone: &str) -> bool {
    let (host, zone) = (plain(host), plain(zone));
    host == zone || host.strip_suffix(&zone).is_some_and(|rest| rest.ends_with('.'))
}

/// Lower case, trimmed, one trailing dot dropped: how host names are compared (portal-domain contract, section 6).
pub fn plain(name: &str) -> String {
    let trimmed = name.trim();
    trimmed.strip_suffix('.').unwrap_or(trimmed).to_lowercase()
}

fn read_zone(text: &str) -> Result<String, NetworkError> {
    let zone = plain(text);
    let readable = !zone.is_empty()
        && zone.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
    if readable { Ok(zone) } else { Err(NetworkError(format!("{text:?} is no zone name"))) }
}

fn within_v4(address: Ipv4Addr, (network, prefix): (Ipv4Addr, u8)) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    address.to_bits() & mask == network.to_bits() & mask
}

fn within_v6(address: Ipv6Addr, (network, prefix): (Ipv6Addr, u8)) -> bool {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    address.to_bits() & mask == network.to_bits() & mask
}

fn public_v4(address: Ipv4Addr) -> bool {
    !CLOSED_V4.iter().any(|range| within_v4(address, *range))
}

fn public_v6(address: Ipv6Addr) -> bool {
    within_v6(address, GLOBAL_V6) && !CLOSED_V6.iter().any(|range| within_v6(address, *range))
}

/// The IPv4 address that a transition address leads to.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let low = Ipv4Addr::from_bits((u32::from(g) << 16) | u32::from(h));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(low),
        [0x2002, ..] => Some(Ipv4Addr::from_bits((u32::from(b) << 16) | u32::from(c))),
        [..] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(policy: &NetworkPolicy, addresses: &[&str], admitted: bool) {
        for address in addresses {
            assert_eq!(policy.admits_address(address.parse().unwrap()), admitted, "{address}");
        }
    }

    #[test]
    fn public_addresses_are_admitted() {
        let public = ["1.1.1.1", "9.255.255.255", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.31.196.1"];
        check(&NetworkPolicy::production(), &public, true);
        let public = ["2606:4700::1", "2a00:1450::5", "2620:4f:8000::1", "64:ff9b::1.1.1.1", "2002:101:101::1"];
        check(&NetworkPolicy::production(), &public, true);
    }

    #[test]
    fn special_purpose_addresses_are_refused() {
        let v4 = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
        ];
        check(&NetworkPolicy::production(), &v4, false);
        let v6 = [
            "::",
            "::1",
            "::127.0.0.1",
            "100::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "64:ff9b:1::1",
            "4000::1",
        ];
        check(&NetworkPolicy::production(), &v6, false);
    }

    #[test]
    fn a_private_address_inside_a_transition_address_is_refused() {
        let mapped = ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"];
        check(&NetworkPolicy::production(), &mapped, false);
        check(&NetworkPolicy::production(), &["::ffff:1.1.1.1"], true);
    }

    #[test]
    fn a_development_network_admits_its_ranges_and_zones_only() {
        let policy: NetworkPolicy = " customer.test , Platform.Test.; 127.0.0.0/8, ::1/128".parse().unwrap();
        assert!(!policy.is_production());
        check(&policy, &["127.0.0.10", "127.9.9.9", "::1", "::ffff:127.0.0.1", "1.1.1.1"], true);
        check(&policy, &["10.0.0.1", "::2", "169.254.169.254"], false);
        assert!(policy.admits_zone("customer.test") && policy.admits_zone("a.b.PLATFORM.test."));
        assert!(!policy.admits_zone("acustomer.test") && !policy.admits_zone("test"));
        assert!(!NetworkPolicy::production().admits_zone("customer.test"));
    }

    #[test]
    fn an_unreadable_development_network_says_what_is_wrong() {
        for (text, says) in [
            ("customer.test", "the semicolon is missing"),
            ("a..b;127.0.0.0/8", "\"a..b\" is no zone name"),
            ("a.test;127.0.0.1", "\"127.0.0.1\" is no address range"),
            ("a.test;127.0.0.0/33", "\"127.0.0.0/33\" is no address range"),
            ("a.test;::/129", "\"::/129\" is no address range"),
        ] {
            let error = text.parse::<NetworkPolicy>().unwrap_err().to_string();
            assert!(error.contains(says) && error.contains(DEV_NETWORK_VARIABLE), "{text}: {error}");
        }
        assert_eq!(";".parse::<NetworkPolicy>().unwrap(), NetworkPolicy::production());
    }

    proptest! {
        #[test]
        fn a_policy_reads_what_it_prints(zones in prop::collection::vec("[a-z]{1,8}(\\.[a-z]{1,8}){0,2}", 0..3),
                                         v4 in any::<u32>(), prefix in 0u8..=32) {
            let cidr = format!("{}/{prefix}", Ipv4Addr::from_bits(v4));
            let policy = NetworkPolicy::dev(zones, [cidr]).unwrap();
            prop_assert_eq!(policy.to_string().parse::<NetworkPolicy>().unwrap(), policy);
        }

        #[test]
        fn a_mapped_address_is_judged_like_the_address_itself(v4 in any::<u32>()) {
            let v4 = Ipv4Addr::from_bits(v4);
            let policy = NetworkPolicy::production();
            prop_assert_eq!(policy.admits_address(IpAddr::V6(v4.to_ipv6_mapped())), policy.admits_address(v4.into()));
        }
    }
}
