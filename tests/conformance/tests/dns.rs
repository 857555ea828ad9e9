//! The sample DNS against knot.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use conformance::{HOSTS, Knot, RECORDS, Wire, ZONES, ask, knotd, seen};
use dns_server::{Config, Server, edit};
use hickory_proto::rr::RecordType;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// The sample DNS with one server per zone and role, as knot has them.
async fn sample(folder: &Path) -> Server {
    let one = |octet: u8| vec![IpAddr::from([127, 0, 0, octet])];
    let mut config = Config { port: 0, ..Config::new(folder, &ZONES) };
    (config.root, config.top_level, config.recursive) = (one(41), one(43), Vec::new());
    for zone in &mut config.zones {
        zone.servers = one(45);
    }
    for (owner, kind, value) in RECORDS {
        edit::add(&config, owner, kind, value).unwrap();
    }
    for zone in ZONES {
        for n in 0..20 {
            edit::add(&config, &format!("large.{zone}"), "TXT", &format!("{n:02}{}", "x".repeat(100))).unwrap();
        }
    }
    let mut file = edit::read(&config).unwrap();
    file.values_mut().for_each(|zone| zone.serial = 1);
    std::fs::write(&config.records_file, serde_json::to_string(&file).unwrap()).unwrap();
    Server::start(config).await.unwrap()
}

#[tokio::test]
async fn the_client_reads_the_suite_from_the_sample_dns() {
    let folder = tempfile::tempdir().unwrap();
    let sample = sample(folder.path()).await;
    for (host, state, reason) in HOSTS {
        let seen = seen(sample.config().root.clone(), sample.port(), host).await.unwrap();
        assert_eq!((seen[0].as_str(), seen[1].as_str()), (state, reason), "{host}: {seen:?}");
    }
}

#[tokio::test]
async fn knot_and_the_sample_dns_are_seen_alike() {
    let Some(knotd) = knotd() else {
        println!("conformance: not run (knotd not installed)");
        let required = std::env::var("CI_REQUIRE_CONFORMANCE").is_ok_and(|value| value == "1");
        assert!(!required, "CI_REQUIRE_CONFORMANCE=1, and knotd is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sample = sample(&folder.path().join("sample")).await;
    let knot = Knot::start(&knotd, &folder.path().join("knot")).await.unwrap();
    for (host, state, reason) in HOSTS {
        let ours = seen(sample.config().root.clone(), sample.port(), host).await.unwrap();
        let theirs = seen(knot.root(), knot.port(), host).await.unwrap();
        assert_eq!(ours, theirs, "{host}");
        assert_eq!((theirs[0].as_str(), theirs[1].as_str()), (state, reason), "{host}");
    }
    let zones = SocketAddr::new([127, 0, 0, 45].into(), sample.port());
    let top = SocketAddr::new([127, 0, 0, 43].into(), sample.port());
    let questions = [
        ("portal.customer.test", RecordType::CNAME),
        ("portal.customer.test", RecordType::A),
        ("PORTAL.customer.TEST", RecordType::A),
        ("chain.customer.test", RecordType::A),
        ("dangling.customer.test", RecordType::AAAA),
        ("one.loop.customer.test", RecordType::A),
        ("wrong.customer.test", RecordType::A),
        ("wrong.customer.test", RecordType::AAAA),
        ("mixed.customer.test", RecordType::A),
        ("six.customer.test", RecordType::AAAA),
        ("x.wild.customer.test", RecordType::A),
        ("a.b.wild.customer.test", RecordType::CNAME),
        ("wild.customer.test", RecordType::A),
        ("loop.customer.test", RecordType::TXT),
        ("nothing.customer.test", RecordType::A),
        ("x.portal.customer.test", RecordType::A),
        ("texts.customer.test", RecordType::TXT),
        ("caa.customer.test", RecordType::CAA),
        ("large.customer.test", RecordType::TXT),
        ("customer.test", RecordType::SOA),
        ("customer.test", RecordType::MX),
        ("any.portal.platform.test", RecordType::A),
        ("elsewhere.org", RecordType::A),
    ];
    let mut truncated = 0;
    for (name, kind) in questions {
        for wire in [Wire::Udp, Wire::PlainUdp, Wire::Tcp] {
            let ours = ask(zones, name, kind, wire).await.unwrap();
            assert_eq!(ours, ask(knot.zones(), name, kind, wire).await.unwrap(), "{name} {kind} {wire:?}");
            truncated += usize::from(ours[0].contains("tc=true"));
        }
    }
    assert_eq!(truncated, 2, "the large set over UDP, with and without EDNS");
    for name in ["portal.customer.test", "unregistered.test", "customer.test"] {
        let ours = ask(top, name, RecordType::A, Wire::Udp).await.unwrap();
        assert_eq!(ours, ask(knot.top(), name, RecordType::A, Wire::Udp).await.unwrap(), "{name} at the top level");
    }
    println!("conformance: run against knot ({})", knotd.display());
}
