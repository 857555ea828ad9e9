//! The key under which a receiver recognises a repeat.

use data_encoding::HEXLOWER;
use reqwest::header::HeaderValue;
use ring::digest::{SHA256, digest};

/// Longest key that is sent as it is: Stripe takes 255 characters, Resend 256 (their API references).
const LENGTH_MAX: usize = 255;

/// Value of the header `Idempotency-Key`: visible ASCII, 1 to 255 characters.
///
/// The same text always gives the same key. A text that does not fit is replaced by `sha256-` and its digest in hex.
///
/// ```
/// use outbound::IdempotencyKey;
/// assert_eq!(IdempotencyKey::new("tenant-creation-1:completed").as_str(), "tenant-creation-1:completed");
/// assert_eq!(IdempotencyKey::new("two words").as_str().len(), 71);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Makes the key of a text, usually `<workflow id>:<status>` or `<workflow id>/<step>`. The text holds no secret and
    /// names no person: receivers keep keys and show them.
    pub fn new(text: &str) -> Self {
        let fits = (1..=LENGTH_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits {
            return Self(text.to_owned());
        }
        Self(format!("sha256-{}", HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref())))
    }

    /// The text that is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("a key is visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_a_header_is_hashed() {
        let longest = "k".repeat(LENGTH_MAX);
        assert_eq!(IdempotencyKey::new(&longest).as_str(), longest);
        for text in [String::new(), longest + "k", "a\r\nb".to_owned(), "Zoë".to_owned()] {
            let key = IdempotencyKey::new(&text);
            assert!(key.as_str().starts_with("sha256-"), "{text}");
            assert_eq!(key.header().as_bytes(), key.as_str().as_bytes());
        }
        // printf '' | sha256sum
        let empty = "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(IdempotencyKey::new("").as_str(), empty);
    }
}
