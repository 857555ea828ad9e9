//! Password hashes as the web application verifies them.

use crate::params::PasswordParams;
use data_encoding::HEXLOWER;
use rand::CryptoRng;
use ring::pbkdf2;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use zeroize::Zeroizing;

/// The pepper is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password pepper (NEXTAUTH_SECRET) must not be empty")]
pub struct PepperMissing;

/// A text that is not `<saltHex>:<hashHex>`. Does not show the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password hash is not two lower-case hexadecimal parts with a colon between them")]
pub struct MalformedHash;

/// The value of `users.hashed_password`: `<saltHex>:<hashHex>`, both lower-case hexadecimal and not empty.
///
/// ```
/// use credentials::PasswordHash;
/// assert!(PasswordHash::parse("00ff:a0b1").is_ok());
/// assert!(PasswordHash::parse("00FF:a0b1").is_err());
/// ```
#[derive(Clone)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// Takes a hash that somebody else made, such as an operator's `passwordHash` (R6).
    ///
    /// # Errors
    /// [`MalformedHash`] when the text has another shape. Whether its lengths are those of this installation is
    /// [`PasswordHasher::fits`].
    pub fn parse(text: &str) -> Result<Self, MalformedHash> {
        let (salt, hash) = text.split_once(':').ok_or(MalformedHash)?;
        if salt.is_empty() || hash.is_empty() || !is_lower_hex(salt) || !is_lower_hex(hash) {
            return Err(MalformedHash);
        }
        Ok(Self(text.to_owned().into()))
    }

    /// The text for the database. Nobody else needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Salt and hash. The shape was checked when the value was made.
    fn parts(&self) -> (&str, &str) {
        self.expose().split_once(':').unwrap_or_default()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([REDACTED])")
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Makes and checks hashes with the parameters and the pepper of one installation.
///
/// PBKDF2-HMAC over the password's UTF-8 bytes, not normalised. The salt is the pepper's UTF-8 bytes followed by the salt's
/// hexadecimal **text**, which is not decoded (tenant-provisioning contract, section 6).
#[derive(Debug, Clone)]
pub struct PasswordHasher {
    params: PasswordParams,
    pepper: SecretString,
}

impl PasswordHasher {
    /// Puts parameters and pepper together. The pepper is the application's `NEXTAUTH_SECRET`; another one yields accounts
    /// that cannot be entered, and changing it invalidates every stored hash.
    ///
    /// # Errors
    /// [`PepperMissing`] when it is empty.
    pub fn new(params: PasswordParams, pepper: SecretString) -> Result<Self, PepperMissing> {
        if pepper.expose_secret().is_empty() { Err(PepperMissing) } else { Ok(Self { params, pepper }) }
    }

    /// Hashes a password with a fresh salt.
    pub fn hash(&self, password: &SecretString, rng: &mut impl CryptoRng) -> PasswordHash {
        let mut salt = vec![0; self.params.salt_bytes];
        rng.fill_bytes(&mut salt);
        self.hash_with(password.expose_secret().as_bytes(), &HEXLOWER.encode(&salt))
    }

    /// A value of the same shape that is the hash of no password that anybody can know, for an account that exists before its
    /// credential is delivered (4.2). Salt and hash are random: to find a password with this hash is to invert PBKDF2, so that
    /// deriving one would only cost time.
    pub fn unusable(&self, rng: &mut impl CryptoRng) -> PasswordHash {
        let mut random = vec![0; self.params.salt_bytes + self.params.key_length];
        rng.fill_bytes(&mut random);
        let (salt, hash) = random.split_at(self.params.salt_bytes);
        PasswordHash(format!("{}:{}", HEXLOWER.encode(salt), HEXLOWER.encode(hash)).into())
    }

    /// Tells whether the password has this hash, in a time that does not depend on where they differ.
    ///
    /// A hash of another length than `KEY_LENGTH` never matches, as in the application.
    pub fn verify(&self, password: &SecretString, stored: &PasswordHash) -> bool {
        let (salt, hash) = stored.parts();
        // A shorter output of PBKDF2 is the beginning of a longer one, so the length is part of the comparison.
        let Some(hash) = HEXLOWER.decode(hash.as_bytes()).ok().filter(|hash| hash.len() == self.params.key_length)
        else {
            return false;
        };
        let (algorithm, iterations) = (self.params.algorithm.pbkdf2(), self.params.iterations);
        let password = password.expose_secret().as_bytes();
        pbkdf2::verify(algorithm, iterations, &self.salt_input(salt), password, &hash).is_ok()
    }

    /// Tells whether salt and hash have the lengths of this installation's parameters. A hash that does not fit was made
    /// with other parameters and cannot be verified here.
    pub fn fits(&self, stored: &PasswordHash) -> bool {
        let (salt, hash) = stored.parts();
        self.fits_lengths(salt.len(), hash.len())
    }

    /// As [`Self::fits`], for the lengths of salt and hash in characters.
    pub fn fits_lengths(&self, salt: usize, hash: usize) -> bool {
        salt == 2 * self.params.salt_bytes && hash == 2 * self.params.key_length
    }

    fn hash_with(&self, password: &[u8], salt_hex: &str) -> PasswordHash {
        let mut hash = Zeroizing::new(vec![0; self.params.key_length]);
        let (algorithm, iterations) = (self.params.algorithm.pbkdf2(), self.params.iterations);
        pbkdf2::derive(algorithm, iterations, &self.salt_input(salt_hex), password, &mut hash);
        let mut text = String::with_capacity(salt_hex.len() + 1 + 2 * hash.len());
        text.push_str(salt_hex);
        text.push(':');
        HEXLOWER.encode_append(&hash, &mut text);
        PasswordHash(text.into())
    }

    /// Pepper, then the salt's hexadecimal text. Holds the pepper, so it is wiped.
    fn salt_input(&self, salt_hex: &str) -> Zeroizing<Vec<u8>> {
        let pepper = self.pepper.expose_secret().as_bytes();
        let mut input = Zeroizing::new(Vec::with_capacity(pepper.len() + salt_hex.len()));
        input.extend_from_slice(pepper);
        input.extend_from_slice(salt_hex.as_bytes());
        input
    }
}

#[cfg(test)]
#[path = "password_tests.rs"]
mod tests;
