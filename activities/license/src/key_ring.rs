//! A file with the current and the previous key of one purpose.

use crate::watched::{FileError, Watched, read_text};
use credentials::KeyId;
use data_encoding::BASE64;
use ring::hmac;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Most bytes of a file: two lines with room for comments.
const FILE_MAX: usize = 16 * 1024;

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not an id and a key.
    #[error("it is not an id and a key with blanks between them")]
    NotTwoWords,
    /// The id has a character that is not allowed, or too many.
    #[error("the id must be 1 to 32 of A-Z a-z 0-9 . _ -")]
    BadId,
    /// The key is no base64 of 32 bytes.
    #[error("the key must be 32 random bytes in base64 (`openssl rand -base64 32`)")]
    BadKey,
    /// All bytes of the key are equal.
    #[error("the key is a placeholder, not random")]
    Placeholder,
    /// The id or the key stands above already.
    #[error("the id or the key is there already")]
    Repeated,
    /// A third key.
    #[error("there are two keys already, the previous and the current one")]
    TooMany,
}

/// Why a file of keys cannot be used. Shows neither its content nor its path.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// It cannot be read.
    #[error("could not read the key file: check that it exists and that this user may read it")]
    Unreadable(#[from] FileError),
    /// A line is wrong.
    #[error("cannot use the key file: line {line}: {fault}")]
    Line {
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong.
        fault: Fault,
    },
    /// There is no key.
    #[error("cannot use the key file: it has no key")]
    NoKey,
    /// The key that was current is gone, so that what it made could not be found any more.
    #[error("cannot use the key file: it no longer has the key {kid}, which was current; keep it above the new one")]
    LostCurrent {
        /// Its id.
        kid: KeyId,
    },
    /// The id that was current names another key.
    #[error("cannot use the key file: the id {kid} names another key than before; give the new key an id of its own")]
    ChangedKey {
        /// The id.
        kid: KeyId,
    },
}

/// The current and the previous key of one purpose (licensing contract, section 7).
///
/// One key a line, an id, blanks and 32 random bytes in standard base64; the last line is the current key, the one above it
/// the previous. Empty lines and lines that begin with `#` are skipped. To rotate, append a key and remove the one before
/// the previous, no sooner than what that one made has run out.
pub struct KeyRing {
    current: (KeyId, hmac::Key, Zeroizing<[u8; KEY_BYTES]>),
    previous: Option<(KeyId, hmac::Key, Zeroizing<[u8; KEY_BYTES]>)>,
}

impl KeyRing {
    /// Reads a file. What was read is wiped afterwards.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub fn read(path: &Path) -> Result<Self, KeyRingError> {
        Self::parse(&read_text(path, FILE_MAX)?)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`KeyRingError`] with the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let mut previous = None;
        let mut current: Option<(KeyId, hmac::Key, Zeroizing<[u8; KEY_BYTES]>)> = None;
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        for (line, content) in lines.filter(|(_, content)| !content.is_empty() && !content.starts_with('#')) {
            let wrong = |fault| KeyRingError::Line { line, fault };
            let (id, key) = entry(content).map_err(wrong)?;
            if previous.is_some() {
                return Err(wrong(Fault::TooMany));
            }
            if current.as_ref().is_some_and(|(known, _, bytes)| *known == id || same(bytes, &key)) {
                return Err(wrong(Fault::Repeated));
            }
            previous = current.replace((id, hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), key));
        }
        Ok(Self { current: current.ok_or(KeyRingError::NoKey)?, previous })
    }

    /// Id of the key that writes.
    pub const fn current_id(&self) -> &KeyId {
        &self.current.0
    }

    /// The ids, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys().map(|(id, _)| id)
    }

    /// Ids and keys, the current ones first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&KeyId, &hmac::Key)> {
        std::iter::once(&self.current).chain(&self.previous).map(|(id, key, _)| (id, key))
    }

    /// The key of an id.
    pub(crate) fn key(&self, id: &str) -> Option<&hmac::Key> {
        self.keys().find(|(known, _)| known.as_str() == id).map(|(_, key)| key)
    }

    /// Whether this ring may follow `before`: the key that was current is still there, under its id.
    fn follows(self, before: &Self) -> Result<Self, KeyRingError> {
        let (kid, _, bytes) = &before.current;
        let kept = std::iter::once(&self.current).chain(&self.previous).find(|(id, _, _)| id == kid);
        match kept {
            Some((_, _, kept)) if same(kept, bytes) => Ok(self),
            Some(_) => Err(KeyRingError::ChangedKey { kid: kid.clone() }),
            None => Err(KeyRingError::LostCurrent { kid: kid.clone() }),
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing")?;
        f.debug_list().entries(self.ids().map(KeyId::as_str)).finish()
    }
}

/// A ring whose file is read again when it changes. A file that cannot be used, or that lost the key that was current,
/// leaves the last good ring in force.
#[derive(Debug)]
pub struct WatchedKeyRing(Watched<KeyRing>);

impl WatchedKeyRing {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// [`KeyRingError`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, KeyRingError> {
        let read = |path: &Path, before: Option<&KeyRing>| {
            let ring = KeyRing::read(path)?;
            match before {
                Some(before) => ring.follows(before),
                None => Ok(ring),
            }
        };
        Watched::open(path.into(), read).map(Self)
    }

    /// The ring of now.
    pub fn current(&self) -> Arc<KeyRing> {
        self.0.current()
    }
}

fn entry(content: &str) -> Result<(KeyId, Zeroizing<[u8; KEY_BYTES]>), Fault> {
    let mut words = content.split_ascii_whitespace();
    let (Some(id), Some(key), None) = (words.next(), words.next(), words.next()) else {
        return Err(Fault::NotTwoWords);
    };
    let id = KeyId::parse(id).ok_or(Fault::BadId)?;
    let bytes = Zeroizing::new(BASE64.decode(key.as_bytes()).map_err(|_| Fault::BadKey)?);
    if bytes.len() != KEY_BYTES {
        return Err(Fault::BadKey);
    }
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    key.copy_from_slice(&bytes);
    if key.iter().all(|byte| *byte == key[0]) { Err(Fault::Placeholder) } else { Ok((id, key)) }
}

/// Compares two keys in constant time.
fn same(one: &[u8; KEY_BYTES], other: &[u8; KEY_BYTES]) -> bool {
    one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
#[path = "key_ring_tests.rs"]
mod tests;
