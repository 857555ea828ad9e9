//! Install codes under keys: how one is minted, found again, and how a request that holds one is recognised.

use crate::key_ring::{KeyRing, KeyRingError, WatchedKeyRing};
use credentials::KeyId;
use model::license::install_code::{CodeLength, InstallCode};
use ring::hmac;
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

/// Begins what is hashed to mint a code (licensing contract, section 3).
const MINT_LABEL: &[u8] = b"install-code/v1";
/// Begins what is hashed to recognise a request. No code contains a zero byte, so no lookup value is such a fingerprint.
const REQUEST_LABEL: &[u8] = b"license-request/1\0";
/// Blocks of 32 bytes that are tried to fill a code. The longest code needs 26 bytes below 248; that two blocks do not hold
/// them has a chance of less than 10⁻³⁰.
const BLOCKS_MAX: u32 = 8;

/// A keyed hash with the id of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedHash {
    /// `hash_key_id`.
    pub key_id: KeyId,
    /// HMAC-SHA256.
    pub hash: [u8; 32],
}

/// The keys that mint codes and those that find them, as they are at one moment.
#[derive(Debug, Clone)]
pub struct CodeKeys {
    mint: Arc<KeyRing>,
    lookup: Arc<KeyRing>,
}

impl CodeKeys {
    /// Takes both rings.
    pub const fn new(mint: Arc<KeyRing>, lookup: Arc<KeyRing>) -> Self {
        Self { mint, lookup }
    }

    /// Id of the key that [`mint`](Self::mint) uses: `claim_codes.mint_key_id`.
    pub fn mint_key_id(&self) -> &KeyId {
        self.mint.current_id()
    }

    /// Ids of the keys that [`derive`](Self::derive) knows, the current one first.
    pub fn mint_key_ids(&self) -> impl Iterator<Item = &KeyId> {
        self.mint.ids()
    }

    /// Ids of the keys that find codes, the current one first.
    pub fn lookup_key_ids(&self) -> impl Iterator<Item = &KeyId> {
        self.lookup.ids()
    }

    /// Mints the code of a row: `HMAC-SHA256(key, "install-code/v1" ‖ row id ‖ counter)`, the row id as its 16 bytes and the
    /// counter as four, the most significant first. Its bytes become symbols by rejection; when 32 are not enough, the
    /// counter goes on. Rows start at counter 0: a collision takes another row id.
    ///
    /// # Panics
    /// When eight blocks do not fill a code, which no random function does.
    pub fn mint(&self, row_id: Uuid, length: CodeLength, counter: u32) -> InstallCode {
        let (_, key) = self.mint.keys().next().expect("a ring has a current key");
        code(key, row_id, length, counter)
    }

    /// Mints the code of a row again, under the key that minted it first; none when that key is gone.
    ///
    /// # Panics
    /// As [`mint`](Self::mint).
    pub fn derive(&self, mint_key_id: &str, row_id: Uuid, length: CodeLength, counter: u32) -> Option<InstallCode> {
        self.mint.key(mint_key_id).map(|key| code(key, row_id, length, counter))
    }

    /// What a new row stores of its code: the hash under the current key.
    pub fn stored_hash(&self, code: &InstallCode) -> KeyedHash {
        let (key_id, key) = self.lookup.keys().next().expect("a ring has a current key");
        keyed(key_id, key, &[code.expose().as_bytes()])
    }

    /// What a code may be stored as: its hash under the current and under the previous key, in this order. The work is the
    /// same for every code.
    pub fn lookup_hashes(&self, code: &InstallCode) -> Vec<KeyedHash> {
        self.lookup.keys().map(|(key_id, key)| keyed(key_id, key, &[code.expose().as_bytes()])).collect()
    }

    /// Fingerprints of a request that holds a code, under the current and the previous lookup key (contract, section 15). The
    /// first is stored; a repeat is one whose fingerprint under the stored key id is equal.
    pub fn request_fingerprints(&self, request: &[u8]) -> Vec<KeyedHash> {
        self.lookup.keys().map(|(key_id, key)| keyed(key_id, key, &[REQUEST_LABEL, request])).collect()
    }
}

/// Both files of keys, read again when they change.
#[derive(Debug)]
pub struct WatchedCodeKeys {
    mint: WatchedKeyRing,
    lookup: WatchedKeyRing,
}

/// Which of the two files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CodeKeysError {
    /// The file of the keys that mint.
    #[error("cannot mint install codes")]
    Mint(#[source] KeyRingError),
    /// The file of the keys that find.
    #[error("cannot look up install codes")]
    Lookup(#[source] KeyRingError),
}

impl WatchedCodeKeys {
    /// Reads both files for the first time.
    ///
    /// # Errors
    /// [`CodeKeysError`].
    pub fn open(mint: impl Into<PathBuf>, lookup: impl Into<PathBuf>) -> Result<Self, CodeKeysError> {
        Ok(Self {
            mint: WatchedKeyRing::open(mint).map_err(CodeKeysError::Mint)?,
            lookup: WatchedKeyRing::open(lookup).map_err(CodeKeysError::Lookup)?,
        })
    }

    /// The keys of now. One request works with one such value.
    pub fn current(&self) -> CodeKeys {
        CodeKeys::new(self.mint.current(), self.lookup.current())
    }
}

fn code(key: &hmac::Key, row_id: Uuid, length: CodeLength, counter: u32) -> InstallCode {
    let blocks = (counter..=counter.saturating_add(BLOCKS_MAX - 1)).flat_map(|counter| {
        let block = tag(key, &[MINT_LABEL, row_id.as_bytes(), &counter.to_be_bytes()]);
        block.as_ref().to_vec()
    });
    InstallCode::from_prf(blocks, length).expect("eight blocks of a random function fill a code")
}

fn keyed(key_id: &KeyId, key: &hmac::Key, parts: &[&[u8]]) -> KeyedHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(tag(key, parts).as_ref());
    KeyedHash { key_id: key_id.clone(), hash }
}

fn tag(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    context.sign()
}

#[cfg(test)]
#[path = "codes_tests.rs"]
mod tests;
