//! The HTTP-01 path of a host, checked before an order is spent (domain-health contract, section 7).
//!
//! The probe crate fetches; where a redirect may lead and what the answers mean is decided here, by the rules of the
//! authorities: RFC 8555 §8.3, and the redirect rules that Let's Encrypt documents (at most 10, only to http on 80 or
//! https on 443, never to an address).

use crate::finding::{Evidence, Finding};
use crate::portal::axis::CertificateState;
use crate::portal::probe::clip;
use crate::reason::ReasonCode;
use std::net::IpAddr;
use url::{Host, Url};

/// Path under which an authority asks (RFC 8555 §8.3).
pub const CHALLENGE_PREFIX: &str = "/.well-known/acme-challenge/";
/// Longest chain of redirects that is followed (contract section 7).
pub const REDIRECTS_MAX: usize = 10;
/// Longest `Location` that is followed, in bytes; what Boulder, the software of Let's Encrypt, takes.
pub const LOCATION_MAX_BYTES: usize = 2000;

/// Ports of the outside world. An authority knows 80 and 443 only; a development network maps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Plain HTTP.
    pub http: u16,
    /// TLS.
    pub https: u16,
}

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// With TLS or without.
    pub scheme: Scheme,
    /// Host name, lower case.
    pub host: String,
    /// Port to dial.
    pub port: u16,
    /// Path with query.
    pub path: String,
}

/// With TLS or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// TLS; the certificate is not verified (contract section 7), since there may be none yet.
    Https,
}

impl Hop {
    /// The first request of a check.
    pub fn first(host: &str, token: &str, ports: Ports) -> Self {
        Self {
            scheme: Scheme::Http,
            host: host.to_owned(),
            port: ports.http,
            path: format!("{CHALLENGE_PREFIX}{token}"),
        }
    }

