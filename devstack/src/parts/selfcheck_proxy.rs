//! The forward proxy of cert-manager's HTTP-01 self-check, which always goes to port 80 of the host. The host is looked
//! up in the sample zones, and port 80 becomes the edge's unprivileged port, so that a name that does not point at the
//! edge fails here as it does in production.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// A name is asked for this often.
const TRIES: usize = 2;
/// An answer may take this long.
const DNS_WAIT: Duration = Duration::from_secs(2);
/// A connection may take this long.
const CONNECT_WAIT: Duration = Duration::from_secs(3);
/// The whole exchange may take this long; cert-manager gives up after 10 s.
const EXCHANGE_WAIT: Duration = Duration::from_secs(15);
/// Octets of a request's head.
const HEAD_MAX: usize = 16 * 1024;

/// Where names are looked up, and what port 80 becomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proxy {
    pub(super) resolver: SocketAddr,
    pub(super) edge_http: u16,
}

/// Serves until the process is ended.
pub(super) async fn serve(address: SocketAddr, proxy: Proxy) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(%address, "self-check proxy is answering");
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(async move {
            let exchange = tokio::time::timeout(EXCHANGE_WAIT, proxy.exchange(client)).await;
            if let Ok(Err(error)) = exchange {
                tracing::debug!("self-check: {error:#}");
            }
        });
    }
}

impl Proxy {
    /// Carries one request and its answer; every failure to reach the host is a 502 that says why.
    async fn exchange(self, mut client: TcpStream) -> anyhow::Result<()> {
        let head = read_head(&mut client).await?;
        let (host, port, request) = rewrite(&head).context("not a proxy request")?;
        match self.connect(&host, port).await {
            Ok(mut server) => {
                server.write_all(request.as_bytes()).await?;
                tokio::io::copy(&mut server, &mut client).await?;
            }
            Err(error) => {
                let why = format!("{error:#}\n");
                let answer = format!(
                    "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{why}",
                    why.len()
                );
                client.write_all(answer.as_bytes()).await?;
            }
        }
        Ok(client.shutdown().await?)
    }

    async fn connect(self, host: &str, port: u16) -> anyhow::Result<TcpStream> {
        let address = match host.parse() {
            Ok(address) => address,
            Err(_) => self.look_up(host).await?,
        };
        let port = if port == 80 { self.edge_http } else { port };
        let target = SocketAddr::new(address, port);
        let connected = tokio::time::timeout(CONNECT_WAIT, TcpStream::connect(target)).await;
        connected.context("connection timed out").and_then(|tried| Ok(tried?)).with_context(|| format!("dial {target}"))
    }

    /// Asks for the IPv4 address; the recursive view follows aliases by itself.
    async fn look_up(self, host: &str) -> anyhow::Result<IpAddr> {
        let id: u16 = rand::random();
        let question = question(id, host).with_context(|| format!("{host:?} is no host name"))?;
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(self.resolver).await?;
        let mut buffer = [0; 4096];
        for _ in 0..TRIES {
            socket.send(&question).await?;
            let Ok(read) = tokio::time::timeout(DNS_WAIT, socket.recv(&mut buffer)).await else { continue };
            let answer = buffer.get(..read?).unwrap_or_default();
            if answer.get(..2) == Some(id.to_be_bytes().as_slice()) {
                return first_address(answer).with_context(|| format!("look up {host}"));
            }
        }
        Err(io::Error::from(io::ErrorKind::TimedOut)).with_context(|| format!("look up {host}"))
    }
}

async fn read_head(client: &mut TcpStream) -> anyhow::Result<String> {
    let mut head = Vec::new();
    let mut some = [0; 2048];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        anyhow::ensure!(head.len() < HEAD_MAX, "the request is too long");
        match client.read(&mut some).await? {
            0 => anyhow::bail!("the request ended early"),
            read => head.extend_from_slice(some.get(..read).unwrap_or_default()),
        }
    }
    Ok(String::from_utf8(head)?)
}

