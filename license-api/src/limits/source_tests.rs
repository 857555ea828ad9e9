//! Sources: networks, and whose word about an address counts.

use super::*;
use http::HeaderValue;

#[track_caller]
fn networks(address: &str, expected: [&str; 3]) {
    let source = Source::of(address.parse().unwrap());
    assert_eq!([source.address, source.network, source.region], expected.map(str::to_owned));
}

#[test]
fn an_address_is_part_of_two_networks() {
    networks("192.0.2.7", ["192.0.2.7", "192.0.2.0/24", "192.0.0.0/16"]);
    networks("::ffff:192.0.2.7", ["192.0.2.7", "192.0.2.0/24", "192.0.0.0/16"]);
    networks("2001:db8:1:2:3::4", ["2001:db8:1:2::/64", "2001:db8:1::/48", "2001:db8::/32"]);
}

#[test]
fn addresses_of_one_ipv6_network_are_one_source() {
    let of = |text: &str| Source::of(text.parse().unwrap());
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
}

#[test]
fn neighbours_are_spread_over_the_shards() {
    let shards: std::collections::BTreeSet<_> =
        (0..=255).map(|last| Source::of(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))).shard).collect();
    assert_eq!(shards.len(), usize::from(SHARDS));
}

const TRUSTED: [&str; 2] = ["10.0.0.0/8", "2001:db8:aaaa::/48"];

#[track_caller]
fn asked(peer: &str, forwarded: &[&str], expected: &str) {
    let trusted: Vec<IpNet> = TRUSTED.iter().map(|net| net.parse().unwrap()).collect();
    let mut headers = HeaderMap::new();
    for value in forwarded {
        headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
    }
    assert_eq!(asking(peer.parse().unwrap(), &headers, &trusted), expected.parse::<IpAddr>().unwrap());
}

#[test]
fn a_stranger_cannot_say_who_he_is() {
    asked("203.0.113.9", &[], "203.0.113.9");
    asked("203.0.113.9", &["192.0.2.1"], "203.0.113.9");
}

#[test]
fn behind_a_proxy_the_last_untrusted_hop_counts() {
    asked("10.0.0.1", &["192.0.2.1"], "192.0.2.1");
    asked("10.0.0.1", &["198.51.100.1, 192.0.2.1"], "192.0.2.1");
    asked("10.0.0.1", &["198.51.100.1, 192.0.2.1, 10.0.0.2"], "192.0.2.1");
    asked("10.0.0.1", &["198.51.100.1", "192.0.2.1,10.0.0.2"], "192.0.2.1");
    asked("::ffff:10.0.0.1", &["192.0.2.1"], "192.0.2.1");
    asked("2001:db8:aaaa::1", &["[2001:db8:1::5]:443"], "2001:db8:1::5");
    asked("10.0.0.1", &["192.0.2.1:50000"], "192.0.2.1");
}

#[test]
fn only_proxies_means_the_farthest_of_them() {
    asked("10.0.0.1", &[], "10.0.0.1");
    asked("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
}

#[test]
fn what_is_no_address_ends_the_reading() {
    asked("10.0.0.1", &["192.0.2.1, unknown"], "10.0.0.1");
    asked("10.0.0.1", &["192.0.2.1, unknown, 10.0.0.2"], "10.0.0.2");
    asked("10.0.0.1", &["", "  "], "10.0.0.1");
    let many = "10.0.0.9, ".repeat(40) + "10.0.0.8";
    asked("10.0.0.1", &[&format!("192.0.2.1, {many}")], "10.0.0.9");
}
