//! The bearer token (RFC 6750, section 2.1).

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use ring::digest::{Digest, SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// The SHA-256 of a token. Hashes have one length, and a comparison of them tells nothing of the text.
#[derive(Clone)]
pub(super) struct Token(Digest);

impl Token {
    pub(super) fn new(token: &SecretString) -> Self {
        Self(digest(&SHA256, token.expose_secret().as_bytes()))
    }

    /// Compares in constant time.
    fn is(&self, presented: &[u8]) -> bool {
        let presented = digest(&SHA256, presented);
        let pairs = self.0.as_ref().iter().zip(presented.as_ref());
        pairs.fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Whether a request has what it needs: nothing where no token is set, else the token.
pub(super) fn is_allowed(headers: &HeaderMap, token: Option<&Token>) -> bool {
    let Some(token) = token else { return true };
    let Some(presented) = headers.get(AUTHORIZATION).map(|value| value.as_bytes()) else { return false };
    // The name of a scheme is not case-sensitive (RFC 9110, section 11.1).
    let Some((scheme, presented)) = presented.split_at_checked(b"Bearer ".len()) else { return false };
    scheme.eq_ignore_ascii_case(b"Bearer ") && token.is(presented)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: Option<&str>, token: Option<&str>, allowed: bool) {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(AUTHORIZATION, header.parse().unwrap());
        }
        let token = token.map(|token| Token::new(&token.into()));
        assert_eq!(is_allowed(&headers, token.as_ref()), allowed, "{header:?}");
    }

    #[test]
    fn only_the_token_opens_what_has_one() {
        check(None, None, true);
        check(Some("Bearer anything"), None, true);
        check(Some("Bearer one-token"), Some("one-token"), true);
        check(Some("bearer one-token"), Some("one-token"), true);
        for wrong in ["Bearer one-toke", "Bearer one-token2", "Bearer ", "Bearer", "Basic one-token", "one-token", ""] {
            check(Some(wrong), Some("one-token"), false);
        }
        check(None, Some("one-token"), false);
    }

    #[test]
    fn nothing_shows_the_token() {
        assert_eq!(format!("{:?}", Token::new(&"one-token".into())), "Token");
    }
}
