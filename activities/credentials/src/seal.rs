//! Sealing: AES-256-GCM under named keys, of which the newest writes and all can read.

use data_encoding::BASE64URL_NOPAD;
use rand::CryptoRng;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Most characters of a key id.
const ID_MAX: usize = 32;
/// Bytes of the authentication tag (NIST SP 800-38D, section 5.2.1.2: the longest).
const TAG_BYTES: usize = 16;
/// Begins the text form; the number is that of the form and of the cipher.
const PREFIX: &str = "sealed:1:";
/// Begins the associated data, so that nothing else that may use the same key is taken for a seal.
const CONTEXT: &[u8] = b"tenantry/seal/1\0";

/// Name of a sealing key: 1 to 32 of `A-Z a-z 0-9 . _ -`. Public: it stands beside what was sealed, and in errors.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// Takes a name; none when it breaks the rule.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=ID_MAX).contains(&text.len()) && text.bytes().all(fits)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something sealed: the id of the key, and nonce (12 bytes), ciphertext and tag (16 bytes) in one.
///
/// Its text form is `sealed:1:<key id>:<base64url of the bytes, without padding>` and needs no escaping in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    key_id: KeyId,
    bytes: Vec<u8>,
}

/// A text or bytes that are no seal. Does not show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what should be sealed has not the form of a seal")]
pub struct UnreadableSeal;

impl Sealed {
    /// Puts together what was stored apart.
    ///
    /// # Errors
    /// [`UnreadableSeal`] when the bytes are too few to hold nonce and tag.
    pub fn from_parts(key_id: KeyId, bytes: Vec<u8>) -> Result<Self, UnreadableSeal> {
        if bytes.len() < NONCE_LEN + TAG_BYTES { Err(UnreadableSeal) } else { Ok(Self { key_id, bytes }) }
    }

    /// Reads the text form, which is what `to_string` gives.
    ///
    /// # Errors
    /// [`UnreadableSeal`] when the text has another form.
    pub fn parse(text: &str) -> Result<Self, UnreadableSeal> {
        let (key_id, bytes) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once(':')).ok_or(UnreadableSeal)?;
        let bytes = BASE64URL_NOPAD.decode(bytes.as_bytes()).map_err(|_| UnreadableSeal)?;
        Self::from_parts(KeyId::parse(key_id).ok_or(UnreadableSeal)?, bytes)
    }

    /// The key that opens it.
    pub const fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// Nonce, ciphertext and tag.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}:{}", self.key_id, BASE64URL_NOPAD.encode(&self.bytes))
    }
}

/// Why a seal stays closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key is not in the file of this process. It may be on its way, so waiting for it, with an alert, is right
    /// (tenant-provisioning contract, section 14).
    #[error("cannot open what was sealed with the key {key_id}: there is no such key here")]
    UnknownKey {
        /// The missing key.
        key_id: KeyId,
    },
    /// The seal is broken: changed, of another key with the same id, or for other associated data. Final.
    #[error("cannot open what was sealed with the key {key_id}: it is not what was sealed")]
    Broken {
        /// The key that should fit.
        key_id: KeyId,
    },
    /// A text was asked for, and the content is no UTF-8. Final.
    #[error("cannot open what was sealed with the key {key_id}: it is not text")]
    NotText {
        /// The key that fits.
        key_id: KeyId,
    },
}

/// The keys of one file, at least one.
///
/// Nonces are random, so one key may seal 2³² times before a repeat becomes likelier than 2⁻³² (NIST SP 800-38D,
/// section 8.3); replace it long before. The keys are kept until the process ends and wiped when dropped; what the cipher
/// derives from a key for the time of one call is not wiped, because `ring` offers no way.
pub struct SealingKeys {
    /// In the order of the file; the last one writes.
    keys: Vec<(KeyId, Key)>,
}

/// The bytes of one key.
pub(crate) type Key = SecretBox<[u8; KEY_BYTES]>;

impl SealingKeys {
    /// Takes keys, the newest last. None when there is no key.
    pub(crate) fn new(keys: Vec<(KeyId, Key)>) -> Option<Self> {
        (!keys.is_empty()).then_some(Self { keys })
    }

    /// The key that writes.
    pub fn newest(&self) -> &KeyId {
        &self.keys.last().expect("there is at least one key").0
    }

    /// All keys, oldest first, for a start-up message.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().map(|(id, _)| id)
    }

    /// Seals bytes with the newest key.
    ///
    /// `aad` is what the seal belongs to, for example its ledger key: with another one it does not open, so a seal cannot
    /// be moved to another place.
    ///
    /// # Panics
    /// When `plain` is longer than AES-GCM allows (64 GiB).
    pub fn seal(&self, plain: &[u8], aad: &[u8], rng: &mut impl CryptoRng) -> Sealed {
        let (key_id, key) = self.keys.last().expect("there is at least one key");
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        // The room is exact, so that no copy of the content is left behind by growing.
        let mut bytes = Vec::with_capacity(NONCE_LEN + plain.len() + TAG_BYTES);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(plain);
        let tag = cipher(key)
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), associated(aad), &mut bytes[NONCE_LEN..])
            .expect("the content is shorter than 64 GiB");
        bytes.extend_from_slice(tag.as_ref());
        Sealed { key_id: key_id.clone(), bytes }
    }

    /// Opens a seal that was made for the same `aad`.
    ///
    /// # Errors
    /// [`OpenError::UnknownKey`], [`OpenError::Broken`].
    pub fn open(&self, sealed: &Sealed, aad: &[u8]) -> Result<SecretSlice<u8>, OpenError> {
        Ok(self.opened(sealed, aad)?.to_vec().into())
    }

    /// Opens a seal over a text.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and [`OpenError::NotText`].
    pub fn open_text(&self, sealed: &Sealed, aad: &[u8]) -> Result<SecretString, OpenError> {
        let plain = self.opened(sealed, aad)?;
        let text = std::str::from_utf8(&plain).map_err(|_| OpenError::NotText { key_id: sealed.key_id.clone() })?;
        Ok(text.into())
    }

    fn opened(&self, sealed: &Sealed, aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let key_id = || sealed.key_id.clone();
        let (_, key) = self
            .keys
            .iter()
            .find(|(id, _)| *id == sealed.key_id)
            .ok_or_else(|| OpenError::UnknownKey { key_id: key_id() })?;
        let broken = || OpenError::Broken { key_id: key_id() };
        let (nonce, rest) = sealed.bytes.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut plain = Zeroizing::new(rest.to_vec());
        let length = cipher(key).open_in_place(nonce, associated(aad), &mut plain).map_err(|_| broken())?.len();
        plain.truncate(length);
        Ok(plain)
    }
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKeys")?;
        f.debug_list().entries(self.ids().map(KeyId::as_str)).finish()
    }
}

fn cipher(key: &Key) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, key.expose_secret()).expect("the key has the length of the cipher");
    LessSafeKey::new(key)
}

fn associated(aad: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([CONTEXT, aad].concat())
}

/// Compares two keys in constant time.
pub(crate) fn same_key(one: &Key, other: &Key) -> bool {
    let pairs = one.expose_secret().iter().zip(other.expose_secret());
    pairs.fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// Whether all bytes of a key are equal, as in a placeholder.
pub(crate) fn is_placeholder(key: &Key) -> bool {
    let bytes = key.expose_secret();
    bytes.iter().all(|byte| *byte == bytes[0])
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
