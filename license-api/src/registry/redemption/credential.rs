//! Credentials of appliances, and subjects of licences: what is made once and kept.

use crate::registry::entitlements::{SUBJECT_BYTES, subject};
use data_encoding::HEXLOWER;
use rand::CryptoRng;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The secret of one appliance: 64 lower-case hexadecimal characters from 32 random bytes (licensing contract, section 1).
#[derive(Debug)]
pub struct Credential(SecretString);

impl Credential {
    /// Makes a credential.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut());
        Self(HEXLOWER.encode(bytes.as_ref()).into())
    }

    /// What the registry keeps of it.
    pub fn hash(&self) -> String {
        credential_hash(&self.0)
    }

    /// The text, for the answer.
    pub fn into_secret(self) -> SecretString {
        self.0
    }
}

/// SHA-256 of a credential's text in lower-case hexadecimal: `appliances.credential_hash`.
///
/// The credential has 256 random bits, so nothing is learned from how long the search for its hash takes.
pub fn credential_hash(credential: &SecretString) -> String {
    HEXLOWER.encode(&Sha256::digest(credential.expose_secret().as_bytes()))
}

/// Makes the subject of an entitlement's licences, which stays with it.
pub fn license_subject(rng: &mut impl CryptoRng) -> String {
    let mut bytes = [0; SUBJECT_BYTES];
    rng.fill_bytes(&mut bytes);
    subject(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    #[test]
    fn a_credential_has_64_characters_and_shows_none() {
        let mut rng = StdRng::seed_from_u64(1);
        let (one, other) = (Credential::generate(&mut rng), Credential::generate(&mut rng));
        assert_ne!(one.hash(), other.hash());
        let shown = format!("{one:?}");
        let text = one.into_secret();
        let text = text.expose_secret();
        assert!(text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{text}");
        assert!(!shown.contains(text));
    }

    /// Computed with `printf %s abc | sha256sum` (FIPS 180-4, the example of one block).
    #[test]
    fn the_hash_is_that_of_the_text() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(credential_hash(&"abc".into()), expected);
    }
}
