//! What is asked: a host and a token, parsed at the edge.

/// Longest token that is looked up. RFC 8555 §8.3 asks for at least 128 bits of base64url (22 characters) and names no
/// upper bound; authorities in use send 43.
pub const TOKEN_MAX_BYTES: usize = 256;
/// Longest host name, without the trailing dot (RFC 1035 §2.3.4).
const HOST_MAX_BYTES: usize = 253;

/// A token of the right shape: 1 to [`TOKEN_MAX_BYTES`] characters of base64url (RFC 4648 §5, without padding).
///
/// Not printable on purpose: tokens stay out of logs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(String);

impl Token {
    /// Reads a token; `None` for every other text.
    ///
    /// ```
    /// use challenge_responder::question::Token;
    /// assert!(Token::parse("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0").is_some());
    /// assert!(Token::parse("../secret").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = (1..=TOKEN_MAX_BYTES).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        shaped.then(|| Self(text.to_owned()))
    }

    /// The token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A host as it is compared: lower case, without port and trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskedHost(String);

impl AskedHost {
    /// Reads the value of a `Host` header (RFC 9110 §7.2); `None` when it names no host. Addresses are no hosts here:
    /// nobody gets a certificate for one.
    ///
    /// ```
    /// use challenge_responder::question::AskedHost;
    /// assert_eq!(AskedHost::parse("Portal.Customer.test.:80").unwrap().as_str(), "portal.customer.test");
    /// assert!(AskedHost::parse("[::1]:80").is_none());
    /// ```
    pub fn parse(header: &str) -> Option<Self> {
        let name = match header.split_once(':') {
            Some((name, port)) => {
                port.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
                name
            }
            None => header,
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let shaped = (1..=HOST_MAX_BYTES).contains(&name.len())
            && name.split('.').all(|label| !label.is_empty())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        shaped.then(|| Self(name.to_ascii_lowercase()))
    }

    /// The host's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_token(text: &str, good: bool) {
        assert_eq!(Token::parse(text).is_some(), good, "{text:?}");
    }

    #[test]
    fn tokens_are_base64url_of_bounded_length() {
        check_token("a", true);
        check_token("A-z_09", true);
        check_token(&"x".repeat(256), true);
        check_token(&"x".repeat(257), false);
        for text in ["", "a=", "a+b", "a/b", "a.b", "a b", "ä", "a%2F", "a\n", "'; --"] {
            check_token(text, false);
        }
    }

    #[track_caller]
    fn check_host(header: &str, host: Option<&str>) {
        assert_eq!(AskedHost::parse(header).as_ref().map(AskedHost::as_str), host, "{header:?}");
    }

    #[test]
    fn hosts_are_compared_without_port_case_and_trailing_dot() {
        check_host("a.test", Some("a.test"));
        check_host("A.Test:8080", Some("a.test"));
        check_host("a.test.", Some("a.test"));
        check_host("a.test.:80", Some("a.test"));
        check_host("xn--bcher-kva.test", Some("xn--bcher-kva.test"));
        for header in ["", ".", ":80", "a..test", "a.test..", "a.test:x", "[::1]", "a test", "bücher.test", "a/b"] {
            check_host(header, None);
        }
        check_host(&format!("{}.test", "a".repeat(249)), None);
    }
}
