//! The form of an encrypted payload.
//!
//! The metadata keys are those of Temporal's encryption samples (samples-java `CryptCodec`, samples-typescript
//! `EncryptionCodec`), and so is the content: the whole original payload in its protobuf form, so that it comes back with
//! every metadata key. The bytes are nonce (12), ciphertext and tag (16) of [`SealingKeys`].

use contract::sensitive::{CLOSED, MARK};
use credentials::{KeyId, OpenError, Sealed, SealingKeys, system_random};
use prost::Message;
use secrecy::ExposeSecret;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use zeroize::{Zeroize, Zeroizing};

/// Metadata key of every payload's encoding.
pub const ENCODING_KEY: &str = "encoding";
/// Encoding of an encrypted payload.
pub const ENCODING: &[u8] = CLOSED;
/// Metadata key of the cipher.
pub const CIPHER_KEY: &str = "encryption-cipher";
/// The cipher, with our name and the number of the form: other codecs use the same encoding, and what they wrote is not
/// taken for ours.
pub const CIPHER: &[u8] = b"tenantry/AES-256-GCM/1";
/// Metadata key of the key id.
pub const KEY_ID_KEY: &str = "encryption-key-id";

/// Associated data: what was sealed for another purpose with the same keys does not open as a payload, nor the reverse.
const DOMAIN: &[u8] = b"tenantry/payload/1";

/// What a payload is to the one who decodes.
#[derive(Debug, PartialEq)]
pub(crate) enum Opened {
    /// Not encrypted, or not by us.
    Foreign,
    /// The original payload.
    Original(Payload),
    /// Ours, but changed on its way, or sealed with another key of the same id.
    Damaged,
    /// Ours, with a key that is not in our file.
    UnknownKey(KeyId),
}

/// Whether a payload carries the mark, with any value: a doubtful mark is rather encrypted than not.
pub(crate) fn is_marked(payload: &Payload) -> bool {
    payload.metadata.contains_key(MARK)
}

/// Whether a payload says that we have encrypted it.
pub(crate) fn is_ours(payload: &Payload) -> bool {
    let says = |key: &str, value: &[u8]| payload.metadata.get(key).is_some_and(|found| found == value);
    says(ENCODING_KEY, ENCODING) && says(CIPHER_KEY, CIPHER)
}

/// Encrypts a payload with the newest key and wipes what it held.
pub(crate) fn close(mut payload: Payload, keys: &SealingKeys) -> Payload {
    // The room is exact, so that no copy of the content is left behind by growing.
    let mut plain = Zeroizing::new(Vec::with_capacity(payload.encoded_len()));
    payload.encode(&mut *plain).expect("a vector has room");
    payload.data.zeroize();
    let sealed = keys.seal(&plain, DOMAIN, &mut system_random());
    let entry = |key: &str, value: &[u8]| (key.to_owned(), value.to_vec());
    let metadata = [
        entry(ENCODING_KEY, ENCODING),
        entry(CIPHER_KEY, CIPHER),
        entry(KEY_ID_KEY, sealed.key_id().as_str().as_bytes()),
    ];
    Payload { metadata: metadata.into(), data: sealed.bytes().to_vec(), ..Payload::default() }
}

/// Reads a payload.
pub(crate) fn open(payload: &Payload, keys: &SealingKeys) -> Opened {
    if !is_ours(payload) {
        return Opened::Foreign;
    }
    let key_id = payload.metadata.get(KEY_ID_KEY).and_then(|id| std::str::from_utf8(id).ok()).and_then(KeyId::parse);
    let Some(sealed) = key_id.and_then(|id| Sealed::from_parts(id, payload.data.clone()).ok()) else {
        return Opened::Damaged;
    };
    match keys.open(&sealed, DOMAIN) {
        Ok(plain) => Payload::decode(plain.expose_secret()).map_or(Opened::Damaged, Opened::Original),
        Err(OpenError::UnknownKey { key_id }) => Opened::UnknownKey(key_id),
        Err(OpenError::Broken { .. } | OpenError::NotText { .. }) => Opened::Damaged,
    }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
