//! One question to one address: UDP first, TCP when the answer is truncated.

use crate::budget::Budget;
use crate::settings::{Settings, UDP_PAYLOAD};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use model::portal::dns::Failure;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Whether the server shall look further for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recursion {
    /// `RD=0`: only what the server itself knows.
    Off,
    /// `RD=1`: for the recursive view.
    On,
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) name: &'a Name,
    pub(crate) kind: RecordType,
    pub(crate) recursion: Recursion,
}

/// Asks one address one question, again when it does not answer. Answers with NOERROR and NXDOMAIN are returned, with or
/// without authority.
pub(crate) async fn ask(
    settings: &Settings,
    budget: &Budget,
    server: SocketAddr,
    question: Question<'_>,
) -> Result<Message, Failure> {
    let mut last = Failure::Local;
    for _ in 0..settings.tries.max(1) {
        match once(settings, budget, server, question).await {
            Err(Failure::Timeout) => last = Failure::Timeout,
            Err(failure) if last == Failure::Timeout && failure == Failure::Local => break,
            Err(failure) => return Err(failure),
            Ok(message) => return by_code(message),
        }
    }
    // A server that was silent for a whole try is silent; one that we had no time for says nothing.
    Err(last)
}

fn by_code(message: Message) -> Result<Message, Failure> {
    if [ResponseCode::NoError, ResponseCode::NXDomain].contains(&message.metadata.response_code) {
        Ok(message)
    } else if message.metadata.response_code == ResponseCode::Refused {
        Err(Failure::Refused)
    } else {
        Err(Failure::Servfail)
    }
}

async fn once(
    settings: &Settings,
    budget: &Budget,
    server: SocketAddr,
    question: Question<'_>,
) -> Result<Message, Failure> {
    let message = compose(question);
    let octets = message.to_vec().map_err(|_| Failure::Local)?;
    let wait = budget.take(settings.query_timeout).ok_or(Failure::Local)?;
    let silent = |wait: std::time::Duration| {
        // Cut short by our own bound: the server was not given its time.
        if wait < settings.query_timeout && budget.is_over() { Failure::Local } else { Failure::Timeout }
    };
    let answer = timeout(wait, over_udp(server, &octets, &message)).await.map_err(|_| silent(wait))??;
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    let wait = budget.take(settings.query_timeout).ok_or(Failure::Local)?;
    timeout(wait, over_tcp(server, &octets, &message)).await.map_err(|_| silent(wait))?
}

/// A fresh id from the system's generator for each question; the port comes from the system too (RFC 5452).
fn compose(question: Question<'_>) -> Message {
    let mut message = Message::new(rand::random(), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = question.recursion == Recursion::On;
    message.add_query(Query::query(question.name.clone(), question.kind));
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_PAYLOAD);
    message.set_edns(edns);
    message
}

async fn over_udp(server: SocketAddr, octets: &[u8], asked: &Message) -> Result<Message, Failure> {
    let from: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(from).await.map_err(|error| of_io(&error))?;
    socket.connect(server).await.map_err(|error| of_io(&error))?;
    socket.send(octets).await.map_err(|error| of_io(&error))?;
    let mut buffer = [0_u8; 4096];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(|error| of_io(&error))?;
        // Another id or question is somebody else's answer (RFC 5452 §9.1): the right one may still come.
        match Message::from_vec(&buffer[..length]) {
            Ok(answer) if answers(&answer, asked) => return Ok(answer),
            Ok(_) => {}
            Err(_) if buffer[..length].starts_with(&octets[..2]) => return Err(Failure::Malformed),
            Err(_) => {}
        }
    }
}

async fn over_tcp(server: SocketAddr, octets: &[u8], asked: &Message) -> Result<Message, Failure> {
    let exchange = async {
        let mut stream = TcpStream::connect(server).await?;
        let length = u16::try_from(octets.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), octets].concat()).await?;
        let mut answer = vec![0_u8; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    let answer = exchange.await.map_err(|error| of_io(&error))?;
    Message::from_vec(&answer).ok().filter(|answer| answers(answer, asked)).ok_or(Failure::Malformed)
}

fn answers(answer: &Message, asked: &Message) -> bool {
    answer.metadata.message_type == MessageType::Response
        && answer.metadata.id == asked.metadata.id
        && answer.queries.first().zip(asked.queries.first()).is_some_and(|(answered, asked)| {
            answered.query_type() == asked.query_type() && answered.name() == asked.name()
        })
}

/// A closed port or a broken connection is the server's; everything else (no route, no sockets left) is ours.
fn of_io(error: &io::Error) -> Failure {
    let theirs = [
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::UnexpectedEof,
        ErrorKind::BrokenPipe,
    ];
    if theirs.contains(&error.kind()) { Failure::Timeout } else { Failure::Local }
}
