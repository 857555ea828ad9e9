//! What one password hash costs, apart from the creation that makes two of them.
//!
//! The derivation of the crate `credentials` with its default parameters, written out here; a test lets that crate verify
//! what is derived, so that the two cannot differ.

use crate::measure::cpu_seconds;
use ring::pbkdf2::{PBKDF2_HMAC_SHA512, derive};
use std::num::NonZeroU32;

/// Rounds of PBKDF2: `ITERATIONS` as it comes.
pub(crate) const ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).expect("not zero");
/// `KEY_LENGTH` as it comes, in bytes.
const KEY_BYTES: usize = 64;
/// Hashes that a creation makes: that of a secret nobody knows, and that of the password which is mailed.
pub(crate) const PER_CREATION: u32 = 2;
/// The kernel counts CPU in hundredths of a second: this many hashes are exact to a few percent.
const HASHES: u32 = 100;

/// One hash. The salt goes in as its hexadecimal text, behind the pepper.
fn hash(pepper: &str, salt_hex: &str, password: &str) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    derive(PBKDF2_HMAC_SHA512, ITERATIONS, format!("{pepper}{salt_hex}").as_bytes(), password.as_bytes(), &mut key);
    key
}

/// CPU milliseconds of one hash on one core of this machine. To be called while this process does nothing else.
///
/// # Errors
/// `/proc` cannot be read.
pub(crate) fn cost_ms() -> anyhow::Result<f64> {
    let own = i32::try_from(std::process::id())?;
    let begin = cpu_seconds(own)?;
    for n in 0..HASHES {
        std::hint::black_box(hash("pepper of a local stack", &format!("{n:024x}"), "TempPass123!"));
    }
    Ok((cpu_seconds(own)? - begin) * 1e3 / f64::from(HASHES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use credentials::{PasswordHash, PasswordHasher, PasswordParams};
    use secrecy::SecretString;

    #[test]
    fn what_is_measured_is_what_the_worker_computes() {
        let salt = "000102030405060708090a0b";
        let hex: String = hash("a pepper", salt, "TempPass123!").iter().map(|byte| format!("{byte:02x}")).collect();
        let stored = PasswordHash::parse(&format!("{salt}:{hex}")).expect("two hexadecimal parts");
        let hasher = PasswordHasher::new(PasswordParams::default(), SecretString::from("a pepper")).expect("a pepper");
        assert!(hasher.verify(&SecretString::from("TempPass123!"), &stored));
        assert!(!hasher.verify(&SecretString::from("TempPass123"), &stored));
        assert_eq!(PasswordParams::default().iterations(), ITERATIONS.get());
    }
}
