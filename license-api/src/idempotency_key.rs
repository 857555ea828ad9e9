//! The header `Idempotency-Key` (licensing contract, section 5.1).

use crate::error_code::ErrorCode;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use http::request::Parts;
use sha2::{Digest as _, Sha256};

/// Name of the header.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Header of an answer that was given before.
pub const REPLAYED: &str = "idempotent-replayed";

/// The key of a request: 16 to 128 of `A-Z a-z 0-9 . _ : -`. Only its SHA-256 is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Takes a key; none when it breaks the rule.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
        ((16..=128).contains(&text.len()) && text.bytes().all(fits)).then(|| Self(text.to_owned()))
    }

    /// SHA-256 of the key.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

/// The key of a request that may have none. A key that breaks the rule, or two keys, are `invalid_request`: taking the
/// request without its key would lose the protection that the caller counts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionalKey(pub Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for OptionalKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let refused = || Problem::new(ErrorCode::InvalidRequest);
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => {
                let key = value.to_str().ok().and_then(IdempotencyKey::parse).ok_or_else(refused)?;
                Ok(Self(Some(key)))
            }
            (Some(_), Some(_)) => Err(refused()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_sixteen_to_128_plain_characters() {
        assert!(IdempotencyKey::parse("0123456789abcdef").is_some());
        assert!(IdempotencyKey::parse(&"a".repeat(128)).is_some());
        assert!(IdempotencyKey::parse("order:1.2_3-ABCdef").is_some());
        for text in ["0123456789abcde", &"a".repeat(129), "0123456789abcde f", "0123456789abcdeé", ""] {
            assert!(IdempotencyKey::parse(text).is_none(), "{text}");
        }
    }
}
