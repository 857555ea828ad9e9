//! Where calls may go: base addresses of settings, and paths below them.

use url::{Host, Url};

/// Whether a base address may use plain `http`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleartext {
    /// Only towards this machine: `localhost`, `127.0.0.0/8`, `::1`. The rule of production.
    LoopbackOnly,
    /// Towards any host. For development: secrets then travel readable.
    Allowed,
}

/// Why a text is no base address. The text is not repeated, because it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an absolute URL with a host (WHATWG URL).
    #[error("is not an absolute URL")]
    Syntax,
    /// Neither `https` nor `http`.
    #[error("has a scheme other than https or http")]
    Scheme,
    /// `http` to a host that is not this machine.
    #[error("must use https: secrets would travel readable")]
    Cleartext,
    /// User name or password in the URL.
    #[error("must hold no user name and no password")]
    Credentials,
    /// A query or a fragment: paths are added behind a base address.
    #[error("must hold no query and no fragment")]
    Suffix,
}

/// Base address of an outside system: scheme, host, and a path that may be empty.
///
/// ```
/// use outbound::{AddressError, BaseUrl, Cleartext};
/// let base = BaseUrl::parse("https://shop.example/store/", Cleartext::LoopbackOnly)?;
/// assert_eq!(base.endpoint(&["api", "a/b"]).as_str(), "https://shop.example/store/api/a%2Fb");
/// assert_eq!(BaseUrl::parse("http://shop.example", Cleartext::LoopbackOnly), Err(AddressError::Cleartext));
/// # Ok::<(), AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    url: Url,
    host: String,
}

impl BaseUrl {
    /// Reads a setting. A slash at the end makes no difference.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(text: &str, cleartext: Cleartext) -> Result<Self, AddressError> {
        let url = Url::parse(text.trim()).map_err(|_| AddressError::Syntax)?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(AddressError::Scheme),
        };
        let host = url.host().ok_or(AddressError::Syntax)?;
        if !secure && cleartext == Cleartext::LoopbackOnly && !is_loopback(&host) {
            return Err(AddressError::Cleartext);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Suffix);
        }
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        Ok(Self { url, host })
    }

    /// The address of a path below this one. Each segment is percent-encoded whole, so a slash in it stays in it.
    /// Segments are constants or checked ids: `.` and `..` are left out (WHATWG URL), which leads elsewhere.
    pub fn endpoint(&self, segments: &[&str]) -> Endpoint {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Endpoint { url, host: self.host.clone() }
    }

    /// Host, and port where it is not the scheme's own.
    pub fn host(&self) -> &str {
        &self.host
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// One address to call. Made only by [`BaseUrl::endpoint`], so the rule on plain `http` holds for it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    host: String,
}

impl Endpoint {
    /// Adds query parameters, encoded as a form.
    pub fn with_query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.url.query_pairs_mut().extend_pairs(pairs);
        self
    }

    /// Host, and port where it is not the scheme's own. Names the breaker, and the only part of the address in errors.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    pub(crate) fn into_url(self) -> Url {
        self.url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, cleartext: Cleartext, expected: Result<&str, AddressError>) {
        let read = BaseUrl::parse(text, cleartext);
        assert_eq!(read.as_ref().map(BaseUrl::host).map_err(|error| *error), expected, "{text}");
    }

    #[test]
    fn plain_http_reaches_this_machine_only() {
        use Cleartext::{Allowed, LoopbackOnly};
        check("https://shop.example", LoopbackOnly, Ok("shop.example"));
        check("https://shop.example:8443/", LoopbackOnly, Ok("shop.example:8443"));
        check("https://shop.example:443/", LoopbackOnly, Ok("shop.example"));
        check("http://localhost:3000", LoopbackOnly, Ok("localhost:3000"));
        check("http://127.0.0.2:1", LoopbackOnly, Ok("127.0.0.2:1"));
        check("http://[::1]:1", LoopbackOnly, Ok("[::1]:1"));
        check("http://shop.example", LoopbackOnly, Err(AddressError::Cleartext));
        check("http://localhost.shop.example", LoopbackOnly, Err(AddressError::Cleartext));
        check("http://128.0.0.1", LoopbackOnly, Err(AddressError::Cleartext));
        check("http://shop.example", Allowed, Ok("shop.example"));
    }

    #[test]
    fn a_base_address_is_nothing_but_an_address() {
        let check = |text, error| check(text, Cleartext::LoopbackOnly, Err(error));
        check("", AddressError::Syntax);
        check("shop.example", AddressError::Syntax);
        check("file:///etc/passwd", AddressError::Scheme);
        check("https://me:word@shop.example", AddressError::Credentials);
        check("https://me@shop.example", AddressError::Credentials);
        check("https://shop.example/?a=b", AddressError::Suffix);
        check("https://shop.example/#a", AddressError::Suffix);
    }

    #[test]
    fn paths_and_queries_are_encoded() {
        let base = BaseUrl::parse("https://a.example/in", Cleartext::LoopbackOnly).unwrap();
        let endpoint = base.endpoint(&["v1", "x y?z"]).with_query(&[("expand[]", "a&b")]);
        assert_eq!(endpoint.as_str(), "https://a.example/in/v1/x%20y%3Fz?expand%5B%5D=a%26b");
    }
}
