//! Sockets: every address on UDP and TCP, one port.

use crate::answer::{self, Reply};
use crate::config::Config;
use crate::faults::FaultKind;
use crate::live::Live;
use crate::records::plain;
use anyhow::{Context, anyhow};
use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, ResponseCode};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// Largest UDP answer in octets (DNS flag day 2020: no fragments).
const UDP_MAX: usize = 1232;
/// Octets of a UDP answer to a question without EDNS (RFC 1035 §4.2.1).
const UDP_PLAIN_MAX: usize = 512;
/// How long a TCP connection may be idle (RFC 7766 §6.2.3 asks for a few seconds).
const TCP_IDLE: Duration = Duration::from_secs(10);
/// How often a free port is tried that must be free at every address, UDP and TCP.
const BIND_TRIES: usize = 50;

type Shared = Arc<Mutex<Live>>;

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    config: Config,
    tasks: JoinSet<()>,
}

impl Server {
    /// Binds every address and starts to answer.
    ///
    /// # Errors
    /// The configuration contradicts itself, a file cannot be read, or an address and port is taken.
    pub async fn start(mut config: Config) -> anyhow::Result<Self> {
        config.check()?;
        let live: Shared = Arc::new(Mutex::new(Live::new(config.clone())?));
        let addresses = config.addresses();
        let mut tries = 0;
        let sockets = loop {
            match bind_all(&addresses, config.port).await {
                Ok(sockets) => break sockets,
                Err(error) if config.port != 0 || tries == BIND_TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        };
        let mut tasks = JoinSet::new();
        for (udp, tcp) in sockets {
            config.port = udp.local_addr()?.port();
            tasks.spawn(answer_udp(udp, Arc::clone(&live)));
            tasks.spawn(answer_tcp(tcp, Arc::clone(&live)));
        }
        Ok(Self { config, tasks })
    }

    /// The configuration in force, with the port that was taken: what [`crate::edit`] and [`crate::faults`] want.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The port of every address.
    pub fn port(&self) -> u16 {
        self.config.port
    }

    /// Every address with its port.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.config.addresses().into_iter().map(|address| SocketAddr::new(address, self.config.port)).collect()
    }

    /// Addresses of the recursive view, with the port.
    pub fn resolvers(&self) -> Vec<SocketAddr> {
        self.config.recursive.iter().map(|address| SocketAddr::new(*address, self.config.port)).collect()
    }

    /// Waits for ever, or for a listener that ended, which is a defect.
    async fn run(mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(Err(error)) => anyhow!(error).context("a listener ended"),
            Some(Ok(())) | None => anyhow!("a listener ended"),
        }
    }
}

/// Serves the zones of a configuration file until the future is dropped.
///
/// # Errors
/// The file cannot be read, or an address and port is taken.
pub async fn serve(config_path: &Path) -> anyhow::Result<()> {
    let config = Config::read(config_path)?;
    let server = Server::start(config).await?;
    tracing::info!(port = server.port(), addresses = ?server.config.addresses(), "sample DNS is answering");
    Err(server.run().await)
}

/// Binds UDP and TCP of every address to one port; port 0 takes the first free one of the first address.
async fn bind_all(addresses: &[IpAddr], port: u16) -> anyhow::Result<Vec<(UdpSocket, TcpListener)>> {
    let mut port = port;
    let mut sockets = Vec::with_capacity(addresses.len());
    for address in addresses {
        let at = SocketAddr::new(*address, port);
        let udp = UdpSocket::bind(at).await.with_context(|| format!("could not listen on {at}, UDP"))?;
        port = udp.local_addr()?.port();
        let at = SocketAddr::new(*address, port);
        let tcp = TcpListener::bind(at).await.with_context(|| format!("could not listen on {at}, TCP"))?;
        sockets.push((udp, tcp));
    }
    Ok(sockets)
}

async fn answer_udp(socket: UdpSocket, live: Shared) {
    let Ok(local) = socket.local_addr() else { return };
    let mut buffer = [0_u8; 4096];
    loop {
        // An error here is one of an earlier answer (ICMP); the socket stays usable.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        let Some(answer) = respond(&live, local.ip(), &buffer[..length], Transport::Udp) else { continue };
        if let Err(error) = socket.send_to(&answer, peer).await {
            tracing::debug!(%peer, %error, "could not send an answer");
        }
    }
}

async fn answer_tcp(listener: TcpListener, live: Shared) {
    let Ok(local) = listener.local_addr() else { return };
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(answer_stream(stream, local.ip(), Arc::clone(&live)));
    }
}

async fn answer_stream(mut stream: TcpStream, server: IpAddr, live: Shared) {
    while let Ok(Ok(length)) = tokio::time::timeout(TCP_IDLE, stream.read_u16()).await {
        let mut question = vec![0_u8; usize::from(length)];
        if stream.read_exact(&mut question).await.is_err() {
            return;
        }
        let Some(answer) = respond(&live, server, &question, Transport::Tcp) else { return };
        let Ok(length) = u16::try_from(answer.len()) else { return };
        let framed = [&length.to_be_bytes(), answer.as_slice()].concat();
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

/// The octets of the answer; none where nothing shall be sent.
fn respond(live: &Shared, server: IpAddr, question: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).ok()?;
    if question.metadata.message_type != MessageType::Query {
        return None;
    }
    let Some(query) = question.queries.first().filter(|_| question.metadata.op_code == OpCode::Query) else {
        return encode(&question, Reply::empty(ResponseCode::NotImp)).to_vec().ok();
    };
    let world = live.lock().ok()?.now();
    let (name, kind) = (plain(&query.name().to_ascii()), query.query_type());
    let fault = world.fault(server, &name);
    let recursive = world.recursive.contains(&server);
    let reply = match fault {
        Some(FaultKind::Timeout) => return None,
        Some(FaultKind::Servfail) => Reply::empty(ResponseCode::ServFail),
        Some(FaultKind::Refuse) => Reply::empty(ResponseCode::Refused),
        Some(FaultKind::Lame) => Reply::empty(ResponseCode::NoError),
        Some(FaultKind::Truncate | FaultKind::Old) | None if recursive => {
            answer::recursive(&world, server, &name, kind)
        }
        Some(FaultKind::Truncate | FaultKind::Old) | None => answer::authoritative(&world, server, &name, kind),
    };
    let answer = encode(&question, reply);
    let octets = answer.to_vec().ok()?;
    let limit = question.edns.as_ref().map_or(UDP_PLAIN_MAX, |_| UDP_MAX.min(usize::from(question.max_payload())));
    let cut = fault == Some(FaultKind::Truncate) || octets.len() > limit;
    if transport == Transport::Udp && cut { answer.truncate().to_vec().ok() } else { Some(octets) }
}

fn encode(question: &Message, reply: Reply) -> Message {
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata = Metadata::response_from_request(&question.metadata);
    answer.metadata.response_code = reply.code;
    answer.metadata.authoritative = reply.authoritative;
    answer.metadata.recursion_available = reply.recursion_available;
    answer.add_queries(question.queries.iter().cloned());
    answer.answers = reply.answers;
    answer.authorities = reply.authorities;
    answer.additionals = reply.additionals;
    if question.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(u16::try_from(UDP_MAX).unwrap_or(512));
        answer.set_edns(edns);
    }
    answer
}
