//! Free loopback ports, held until the part that gets them is started.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use rand::Rng as _;

/// Below Linux' range for outgoing connections (32768 on), so that no client's socket takes a port in between.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
/// Random tries before giving up; the range has 12,000 ports.
const TRIES: usize = 400;

/// What keeps a port ours until it is handed over.
#[derive(Debug)]
struct Held {
    _tcp: Vec<TcpListener>,
    _udp: Vec<UdpSocket>,
}

/// Ports by the name of their use.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    numbers: BTreeMap<String, u16>,
    held: BTreeMap<String, Held>,
    preferred: BTreeMap<String, u16>,
}

impl Ports {
    /// Starts from the ports of an earlier start, which are taken again where they are free.
    pub(crate) fn preferring(preferred: BTreeMap<String, u16>) -> Self {
        Self { preferred, ..Self::default() }
    }

    /// Takes a TCP port of 127.0.0.1.
    pub(crate) fn tcp(&mut self, name: &str) -> io::Result<u16> {
        self.take(name, &[Ipv4Addr::LOCALHOST.into()], false)
    }

    /// Takes one port that is free on all of these addresses, for TCP and, when asked, UDP.
    pub(crate) fn take(&mut self, name: &str, addresses: &[IpAddr], udp: bool) -> io::Result<u16> {
        let preferred = self.preferred.get(name).copied();
        let random = std::iter::repeat_with(|| rand::rng().random_range(RANGE)).take(TRIES);
        for port in preferred.into_iter().chain(random) {
            if self.numbers.values().any(|taken| *taken == port) {
                continue;
            }
            if let Ok(held) = hold(port, addresses, udp) {
                self.numbers.insert(name.to_owned(), port);
                self.held.insert(name.to_owned(), held);
                return Ok(port);
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, format!("no free port for {name} on {addresses:?}")))
    }

    /// Gives the port up, right before the part that binds it starts.
    pub(crate) fn release(&mut self, name: &str) {
        self.held.remove(name);
    }

    /// Every port by name.
    pub(crate) fn numbers(&self) -> &BTreeMap<String, u16> {
        &self.numbers
    }
}

fn hold(port: u16, addresses: &[IpAddr], udp: bool) -> io::Result<Held> {
    let each = || addresses.iter().map(|address| SocketAddr::new(*address, port));
    let tcp = each().map(TcpListener::bind).collect::<io::Result<_>>()?;
    let udp = if udp { each().map(UdpSocket::bind).collect::<io::Result<_>>()? } else { Vec::new() };
    Ok(Held { _tcp: tcp, _udp: udp })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_port_is_not_given_twice() {
        let mut first = Ports::default();
        let port = first.tcp("one").unwrap();
        let mut second = Ports::preferring([("one".to_owned(), port)].into());
        assert_ne!(second.tcp("one").unwrap(), port);
        first.release("one");
        let mut third = Ports::preferring([("one".to_owned(), port)].into());
        assert_eq!(third.tcp("one").unwrap(), port);
    }
}
