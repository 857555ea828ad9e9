//! The zone, the questions, and what is compared.

use anyhow::{Context, bail};
use dns::{DnsActivities, LookUpHostRequest, Settings};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// Zones of the suite: a customer's and the platform's.
pub const ZONES: [&str; 2] = ["customer.test", "platform.test"];

/// Records of the suite: owner, type, value.
pub const RECORDS: [(&str, &str, &str); 17] = [
    ("portal.customer.test", "CNAME", "abcdef1.portal.platform.test"),
    ("wrong.customer.test", "A", "127.0.0.99"),
    ("flat.customer.test", "A", "127.0.0.10"),
    ("_portal-ownership.flat.customer.test", "TXT", "portal-ownership=token"),
    ("mixed.customer.test", "A", "127.0.0.10"),
    ("mixed.customer.test", "A", "127.0.0.99"),
    ("six.customer.test", "A", "127.0.0.10"),
    ("six.customer.test", "AAAA", "2606:4700::1"),
    ("chain.customer.test", "CNAME", "middle.customer.test"),
    ("middle.customer.test", "CNAME", "abcdef1.portal.platform.test"),
    ("dangling.customer.test", "CNAME", "none.customer.test"),
    ("one.loop.customer.test", "CNAME", "two.loop.customer.test"),
    ("two.loop.customer.test", "CNAME", "one.loop.customer.test"),
    ("*.wild.customer.test", "CNAME", "abcdef1.portal.platform.test"),
    ("texts.customer.test", "TXT", "portal-ownership=other; with a semicolon"),
    ("caa.customer.test", "CAA", "0 issue \"ca.test\""),
    ("*.portal.platform.test", "A", "127.0.0.10"),
];

/// Hosts that are looked at, with the state and code that each must give.
pub const HOSTS: [(&str, &str, &str); 11] = [
    ("portal.customer.test", "correct", ""),
    ("wrong.customer.test", "elsewhere", "DNS_POINTS_ELSEWHERE"),
    ("flat.customer.test", "correct", "DNS_FLATTENED"),
    ("mixed.customer.test", "partial", "DNS_CONFLICTING_RECORDS"),
    ("six.customer.test", "partial", "DNS_AAAA_STALE"),
    ("chain.customer.test", "correct", ""),
    ("dangling.customer.test", "elsewhere", "DNS_CHAIN_BAD"),
    ("one.loop.customer.test", "elsewhere", "DNS_CHAIN_BAD"),
    ("x.wild.customer.test", "partial", "DNS_WILDCARD_ONLY"),
    ("nothing.customer.test", "absent", "DNS_NO_RECORDS"),
    ("portal.unregistered.test", "absent", "DNS_NXDOMAIN_ZONE"),
];

/// What a look says, without servers and times: findings, chain, addresses, digest.
///
/// # Errors
/// An answer without findings, which is a defect.
pub async fn seen(root_hints: Vec<IpAddr>, port: u16, host: &str) -> anyhow::Result<Vec<String>> {
    let network = format!("{};127.0.0.0/8", ZONES.join(",")).parse()?;
    let settings = Settings { root_hints, authoritative_port: port, ..Settings::new(network) };
    let request = LookUpHostRequest {
        host: host.to_owned(),
        accepted_targets: vec!["abcdef1.portal.platform.test".to_owned()],
        own_target: "t-aaaa.portal.platform.test".to_owned(),
        proof_name: format!("_portal-ownership.{host}"),
        proof_value: "portal-ownership=token".to_owned(),
        now_ms: 1_800_000_000_000,
        ..LookUpHostRequest::default()
    };
    let look = DnsActivities::new(settings).look_up(&request).await;
    let (dns, ownership) = look.dns.zip(look.ownership).context("a look without findings")?;
    let mut words = vec![dns.state, dns.reason, format!("{} of {}", dns.agree, dns.asked), ownership.state];
    words.extend([ownership.reason, look.proof_method, look.chain.join(" "), look.addresses.join(" ")]);
    words.push(look.evidence_digest);
    Ok(words)
}

/// How a question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// UDP with room for 1,232 octets.
    Udp,
    /// UDP without EDNS: 512 octets.
    PlainUdp,
    /// TCP.
    Tcp,
}

/// Asks one server and tells what came back, in a form that two servers can be compared in: code, flags, answer records,
/// owner of the SOA in a negative answer, delegated zone of a referral.
///
/// # Errors
/// No answer in 5 s, or one that cannot be read.
pub async fn ask(server: SocketAddr, name: &str, kind: RecordType, wire: Wire) -> anyhow::Result<Vec<String>> {
    let mut question = Message::new(4711, MessageType::Query, OpCode::Query);
    question.add_query(Query::query(Name::from_ascii(format!("{name}."))?, kind));
    if wire == Wire::Udp {
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        question.set_edns(edns);
    }
    let octets = question.to_vec()?;
    let exchange = async {
        match wire {
            Wire::Udp | Wire::PlainUdp => over_udp(server, &octets).await,
            Wire::Tcp => over_tcp(server, &octets).await,
        }
    };
    let answer = Message::from_vec(&tokio::time::timeout(Duration::from_secs(5), exchange).await??)?;
    if answer.metadata.id != question.metadata.id {
        bail!("an answer to another question");
    }
    Ok(told(&answer))
}

fn told(answer: &Message) -> Vec<String> {
    let meta = &answer.metadata;
    let mut told = vec![format!(
        "{} aa={} tc={} ra={}",
        meta.response_code, meta.authoritative, meta.truncation, meta.recursion_available
    )];
    if meta.truncation {
        // How much of a truncated answer is sent is up to the server (RFC 2181 §9); nobody may use it.
        return told;
    }
    let mut answers: Vec<String> = answer
        .answers
        .iter()
        .map(|record| format!("answer {} {} {}", record.name, record.record_type(), record.data).to_lowercase())
        .collect();
    answers.sort();
    told.extend(answers);
    let authorities = answer.authorities.iter();
    let mut owners: Vec<String> = authorities
        .filter(|record| record.record_type() == RecordType::SOA || !meta.authoritative)
        .map(|record| format!("authority {} {}", record.name, record.record_type()).to_lowercase())
        .collect();
    owners.sort();
    owners.dedup();
    told.extend(owners);
    told
}

async fn over_udp(server: SocketAddr, octets: &[u8]) -> anyhow::Result<Vec<u8>> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
    socket.connect(server).await?;
    socket.send(octets).await?;
    let mut buffer = vec![0; 4096];
    let length = socket.recv(&mut buffer).await?;
    buffer.truncate(length);
    Ok(buffer)
}

async fn over_tcp(server: SocketAddr, octets: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(octets.len())?;
    stream.write_all(&[&length.to_be_bytes(), octets].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}
