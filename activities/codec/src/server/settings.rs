//! Who may ask the endpoint.

use super::access::Token;
use axum::http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use url::Url;

/// Where the endpoint listens when nothing else is said: loopback, with the port of Temporal's samples.
pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

/// Most bytes of a body. Temporal carries no message of more than 4 MiB (its documentation, "Self-hosted defaults: gRPC
/// message size"), which is 5.4 MiB in base64; the rest is room for names and quotes.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Fewest characters of a bearer token: 22 of base64 are 128 bits.
pub const TOKEN_MIN: usize = 22;

/// Who may ask the endpoint. By default: who reaches it without a browser, and needs no token.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub(super) origins: Vec<HeaderValue>,
    pub(super) token: Option<Token>,
}

/// Settings that would not mean what they seem to mean, or would show passwords to everybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// An origin is none, or is not written as a browser writes it.
    #[error(
        "cannot allow the origin {origin:?}: write it as https://host or https://host:port, without a path or slash"
    )]
    Origin {
        /// What was given.
        origin: String,
    },
    /// The token is too short, or has characters that a header cannot carry.
    #[error("cannot use the bearer token: it must have at least {TOKEN_MIN} printable ASCII characters and no blank")]
    Token,
    /// Others than this machine could ask, without a token.
    #[error("cannot listen on {address} without a bearer token: everybody there could read what is encrypted")]
    Open {
        /// The address.
        address: SocketAddr,
    },
}

impl Settings {
    /// Takes the origins of the pages that may ask through a browser, such as `https://temporal.example.com`, and the token
    /// that every request needs.
    ///
    /// The Temporal UI sends no token of its own: with "Pass access token" it sends that of the signed-in person, which this
    /// endpoint does not know. So with a token the UI needs a proxy in front that checks the person and puts the token in;
    /// the CLI sends it with `--codec-auth "Bearer …"`.
    ///
    /// # Errors
    /// [`SettingsError::Origin`] and [`SettingsError::Token`].
    pub fn new<T: AsRef<str>>(
        origins: impl IntoIterator<Item = T>,
        token: Option<&SecretString>,
    ) -> Result<Self, SettingsError> {
        let origins = origins.into_iter().map(|text| origin(text.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { origins, token: token.map(checked).transpose()? })
    }

    /// Checks an address before it is listened on: beyond this machine only with a token.
    ///
    /// # Errors
    /// [`SettingsError::Open`].
    pub fn may_listen_on(&self, address: SocketAddr) -> Result<(), SettingsError> {
        if address.ip().to_canonical().is_loopback() || self.token.is_some() {
            Ok(())
        } else {
            Err(SettingsError::Open { address })
        }
    }
}

/// A browser sends scheme, host and port alone, in lower case and without the scheme's own port (RFC 6454, section 6.2), so
/// what is written otherwise would never match. `*` and `null` are no origins of a page.
fn origin(text: &str) -> Result<HeaderValue, SettingsError> {
    let refused = || SettingsError::Origin { origin: text.to_owned() };
    let url = Url::parse(text).map_err(|_| refused())?;
    let is_web = matches!(url.scheme(), "http" | "https");
    if !is_web || url.origin().ascii_serialization() != text {
        return Err(refused());
    }
    HeaderValue::from_str(text).map_err(|_| refused())
}

fn checked(token: &SecretString) -> Result<Token, SettingsError> {
    let text = token.expose_secret();
    let fits = text.len() >= TOKEN_MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(Token::new(token)) } else { Err(SettingsError::Token) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "0123456789abcdefghijkl";

    #[test]
    fn an_origin_is_written_as_a_browser_writes_it() {
        for good in
            ["https://temporal.example.com", "http://localhost:8233", "http://127.0.0.1:8233", "http://[::1]:8233"]
        {
            assert!(Settings::new([good], None).is_ok(), "{good}");
        }
        let wrong = [
            "*",
            "null",
            "",
            "temporal.example.com",
            "https://temporal.example.com/",
            "https://temporal.example.com/ui",
            "https://Temporal.example.com",
            "https://temporal.example.com:443",
            "https://user@temporal.example.com",
            "https://*.example.com/",
            "ftp://temporal.example.com",
            "file:///ui",
        ];
        for text in wrong {
            assert_eq!(Settings::new([text], None).err(), Some(SettingsError::Origin { origin: text.to_owned() }));
        }
    }

    #[test]
    fn a_token_is_long_and_fits_a_header() {
        let with = |token: &str| Settings::new([""; 0], Some(&token.into())).map(|settings| format!("{settings:?}"));
        assert!(!with(GOOD).unwrap().contains(GOOD));
        for wrong in ["", &GOOD[1..], "0123456789 abcdefghijklm", "0123456789abcdefghijklé"] {
            assert_eq!(with(wrong), Err(SettingsError::Token));
        }
    }

    #[test]
    fn without_a_token_only_this_machine_is_served() {
        let (open, closed) = (Settings::default(), Settings::new([""; 0], Some(&GOOD.into())).unwrap());
        for address in [LISTEN.to_string(), "[::1]:8081".into(), "127.9.9.9:1".into(), "[::ffff:127.0.0.1]:1".into()] {
            assert_eq!(open.may_listen_on(address.parse().unwrap()), Ok(()));
        }
        for address in ["0.0.0.0:8081", "[::]:8081", "10.0.0.1:8081"].map(|address| address.parse().unwrap()) {
            assert_eq!(open.may_listen_on(address), Err(SettingsError::Open { address }));
            assert_eq!(closed.may_listen_on(address), Ok(()));
        }
    }
}