/// Turns `GET http://host[:port]/path` into what a server wants, one request per connection.
fn rewrite(head: &str) -> Option<(String, u16, String)> {
    let (line, headers) = head.split_once("\r\n")?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let rest = target.strip_prefix("http://")?;
    let (authority, path) = rest.split_once('/').map_or((rest, String::from("/")), |(a, p)| (a, format!("/{p}")));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, 80),
    };
    let kept = headers.lines().filter(|line| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !line.is_empty() && name != "connection" && !name.starts_with("proxy-")
    });
    let mut request = format!("{method} {path} HTTP/1.1\r\n");
    for line in kept {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str("Connection: close\r\n\r\n");
    Some((host.to_owned(), port, request))
}

/// A question for A with recursion desired (RFC 1035 §4.1); `None` when the name does not fit.
fn question(id: u16, host: &str) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(64);
    message.extend_from_slice(&id.to_be_bytes());
    message.extend_from_slice(&[0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in host.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        message.push(length);
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    (message.len() <= 12 + 255 + 4).then_some(message)
}

/// The first A record of an answer, or what the server said instead.
fn first_address(answer: &[u8]) -> anyhow::Result<IpAddr> {
    let octet = |at: usize| answer.get(at).copied().context("the answer is cut off");
    let pair = |at: usize| Ok::<_, anyhow::Error>(u16::from_be_bytes([octet(at)?, octet(at + 1)?]));
    match octet(3)? & 0x0f {
        0 => {}
        3 => anyhow::bail!("no such host"),
        code => anyhow::bail!("server answered with code {code}"),
    }
    let mut at = skip_name(answer, 12)? + 4;
    for _ in 0..pair(6)? {
        at = skip_name(answer, at)?;
        let (kind, length) = (pair(at)?, usize::from(pair(at + 8)?));
        if kind == 1 && length == 4 {
            return Ok(IpAddr::from([octet(at + 10)?, octet(at + 11)?, octet(at + 12)?, octet(at + 13)?]));
        }
        at += 10 + length;
    }
    anyhow::bail!("no address")
}

/// The position after a name: labels up to an empty one or a pointer (RFC 1035 §4.1.4).
fn skip_name(answer: &[u8], mut at: usize) -> anyhow::Result<usize> {
    loop {
        let length = answer.get(at).copied().context("the answer is cut off")?;
        match length {
            0 => return Ok(at + 1),
            1..=63 => at += 1 + usize::from(length),
            _ => return Ok(at + 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_request_becomes_a_plain_one() {
        let head = "GET http://portal.acme.test/.well-known/acme-challenge/t HTTP/1.1\r\nHost: portal.acme.test\r\n\
            Proxy-Connection: keep-alive\r\nConnection: keep-alive\r\n\r\n";
        let (host, port, request) = rewrite(head).unwrap();
        assert_eq!((host.as_str(), port), ("portal.acme.test", 80));
        assert_eq!(
            request,
            "GET /.well-known/acme-challenge/t HTTP/1.1\r\nHost: portal.acme.test\r\nConnection: close\r\n\r\n"
        );
        assert!(rewrite("GET /path HTTP/1.1\r\n\r\n").is_none());
    }

    #[test]
    fn the_first_address_is_read_past_an_alias() {
        let mut answer = question(7, "a.test").unwrap();
        answer[3] = 0x80;
        answer[7] = 2;
        answer.extend_from_slice(&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 5, 0, 4, 1, b'b', 0xc0, 14]);
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 127, 0, 0, 10]);
        assert_eq!(first_address(&answer).unwrap(), IpAddr::from([127, 0, 0, 10]));
        answer[3] = 0x83;
        assert_eq!(first_address(&answer).unwrap_err().to_string(), "no such host");
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        assert!(question(1, "a..b").is_none());
        assert!(question(1, &"x".repeat(64)).is_none());
    }
}
