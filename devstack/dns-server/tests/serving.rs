//! The server over its sockets.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use dns_server::faults::{Fault, FaultKind};
use dns_server::{Config, Server, edit, faults};
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;
use tokio::net::UdpSocket;

struct Sample {
    server: Server,
    _folder: tempfile::TempDir,
}

async fn sample(zones: &[&str]) -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { port: 0, ..Config::new(folder.path(), zones) };
    Sample { server: Server::start(config).await.unwrap(), _folder: folder }
}

impl Sample {
    async fn ask(&self, server: &str, name: &str, kind: &str) -> Message {
        let mut question = Message::new(7, MessageType::Query, OpCode::Query);
        let name = Name::from_ascii(format!("{name}.")).unwrap();
        question.add_query(Query::query(name, RecordType::from_str(kind).unwrap()));
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server: IpAddr = server.parse().unwrap();
        socket.send_to(&question.to_vec().unwrap(), (server, self.server.port())).await.unwrap();
        let mut buffer = [0; 4096];
        let received = tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut buffer)).await.unwrap();
        Message::from_vec(&buffer[..received.unwrap()]).unwrap()
    }
}

fn data(message: &Message) -> Vec<String> {
    message.answers.iter().map(|record| format!("{} {}", record.record_type(), record.data)).collect()
}

#[tokio::test]
async fn a_name_is_found_from_the_root_down() {
    let sample = sample(&["a.test"]).await;
    edit::set(sample.server.config(), "h.a.test", "A", "127.0.0.10").unwrap();
    for (server, child) in [("127.0.0.41", "test."), ("127.0.0.44", "a.test.")] {
        let referral = sample.ask(server, "h.a.test", "A").await;
        assert!(!referral.metadata.authoritative && referral.answers.is_empty());
        assert_eq!((referral.authorities.len(), referral.additionals.len()), (2, 2));
        assert_eq!(referral.authorities[0].name.to_ascii(), child);
    }
    let answer = sample.ask("127.0.0.46", "H.A.test", "A").await;
    assert!(answer.metadata.authoritative);
    assert_eq!(data(&answer), ["A 127.0.0.10"]);
}

#[tokio::test]
async fn negative_answers_carry_the_zones_soa() {
    let sample = sample(&["a.test"]).await;
    edit::set(sample.server.config(), "x.h.a.test", "A", "127.0.0.10").unwrap();
    for (name, code) in [
        ("none.a.test", ResponseCode::NXDomain),
        ("h.a.test", ResponseCode::NoError),
        ("x.h.a.test", ResponseCode::NoError),
    ] {
        let answer = sample.ask("127.0.0.45", name, "TXT").await;
        assert_eq!((answer.metadata.response_code, answer.answers.len()), (code, 0), "{name}");
        assert_eq!(answer.authorities[0].record_type(), RecordType::SOA);
    }
    assert_eq!(sample.ask("127.0.0.43", "b.test", "A").await.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(sample.ask("127.0.0.45", "b.test", "A").await.metadata.response_code, ResponseCode::Refused);
}

#[tokio::test]
async fn the_recursive_view_follows_aliases_through_zones() {
    let sample = sample(&["a.test", "b.test"]).await;
    let config = sample.server.config();
    edit::set(config, "*.a.test", "CNAME", "t.b.test").unwrap();
    edit::set(config, "t.b.test", "A", "127.0.0.10").unwrap();
    let answer = sample.ask("127.0.0.53", "any.a.test", "A").await;
    assert!(answer.metadata.recursion_available && !answer.metadata.authoritative);
    assert_eq!(data(&answer), ["CNAME t.b.test.", "A 127.0.0.10"]);
    edit::set(config, "t.b.test", "CNAME", "any.a.test").unwrap();
    assert_eq!(sample.ask("127.0.0.53", "any.a.test", "A").await.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn an_edit_is_visible_at_once_and_raises_the_serial() {
    let sample = sample(&["a.test"]).await;
    let config = sample.server.config();
    for serial in 1..4 {
        edit::set(config, "h.a.test", "TXT", &format!("v{serial}")).unwrap();
        assert_eq!(data(&sample.ask("127.0.0.45", "h.a.test", "TXT").await), [format!("TXT v{serial}")]);
        let soa = data(&sample.ask("127.0.0.46", "a.test", "SOA").await);
        assert!(soa[0].contains(&format!(" {serial} 3600 ")), "{soa:?}");
    }
    let by_hand = std::fs::read_to_string(&config.records_file).unwrap().replace("v3", "v4");
    std::fs::write(&config.records_file, by_hand).unwrap();
    let soa = data(&sample.ask("127.0.0.46", "a.test", "SOA").await);
    assert!(soa[0].contains(" 4 3600 "), "{soa:?}");
    std::fs::write(&config.records_file, "{").unwrap();
    assert_eq!(data(&sample.ask("127.0.0.45", "h.a.test", "TXT").await), ["TXT v4"], "last good content");
}

#[tokio::test]
async fn each_fault_shows_where_it_was_set_and_is_lifted() {
    let sample = sample(&["a.test"]).await;
    let config = sample.server.config();
    edit::set(config, "h.a.test", "A", "127.0.0.10").unwrap();
    let one: IpAddr = "127.0.0.45".parse().unwrap();
    for (kind, code) in [(FaultKind::Servfail, ResponseCode::ServFail), (FaultKind::Refuse, ResponseCode::Refused)] {
        faults::set(config, Fault::new(kind).at(one)).unwrap();
        assert_eq!(sample.ask("127.0.0.45", "h.a.test", "A").await.metadata.response_code, code);
        assert_eq!(data(&sample.ask("127.0.0.46", "h.a.test", "A").await).len(), 1);
    }
    faults::set(config, Fault::new(FaultKind::Lame).at(one)).unwrap();
    let lame = sample.ask("127.0.0.45", "h.a.test", "A").await;
    assert!(!lame.metadata.authoritative && lame.answers.is_empty());
    faults::set(config, Fault::new(FaultKind::Truncate).at(one)).unwrap();
    assert!(sample.ask("127.0.0.45", "h.a.test", "A").await.metadata.truncation);
    faults::set(config, Fault::new(FaultKind::Old).at(one).in_zone("a.test")).unwrap();
    faults::clear(config, Some(&Fault::new(FaultKind::Truncate).at(one))).unwrap();
    edit::set(config, "h.a.test", "A", "127.0.0.11").unwrap();
    assert_eq!(data(&sample.ask("127.0.0.45", "h.a.test", "A").await), ["A 127.0.0.10"]);
    assert_eq!(data(&sample.ask("127.0.0.46", "h.a.test", "A").await), ["A 127.0.0.11"]);
    faults::clear(config, None).unwrap();
    assert_eq!(data(&sample.ask("127.0.0.45", "h.a.test", "A").await), ["A 127.0.0.11"]);
    faults::set(config, Fault::new(FaultKind::Servfail).in_zone("a.test")).unwrap();
    assert_eq!(sample.ask("127.0.0.53", "h.a.test", "A").await.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(sample.ask("127.0.0.43", "h.a.test", "A").await.authorities.len(), 2, "the way to the zone stays open");
}

#[tokio::test]
async fn a_large_answer_is_truncated_over_udp() {
    let sample = sample(&["a.test"]).await;
    edit::set(sample.server.config(), "h.a.test", "TXT", &"x".repeat(2000)).unwrap();
    let answer = sample.ask("127.0.0.45", "h.a.test", "TXT").await;
    assert!(answer.metadata.truncation && answer.answers.is_empty());
}
