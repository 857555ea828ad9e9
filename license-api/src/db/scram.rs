//! SCRAM-SHA-256 verifiers, so that a password never reaches the server's statement log.

use data_encoding::BASE64;
use rand::CryptoRng;
use ring::{digest, hmac, pbkdf2};
use secrecy::{ExposeSecret as _, SecretString};
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// Iterations of PostgreSQL's own default (`scram_iterations`).
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("not zero");
const SALT_BYTES: usize = 16;

/// The text that `ALTER ROLE … PASSWORD` takes in place of a password: `SCRAM-SHA-256$<iterations>:<salt>$<stored>:<server>`
/// (PostgreSQL documentation, `pg_authid.rolpassword`; keys of RFC 5802 §3). The password is printable ASCII, so SASLprep
/// leaves it as it is.
pub(super) fn verifier(password: &SecretString, rng: &mut impl CryptoRng) -> String {
    let mut salt = [0; SALT_BYTES];
    rng.fill_bytes(&mut salt);
    verifier_with(password, &salt)
}

fn verifier_with(password: &SecretString, salt: &[u8]) -> String {
    let mut salted = Zeroizing::new([0; 32]);
    let password = password.expose_secret().as_bytes();
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, password, salted.as_mut());
    let key = hmac::Key::new(hmac::HMAC_SHA256, salted.as_ref());
    let stored = digest::digest(&digest::SHA256, hmac::sign(&key, b"Client Key").as_ref());
    let server = hmac::sign(&key, b"Server Key");
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        BASE64.encode(salt),
        BASE64.encode(stored.as_ref()),
        BASE64.encode(server.as_ref())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3: the user's password is `pencil`, and the example's keys follow from its salt and 4096 iterations.
    #[test]
    fn the_example_of_the_specification_gives_its_keys() {
        let salt = BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let text = verifier_with(&"pencil".into(), &salt);
        let expected = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
                        wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert_eq!(text, expected);
    }
}
