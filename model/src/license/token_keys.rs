//! Public keys and the set of those that are trusted (licensing contract, section 7).

use super::claims::{SKEW_SECONDS, is_in_force};
use super::claims_json::Object;
use data_encoding::BASE64;
use std::collections::BTreeMap;
use std::fmt;

/// How the ids of keys end that only tests use.
const TEST_SUFFIX: &str = "-test";
/// What precedes the point in the DER form of a P-256 key: `SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING }`
/// with an uncompressed point (RFC 5480, section 2).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of an uncompressed point of P-256 (SEC 1, section 2.3.3).
const POINT_BYTES: usize = 65;

/// A P-256 key that verifies: the uncompressed point.
///
/// That the point is on the curve is found by the verification, which fails otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; POINT_BYTES]);

/// A text that is no P-256 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAKey;

impl fmt::Display for NotAKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an uncompressed P-256 key as SPKI, in PEM or base64 (`openssl ec -in KEY -pubout`)")
    }
}

impl std::error::Error for NotAKey {}

impl PublicKey {
    /// Takes an uncompressed point: 04, X and Y.
    ///
    /// # Errors
    /// [`NotAKey`] for another length or a compressed point.
    pub fn from_point(point: &[u8]) -> Result<Self, NotAKey> {
        let point: [u8; POINT_BYTES] = point.try_into().map_err(|_| NotAKey)?;
        if point[0] == 4 { Ok(Self(point)) } else { Err(NotAKey) }
    }

    /// Reads an SPKI: PEM with its lines, or the DER form in standard base64.
    ///
    /// # Errors
    /// [`NotAKey`] for other forms, other curves and compressed points.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let text = text.trim();
        let body = match text.strip_prefix("-----BEGIN PUBLIC KEY-----") {
            Some(rest) => rest.strip_suffix("-----END PUBLIC KEY-----").ok_or(NotAKey)?,
            None => text,
        };
        let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = BASE64.decode(body.as_bytes()).map_err(|_| NotAKey)?;
        Self::from_point(der.strip_prefix(&SPKI_PREFIX).ok_or(NotAKey)?)
    }

    /// The uncompressed point.
    pub const fn point(&self) -> &[u8; POINT_BYTES] {
        &self.0
    }

    /// The SPKI, DER in standard base64.
    pub fn to_spki(&self) -> String {
        BASE64.encode(&[SPKI_PREFIX.as_slice(), &self.0].concat())
    }
}

/// Whether keys of tests are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestKeys {
    /// As any other: in tests, on development stacks, and where the caller names the whole set.
    Accepted,
    /// Left out, whoever vouches for them: in release builds.
    Refused,
}

impl TestKeys {
    /// Whether a key of this id may be trusted.
    pub fn admit(self, kid: &str) -> bool {
        match self {
            Self::Accepted => true,
            Self::Refused => !kid.ends_with(TEST_SUFFIX),
        }
    }
}

/// A key with the time in which it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// Not before this instant, in unix seconds.
    pub not_before: Option<i64>,
    /// No longer than to this instant, in unix seconds.
    pub not_after: Option<i64>,
    /// Compromised: never again.
    pub revoked: bool,
}

impl TrustedKey {
    /// A key without bounds.
    pub const fn always(key: PublicKey) -> Self {
        Self { key, not_before: None, not_after: None, revoked: false }
    }

    /// Whether the key counts at `now`, with the skew that every decision has.
    pub fn counts_at(&self, now: i64) -> bool {
        !self.revoked
            && self.not_before.is_none_or(|from| from <= now.saturating_add(SKEW_SECONDS))
            && self.not_after.is_none_or(|until| is_in_force(until, now))
    }
}

/// Key ids and their keys. An id is an ordinary text; `constructor` names a key only if somebody put one in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustSet(BTreeMap<String, TrustedKey>);

/// Why a map of keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMapError {
    /// The text is no JSON object with texts, or names a key twice.
    NotAMap,
    /// A key cannot be read.
    BadKey {
        /// Its id.
        kid: String,
    },
}

impl fmt::Display for KeyMapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAMap => f.write_str("the keys must be one JSON object from key id to SPKI, each id once"),
            Self::BadKey { kid } => write!(f, "the key {kid} is {NotAKey}"),
        }
    }
}

impl std::error::Error for KeyMapError {}

impl TrustSet {
    /// Takes keys; those that `test_keys` refuses are left out. Of two entries of one id the first stays.
    pub fn new(entries: impl IntoIterator<Item = (String, TrustedKey)>, test_keys: TestKeys) -> Self {
        let mut keys = BTreeMap::new();
        for (kid, key) in entries.into_iter().filter(|(kid, _)| test_keys.admit(kid)) {
            keys.entry(kid).or_insert(key);
        }
        Self(keys)
    }

    /// Reads a JSON object with several such maps under the given names; a name that is absent gives an empty set.
    ///
    /// # Errors
    /// [`KeyMapError`].
    pub fn parse_parts<const N: usize>(json: &[u8], names: [&str; N]) -> Result<[Self; N], KeyMapError> {
        let object = Object::parse(json).ok_or(KeyMapError::NotAMap)?;
        let mut sets = [const { Self(BTreeMap::new()) }; N];
        for (set, name) in sets.iter_mut().zip(names) {
            match object.member(name) {
                None => {}
                Some(map) => *set = Self::of_map(map.as_object().ok_or(KeyMapError::NotAMap)?)?,
            }
        }
        Ok(sets)
    }

    /// The set without the keys that `test_keys` refuses.
    #[must_use]
    pub fn without(self, test_keys: TestKeys) -> Self {
        Self::new(self.0, test_keys)
    }

    /// Reads a JSON map from key id to SPKI (PEM or base64), which is the whole set; names of tests are ordinary ones here
    /// (contract, section 14).
    ///
    /// # Errors
    /// [`KeyMapError`].
    pub fn parse_map(json: &[u8]) -> Result<Self, KeyMapError> {
        Self::of_map(&Object::parse(json).ok_or(KeyMapError::NotAMap)?)
    }

    fn of_map(map: &Object<'_>) -> Result<Self, KeyMapError> {
        let mut keys = BTreeMap::new();
        for (kid, spki) in map.members() {
            let spki = spki.as_text().ok_or(KeyMapError::NotAMap)?;
            let key = PublicKey::parse(spki).map_err(|NotAKey| KeyMapError::BadKey { kid: kid.to_owned() })?;
            keys.insert(kid.to_owned(), TrustedKey::always(key));
        }
        Ok(Self(keys))
    }

    /// A key by its id, whether it counts now or not.
    pub fn entry(&self, kid: &str) -> Option<&TrustedKey> {
        self.0.get(kid)
    }

    /// A key by its id, if it counts at `now`.
    pub fn key(&self, kid: &str, now: i64) -> Option<&PublicKey> {
        self.entry(kid).filter(|entry| entry.counts_at(now)).map(|entry| &entry.key)
    }

    /// All keys in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TrustedKey)> {
        self.0.iter().map(|(kid, key)| (kid.as_str(), key))
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a key unless its id is taken; marks the one that has it as revoked when `key` is.
    pub(crate) fn extend_by(&mut self, kid: &str, key: &TrustedKey) {
        let known = self.0.entry(kid.to_owned()).or_insert_with(|| key.clone());
        known.revoked |= key.revoked;
    }
}

#[cfg(test)]
#[path = "token_keys_tests.rs"]
mod tests;
