//! The file with the keys that seal and the key of keyed hashes.

use crate::keyed_hash::KeyedHasher;
use crate::seal::{KEY_BYTES, Key, KeyId, SealingKeys, is_placeholder, same_key};
use data_encoding::BASE64;
use secrecy::SecretBox;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Most bytes of a key file: [`KEYS_MAX`] full lines with room for comments.
const FILE_MAX: usize = 64 * 1024;
/// Most keys of a file. A yearly rotation fills it in a lifetime.
const KEYS_MAX: usize = 64;
/// The id that names the key of keyed hashes.
const HASH_ID: &str = "hash";

/// What a key file holds (`TENANTRY_SEALING_KEYS_FILE`, `TENANTRY_CODEC_KEYS_FILE`).
///
/// One key a line: an id, blanks, and 32 random bytes in standard base64 (44 characters, `openssl rand -base64 32`). Empty
/// lines and lines that begin with `#` are skipped.
///
/// ```text
/// # the key of keyed hashes
/// hash     <44 characters>
/// # sealing keys, oldest first
/// 2026-05  <44 characters>
/// 2026-11  <44 characters>
/// ```
///
/// **Sealing keys.** Their ids ascend as text from line to line, and the last one writes; the older ones only read. So a
/// template that prints a map in the order of its keys (Vault's does) and a person who appends a line mean the same key, and
/// a line in the wrong place is refused instead of letting an old key write. Dates make good ids. To rotate, append a key;
/// remove an old one once nothing is sealed with it. A process that has not read the file again yet cannot open what
/// another has just sealed with the new key: that is [`OpenError::UnknownKey`](crate::OpenError), and waiting mends it.
///
/// **The key of keyed hashes** has the reserved id `hash`, wherever its line is. It does not rotate with the others: stored
/// hashes are compared with new ones, so replacing it would let a claimed address be claimed again and let a repeated
/// start look like another one. Replace it only while no creation is open. The claims on addresses then are over, and what
/// an operator loses is the recognition of repeats of old starts that carried a password. The file for payloads needs no
/// such line.
#[derive(Debug)]
pub struct KeyFile {
    /// The keys that seal.
    pub sealing: SealingKeys,
    hashing: Option<KeyedHasher>,
}

/// What is wrong with a key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A line is not an id and a key.
    #[error("it is not an id and a key with blanks between them")]
    NotTwoWords,
    /// An id has a character that is not allowed, or too many.
    #[error("the id must be 1 to 32 of A-Z a-z 0-9 . _ -")]
    BadId,
    /// A key is no base64 of 32 bytes.
    #[error("the key must be 32 bytes in base64 (44 characters)")]
    BadKey,
    /// All bytes of a key are equal.
    #[error("the key is a placeholder, not random")]
    Placeholder,
    /// An id, or a key under another id, stands in the file twice.
    #[error("the id or the key is there already")]
    Repeated,
    /// An id is less than the one before, so that it is not clear which key is the newest.
    #[error("the ids must ascend, the newest last")]
    NotAscending,
    /// More than 64 keys.
    #[error("there are more than 64 keys")]
    TooMany,
}

/// Why a key file cannot be used. Shows neither its content nor its path.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("could not read the key file")]
    Unreadable(#[source] io::Error),
    /// The file is not UTF-8 text, or has more than 64 KiB.
    #[error("cannot use the key file: it is no text of at most 64 KiB")]
    NotText,
    /// A line is wrong.
    #[error("cannot use the key file: line {line}: {fault}")]
    Line {
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: Fault,
    },
    /// There is no sealing key.
    #[error("cannot use the key file: it has no sealing key")]
    NoSealingKey,
    /// There is no key of keyed hashes, and somebody needs it.
    #[error("cannot use the key file: it has no line with the id hash")]
    NoHashKey,
}

impl KeyFile {
    /// Reads a file. What was read is wiped afterwards.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        // One byte more than allowed tells that a file is too long; the room is exact, so that no copy is left behind.
        let mut bytes = Zeroizing::new(vec![0; FILE_MAX + 1]);
        let mut file = File::open(path).map_err(KeyFileError::Unreadable)?;
        let mut length = 0;
        while length < bytes.len() {
            match file.read(&mut bytes[length..]) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(KeyFileError::Unreadable(error)),
            }
        }
        if length > FILE_MAX {
            return Err(KeyFileError::NotText);
        }
        Self::parse(std::str::from_utf8(&bytes[..length]).map_err(|_| KeyFileError::NotText)?)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`KeyFileError`] with the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut hash: Option<Key> = None;
        let mut keys: Vec<(KeyId, Key)> = Vec::new();
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        for (line, content) in lines.filter(|(_, content)| !content.is_empty() && !content.starts_with('#')) {
            let wrong = |fault| KeyFileError::Line { line, fault };
            let (id, key) = entry(content).map_err(wrong)?;
            let known = keys.iter().map(|(_, key)| key).chain(&hash);
            if known.into_iter().any(|known| same_key(known, &key)) {
                return Err(wrong(Fault::Repeated));
            }
            if id.as_str() == HASH_ID {
                if hash.replace(key).is_some() {
                    return Err(wrong(Fault::Repeated));
                }
                continue;
            }
            match keys.last().map(|(last, _)| last.cmp(&id)) {
                Some(std::cmp::Ordering::Equal) => return Err(wrong(Fault::Repeated)),
                Some(std::cmp::Ordering::Greater) => return Err(wrong(Fault::NotAscending)),
                Some(std::cmp::Ordering::Less) | None => {}
            }
            if keys.len() == KEYS_MAX {
                return Err(wrong(Fault::TooMany));
            }
            keys.push((id, key));
        }
        let sealing = SealingKeys::new(keys).ok_or(KeyFileError::NoSealingKey)?;
        Ok(Self { sealing, hashing: hash.map(KeyedHasher::new) })
    }

    /// The maker of keyed hashes.
    ///
    /// # Errors
    /// [`KeyFileError::NoHashKey`] when the file has no line `hash`.
    pub fn hashing(&self) -> Result<&KeyedHasher, KeyFileError> {
        self.hashing.as_ref().ok_or(KeyFileError::NoHashKey)
    }

    /// The sealing keys and the maker of keyed hashes, for a holder of both.
    ///
    /// # Errors
    /// [`KeyFileError::NoHashKey`] when the file has no line `hash`.
    pub fn into_parts(self) -> Result<(SealingKeys, KeyedHasher), KeyFileError> {
        Ok((self.sealing, self.hashing.ok_or(KeyFileError::NoHashKey)?))
    }
}

fn entry(content: &str) -> Result<(KeyId, Key), Fault> {
    let mut words = content.split_ascii_whitespace();
    let (Some(id), Some(key), None) = (words.next(), words.next(), words.next()) else {
        return Err(Fault::NotTwoWords);
    };
    let id = KeyId::parse(id).ok_or(Fault::BadId)?;
    let bytes = Zeroizing::new(BASE64.decode(key.as_bytes()).map_err(|_| Fault::BadKey)?);
    if bytes.len() != KEY_BYTES {
        return Err(Fault::BadKey);
    }
    let key = SecretBox::init_with_mut(|key: &mut [u8; KEY_BYTES]| key.copy_from_slice(&bytes));
    if is_placeholder(&key) { Err(Fault::Placeholder) } else { Ok((id, key)) }
}

#[cfg(test)]
#[path = "key_file_tests.rs"]
mod tests;