    /// Value of the `Host` header: the port only where it is not the scheme's own (RFC 9110 §7.2).
    pub fn authority(&self) -> String {
        let default = match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
        };
        if self.port == default { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The address as text.
    pub fn url(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectFault {
    /// A status that authorities do not follow, or no `Location`.
    Kind,
    /// Not an absolute or relative web address, or too long.
    Unreadable,
    /// Another scheme than http and https.
    Scheme,
    /// Another port than the scheme's own.
    Port,
    /// An IP address, or credentials in the address.
    Host,
}

/// Decides where a redirect leads.
///
/// # Errors
/// A [`RedirectFault`] where an authority would give up; the caller reports `HTTP01_REDIRECT_BAD`.
pub fn follow(from: &Hop, status: u16, location: Option<&str>, ports: Ports) -> Result<Hop, RedirectFault> {
    let (301 | 302 | 307 | 308, Some(location)) = (status, location) else { return Err(RedirectFault::Kind) };
    if location.len() > LOCATION_MAX_BYTES {
        return Err(RedirectFault::Unreadable);
    }
    let base = Url::parse(&from.url()).map_err(|_| RedirectFault::Unreadable)?;
    let target = base.join(location).map_err(|_| RedirectFault::Unreadable)?;
    let (scheme, standard, external) = match target.scheme() {
        "http" => (Scheme::Http, 80, ports.http),
        "https" => (Scheme::Https, 443, ports.https),
        _ => return Err(RedirectFault::Scheme),
    };
    if !target.username().is_empty() || target.password().is_some() {
        return Err(RedirectFault::Host);
    }
    let Some(Host::Domain(host)) = target.host() else { return Err(RedirectFault::Host) };
    match target.port_or_known_default() {
        Some(port) if port == standard || port == external => {}
        Some(_) | None => return Err(RedirectFault::Port),
    }
    let path = target.query().map_or_else(|| target.path().to_owned(), |query| format!("{}?{query}", target.path()));
    Ok(Hop { scheme, host: host.trim_end_matches('.').to_owned(), port: external, path })
}

/// How the last body compares with the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Equal, white space at the end aside (RFC 8555 §8.3).
    Matches,
    /// Another text, or longer than the bound.
    Differs,
    /// There is nothing to compare with: the challenge service is not ours.
    NotCompared,
}

/// What one published address gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSeen {
    /// Private, reserved or platform address, of the host or of a redirect: not dialled (R39).
    NotAdmitted(IpAddr),
    /// Our own side failed.
    OwnSide(String),
    /// No HTTP answer.
    Unreachable {
        /// Address that was dialled; another than the published one after a redirect.
        at: IpAddr,
        /// What happened.
        detail: String,
    },
    /// A redirect that authorities do not follow.
    RedirectBad(String),
    /// The last answer.
    Answered {
        /// Its status.
        status: u16,
        /// Its body.
        body: Body,
    },
}

/// Judges the challenge path of a host by what each published address gave.
///
/// Total and deterministic. Passed (`none`) needs every address to be good, because an authority may pick any of them, and
/// falls back from IPv6 only when the connection times out. Where nothing can be compared, any answer without a redirect
/// is good. What our own side could not dial says nothing; when no address says anything, the finding is unknown.
/// Reason codes: `HTTP01_REDIRECT_BAD`, `HTTP01_UNREACHABLE`, `HTTP01_WRONG_CONTENT`, `PROBE_UNKNOWN`.
pub fn classify(host: &str, seen: &[(IpAddr, PathSeen)], now_ms: i64) -> Finding<CertificateState> {
    let bad = |reason| Finding::bad(CertificateState::Preflight, reason);
    let mut worst: Option<(u8, Finding<CertificateState>)> = None;
    let (mut asked, mut good) = (0, 0);
    let mut evidence = Vec::new();
    for (address, seen) in seen {
        let (rank, finding, says) = match seen {
            PathSeen::OwnSide(detail) => {
                (0, Finding::unknown(ReasonCode::ProbeUnknown), format!("could not look: {detail}"))
            }
            PathSeen::Answered { body: Body::Matches, status } => {
                (1, Finding::good(CertificateState::None), format!("{status}, the expected content"))
            }
            PathSeen::Answered { body: Body::NotCompared, status } => {
                (1, Finding::good(CertificateState::None), format!("{status}, reached without a redirect"))
            }
            PathSeen::Answered { body: Body::Differs, status } => {
                (2, bad(ReasonCode::Http01WrongContent), format!("{status}, another content"))
            }
            PathSeen::RedirectBad(url) => {
                (3, bad(ReasonCode::Http01RedirectBad).var("url", clip(url)), format!("redirects to {url}"))
            }
            PathSeen::NotAdmitted(at) => (
                4,
                bad(ReasonCode::Http01Unreachable).var("a", at.to_string()),
                format!("{at} is not dialled: no public address"),
            ),
            PathSeen::Unreachable { at, detail } => {
                (5, bad(ReasonCode::Http01Unreachable).var("a", at.to_string()), format!("{at}: {detail}"))
            }
        };
        asked += u32::from(rank > 0);
        good += u32::from(rank == 1);
        let question = format!("http://{host}{CHALLENGE_PREFIX}…");
        evidence.push(Evidence { server: address.to_string(), question, answer: clip(&says), at_ms: now_ms });
        if worst.as_ref().is_none_or(|(before, _)| rank > *before) {
            worst = Some((rank, finding));
        }
    }
    let mut finding = match worst {
        Some((_, finding)) => finding,
        // Nothing was published, so nothing could be asked; the dns axis says why.
        None => bad(ReasonCode::Http01Unreachable).var("a", host),
    };
    finding.evidence = evidence;
    finding.confidence(good, asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REAL: Ports = Ports { http: 80, https: 443 };
    const DEV: Ports = Ports { http: 5080, https: 5443 };

    #[track_caller]
    fn check_follow(ports: Ports, location: &str, expected: Result<&str, RedirectFault>) {
        let from = Hop::first("a.customer.test", "tok", ports);
        let hop = follow(&from, 302, Some(location), ports).map(|hop| hop.url());
        assert_eq!(hop.as_deref().map_err(|fault| *fault), expected, "{location}");
    }

    #[test]
    fn redirects_stay_on_the_web_ports() {
        check_follow(REAL, "https://a.customer.test/x?y=1#z", Ok("https://a.customer.test/x?y=1"));
        check_follow(REAL, "/x", Ok("http://a.customer.test/x"));
        check_follow(REAL, "//B.test:80/x", Ok("http://b.test/x"));
        check_follow(REAL, "https://b.test:443/", Ok("https://b.test/"));
        check_follow(REAL, "https://b.test:8443/", Err(RedirectFault::Port));
        check_follow(REAL, "https://b.test:80/", Err(RedirectFault::Port));
        check_follow(REAL, "ftp://b.test/", Err(RedirectFault::Scheme));
        check_follow(REAL, "https://10.0.0.1/", Err(RedirectFault::Host));
        check_follow(REAL, "https://127.1/", Err(RedirectFault::Host));
        check_follow(REAL, "http://0x7f000001/", Err(RedirectFault::Host));
        check_follow(REAL, "https://[::1]/", Err(RedirectFault::Host));
        check_follow(REAL, "https://user@b.test/", Err(RedirectFault::Host));
        check_follow(REAL, "https://b.test:99999/", Err(RedirectFault::Unreadable));
        check_follow(REAL, &"x".repeat(2001), Err(RedirectFault::Unreadable));
        check_follow(DEV, "https://b.test/x", Ok("https://b.test:5443/x"));
        check_follow(DEV, "https://b.test:5443/x", Ok("https://b.test:5443/x"));
    }

    #[test]
    fn only_redirects_that_authorities_follow_are_followed() {
        let from = Hop::first("a.customer.test", "tok", REAL);
        for status in [300, 303, 304, 305, 200] {
            assert_eq!(follow(&from, status, Some("/x"), REAL), Err(RedirectFault::Kind), "{status}");
        }
        assert_eq!(follow(&from, 301, None, REAL), Err(RedirectFault::Kind));
    }

    #[track_caller]
    fn check(
        seen: &[PathSeen],
        state: Option<CertificateState>,
        reason: Option<ReasonCode>,
    ) -> Finding<CertificateState> {
        let seen: Vec<_> = (1..).zip(seen).map(|(n, seen)| (IpAddr::from([192, 0, 2, n]), seen.clone())).collect();
        let finding = classify("a.customer.test", &seen, 7);
        assert_eq!((finding.state, finding.reason), (state, reason));
        assert_eq!(finding.evidence.len(), seen.len());
        finding
    }

    fn answered(body: Body) -> PathSeen {
        PathSeen::Answered { status: 200, body }
    }

    fn refused() -> PathSeen {
        PathSeen::Unreachable { at: IpAddr::from([192, 0, 2, 9]), detail: "refused".to_owned() }
    }

    #[test]
    fn every_address_must_give_the_content() {
        let (none, preflight) = (Some(CertificateState::None), Some(CertificateState::Preflight));
        let finding = check(&[answered(Body::Matches), answered(Body::NotCompared)], none, None);
        assert_eq!((finding.agree, finding.asked), (2, 2));
        let wrong = Some(ReasonCode::Http01WrongContent);
        check(&[answered(Body::Matches), answered(Body::Differs)], preflight, wrong);
        let finding = check(&[answered(Body::Matches), refused()], preflight, Some(ReasonCode::Http01Unreachable));
        assert_eq!(finding.vars["a"], "192.0.2.9");
        let bad = PathSeen::RedirectBad("https://b.test:8443/".to_owned());
        let finding = check(&[bad, answered(Body::Differs)], preflight, Some(ReasonCode::Http01RedirectBad));
        assert_eq!(finding.vars["url"], "https://b.test:8443/");
    }

    #[test]
    fn a_private_address_is_unreachable() {
        let seen = PathSeen::NotAdmitted(IpAddr::from([10, 0, 0, 1]));
        let finding = check(&[seen], Some(CertificateState::Preflight), Some(ReasonCode::Http01Unreachable));
        assert_eq!(finding.vars["a"], "10.0.0.1");
        assert!(finding.evidence[0].answer.contains("not dialled"));
    }

    #[test]
    fn our_own_failure_says_nothing() {
        let own = || PathSeen::OwnSide("no route".to_owned());
        check(&[own()], None, Some(ReasonCode::ProbeUnknown));
        let finding = check(&[own(), answered(Body::Matches)], Some(CertificateState::None), None);
        assert_eq!((finding.agree, finding.asked), (1, 1));
        check(&[own(), refused()], Some(CertificateState::Preflight), Some(ReasonCode::Http01Unreachable));
        check(&[], Some(CertificateState::Preflight), Some(ReasonCode::Http01Unreachable));
    }

    proptest! {
        #[test]
        fn a_followed_redirect_dials_an_external_port_of_a_named_host(location in "\\PC{0,60}", base in 0u8..2) {
            let ports = if base == 0 { REAL } else { DEV };
            if let Ok(hop) = follow(&Hop::first("a.customer.test", "tok", ports), 301, Some(&location), ports) {
                prop_assert!(hop.port == ports.http || hop.port == ports.https);
                prop_assert!(hop.host.parse::<IpAddr>().is_err() && hop.path.starts_with('/'));
            }
        }
    }
}
