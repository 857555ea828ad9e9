//! Keyed hashes: what must be recognised again but not be read, such as addresses in claims and passwords in digests.

use crate::seal::{KEY_BYTES, Key};
use data_encoding::HEXLOWER;
use ring::hmac;
use secrecy::{ExposeSecret, SecretBox, SecretSlice};

/// What a keyed hash is for. Hashes of the same text for different purposes have nothing in common, so that a table of one
/// kind cannot be compared with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The key of a claim on a lower-cased mail address (tenant-provisioning contract, section 14: "Claims on addresses are
    /// stored as keyed hashes").
    ClaimedAddress,
    /// A password inside an input digest (section 14: "of a password only a keyed HMAC is").
    InputPassword,
    /// A lower-cased mail address whose install mails are counted (licensing contract, section 15, "Limits").
    InstallMail,
}

impl Purpose {
    /// Part of what is hashed, so never changed. No label is the beginning of another: each ends with a zero byte.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::ClaimedAddress => b"tenantry/keyed-hash/1/claimed-address\0",
            Self::InputPassword => b"tenantry/keyed-hash/1/input-password\0",
            Self::InstallMail => b"tenantry/keyed-hash/1/install-mail\0",
        }
    }
}

/// A secret too short to be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key of keyed hashes must have at least 32 bytes")]
pub struct WeakKey;

/// Makes keyed hashes: HMAC-SHA256 (RFC 2104, FIPS 180-4) in lower-case hexadecimal, 64 characters.
///
/// Two hashes can only be compared when the same key made both, and stored ones outlive any sealing key. So this key is no
/// sealing key and takes no part in their rotation; see [`KeyFile`](crate::KeyFile) for when it may be replaced.
#[derive(Debug)]
pub struct KeyedHasher(Key);

impl KeyedHasher {
    pub(crate) const fn new(key: Key) -> Self {
        Self(key)
    }

    /// Uses the SHA-256 of a given secret as key, for an installation that keeps it elsewhere than in the key file.
    ///
    /// # Errors
    /// [`WeakKey`] when it has fewer than 32 bytes.
    pub fn from_secret(secret: &SecretSlice<u8>) -> Result<Self, WeakKey> {
        if secret.expose_secret().len() < KEY_BYTES {
            return Err(WeakKey);
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, secret.expose_secret());
        Ok(Self(SecretBox::init_with_mut(|key: &mut [u8; KEY_BYTES]| key.copy_from_slice(digest.as_ref()))))
    }

    /// Hashes a text as it is: whoever compares addresses lower-cases them first.
    pub fn hash(&self, purpose: Purpose, text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret());
        let mut context = hmac::Context::with_key(&key);
        context.update(purpose.label());
        context.update(text.as_bytes());
        HEXLOWER.encode(context.sign().as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> KeyedHasher {
        KeyedHasher::new(SecretBox::init_with(|| std::array::from_fn(|index| index as u8)))
    }

    /// Computed with Python: `hmac.new(bytes(range(32)), label + text, hashlib.sha256).hexdigest()`.
    #[test]
    fn hashes_never_change() {
        assert_eq!(
            hasher().hash(Purpose::ClaimedAddress, "ada@customer.example"),
            "ca74bb3020c873add8105779d8c001f14cd3df1cbdcfcea893be298cc75ac9f1"
        );
        assert_eq!(
            hasher().hash(Purpose::InputPassword, "ada@customer.example"),
            "216b329c93779a5ae5a859bb5092e2e7e1fc9fb1d85d628f35cfc4c145c243ff"
        );
    }

    /// Computed with Python as above, with `hashlib.sha256(b"s" * 32).digest()` as key.
    #[test]
    fn a_given_secret_is_a_key_when_it_is_long_enough() {
        let from = |text: &str| KeyedHasher::from_secret(&text.as_bytes().to_vec().into());
        assert_eq!(
            from(&"s".repeat(32)).unwrap().hash(Purpose::ClaimedAddress, ""),
            "e764ba8ba85c8085abc12bb9375410c99e82062701bbe6923c0d88e95e1732e4"
        );
        assert_eq!(from(&"s".repeat(31)).err(), Some(WeakKey));
    }

    #[test]
    fn nothing_shows_the_key() {
        assert_eq!(format!("{:?}", hasher()), "KeyedHasher(SecretBox<[u8; 32]>([REDACTED]))");
    }
}
