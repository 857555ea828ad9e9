//! The HTTP-01 path, fetched from every published address as a certificate authority would.

use crate::activities::Probe;
use crate::connect::{DialError, dial, provider, secure};
use crate::session::{Body, Session, read};
use crate::witness::Unverified;
use futures::future::join_all;
use hyper::header::LOCATION;
use model::portal::http01::{self, Hop, PathSeen, REDIRECTS_MAX, Scheme};
use proto::v1::{PreflightLook, PreflightRequest};
use rustls::pki_types::ServerName;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::Instant;

/// Addresses of a redirect's host that are tried one after the other.
const REDIRECT_ADDRESSES_MAX: usize = 4;

/// One answer on the way.
struct Fetched {
    status: u16,
    location: Option<String>,
    body: Body,
}

/// Why there is no answer.
enum Lost {
    OwnSide(String),
    At(IpAddr, String),
}

impl Probe {
    /// Fetches the token of the request from every address it names; without addresses, from those that the host
    /// publishes. Repeatable; changes nothing.
    ///
    /// With an empty body only reachability counts, and no redirect is followed.
    pub async fn preflight(&self, request: &PreflightRequest) -> PreflightLook {
        let seen = match self.preflight_addresses(request).await {
            Ok(addresses) => join_all(addresses.into_iter().map(|address| self.walk(request, address))).await,
            // The unspecified address stands for ourselves.
            Err(detail) => vec![(IpAddr::from([0, 0, 0, 0]), PathSeen::OwnSide(detail))],
        };
        let finding = http01::classify(&request.host, &seen, request.now_ms);
        PreflightLook { finding: Some(contract::convert::finding_to_wire(&finding)) }
    }

    async fn preflight_addresses(&self, request: &PreflightRequest) -> Result<Vec<IpAddr>, String> {
        if request.addresses.is_empty() {
            return self.published(&request.host).await;
        }
        let mut addresses = Vec::new();
        for text in &request.addresses {
            let address = text.parse::<IpAddr>().map_err(|_| "the request names no address".to_owned())?.to_canonical();
            if !addresses.contains(&address) && addresses.len() < self.settings().limits.addresses {
                addresses.push(address);
            }
        }
        Ok(addresses)
    }

    async fn walk(&self, request: &PreflightRequest, address: IpAddr) -> (IpAddr, PathSeen) {
        (address, self.follow(request, address).await)
    }

    /// Follows the challenge path from one published address to its end.
    async fn follow(&self, request: &PreflightRequest, address: IpAddr) -> PathSeen {
        if !self.settings().network.admits_address(address) {
            return PathSeen::NotAdmitted(address);
        }
        let (ports, compare) = (self.settings().ports(), !request.body.is_empty());
        let deadline = Instant::now() + self.settings().limits.look;
        let mut hop = Hop::first(&request.host, &request.token, ports);
        let mut addresses = vec![address];
        for _ in 0..=REDIRECTS_MAX {
            let fetched = match self.fetch(&hop, &addresses, deadline).await {
                Ok(fetched) => fetched,
                Err(Lost::OwnSide(detail)) => return PathSeen::OwnSide(detail),
                Err(Lost::At(at, detail)) => return PathSeen::Unreachable { at, detail },
            };
            if !(300..400).contains(&fetched.status) {
                return PathSeen::Answered { status: fetched.status, body: compared(&fetched, &request.body) };
            }
            let shown = fetched.location.clone().unwrap_or_else(|| hop.url());
            let next = http01::follow(&hop, fetched.status, fetched.location.as_deref(), ports);
            let (true, Ok(next)) = (compare, next) else {
                return PathSeen::RedirectBad(without_token(&shown, request));
            };
            hop = next;
            // The host itself is asked at the same address again: each published address is judged on its own.
            addresses = if hop.host == request.host {
                vec![address]
            } else {
                match self.redirect_addresses(&hop.host).await {
                    Ok(addresses) if !addresses.is_empty() => addresses,
                    Ok(_) => return PathSeen::RedirectBad(without_token(&hop.url(), request)),
                    Err(lost) => return lost,
                }
            };
        }
        PathSeen::RedirectBad(without_token(&hop.url(), request))
    }

    /// Addresses of a redirect's host that may be dialled; the address rules apply again (R39).
    async fn redirect_addresses(&self, host: &str) -> Result<Vec<IpAddr>, PathSeen> {
        let published = self.published(host).await.map_err(PathSeen::OwnSide)?;
        let network = &self.settings().network;
        // One private address among public ones could be picked by the authority, and must not be by us.
        match published.iter().find(|address| !network.admits_address(**address)) {
            Some(private) => Err(PathSeen::NotAdmitted(*private)),
            None => Ok(published.into_iter().take(REDIRECT_ADDRESSES_MAX).collect()),
        }
    }

    async fn fetch(&self, hop: &Hop, addresses: &[IpAddr], deadline: Instant) -> Result<Fetched, Lost> {
        let mut lost = Lost::OwnSide("no address to dial".to_owned());
        for address in addresses {
            match dial(*address, hop.port, deadline).await {
                Ok(stream) => {
                    let fetched = match hop.scheme {
                        Scheme::Http => self.ask(Session::open(stream, deadline).await, hop, deadline).await,
                        Scheme::Https => {
                            let name = ServerName::try_from(hop.host.clone())
                                .map_err(|_| Lost::At(*address, "not a host name".to_owned()))?;
                            let session = match secure(stream, name, Arc::new(Unverified(provider())), deadline).await {
                                Ok(tls) => Session::open(tls, deadline).await,
                                Err(detail) => Err(detail),
                            };
                            self.ask(session, hop, deadline).await
                        }
                    };
                    return fetched.map_err(|detail| Lost::At(*address, detail));
                }
                Err(DialError::OwnSide(detail)) => lost = Lost::OwnSide(detail),
                Err(DialError::Failed(detail)) => lost = Lost::At(*address, detail),
            }
        }
        Err(lost)
    }

    async fn ask(&self, session: Result<Session, String>, hop: &Hop, deadline: Instant) -> Result<Fetched, String> {
        // Held until the body is read: dropping a session closes its connection.
        let mut session = session?;
        let response = session.get(&hop.authority(), &hop.path, deadline).await?;
        let status = response.status().as_u16();
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = read(response.into_body(), self.settings().limits.body_bytes, deadline).await?;
        Ok(Fetched { status, location, body })
    }
}

/// Compares as authorities do: status 200, and white space at the end does not count (RFC 8555 §8.3).
fn compared(fetched: &Fetched, expected: &str) -> http01::Body {
    if expected.is_empty() {
        return http01::Body::NotCompared;
    }
    match &fetched.body {
        Body::Whole(bytes) if fetched.status == 200 && bytes.trim_ascii_end() == expected.as_bytes() => {
            http01::Body::Matches
        }
        Body::Whole(_) | Body::TooLong => http01::Body::Differs,
    }
}

/// The address of a redirect is shown to people; the token in it is not.
fn without_token(url: &str, request: &PreflightRequest) -> String {
    if request.token.is_empty() { url.to_owned() } else { url.replace(&request.token, "…") }
}
