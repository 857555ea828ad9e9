//! SCRAM-SHA-256 verifiers, so that a password never reaches the server's statement log.

use data_encoding::BASE64;
use rand::RngCore;
use sha2::{Digest, Sha256};

/// Iterations of PostgreSQL's own default (`scram_iterations`).
const ITERATIONS: u32 = 4096;
const SALT_BYTES: usize = 16;
const BLOCK_BYTES: usize = 64;

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK_BYTES];
    if key.len() > BLOCK_BYTES {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|b| b ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|b| b ^ 0x5c)).chain_update(inner).finalize().into()
}

/// Hi() of RFC 5802 §2.2: PBKDF2 with one block.
fn salted(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut last = hmac(password, &[salt, &[0, 0, 0, 1]].concat());
    let mut sum = last;
    for _ in 1..iterations {
        last = hmac(password, &last);
        sum.iter_mut().zip(last).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

/// The text that `ALTER ROLE … PASSWORD` takes in place of a password: `SCRAM-SHA-256$<iterations>:<salt>$<stored>:<server>`
/// (PostgreSQL documentation, `pg_authid.rolpassword`; keys of RFC 5802 §3).
fn verifier_with(password: &str, salt: &[u8], iterations: u32) -> String {
    let salted = salted(password.as_bytes(), salt, iterations);
    let stored = Sha256::digest(hmac(&salted, b"Client Key"));
    let server = hmac(&salted, b"Server Key");
    format!("SCRAM-SHA-256${iterations}:{}${}:{}", BASE64.encode(salt), BASE64.encode(&stored), BASE64.encode(&server))
}

/// Makes a verifier with a fresh salt. The password must be printable ASCII, for which SASLprep (RFC 4013) changes nothing.
pub(crate) fn verifier(password: &str, rng: &mut impl RngCore) -> String {
    let mut salt = [0_u8; SALT_BYTES];
    rng.fill_bytes(&mut salt);
    verifier_with(password, &salt, ITERATIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 §4.3, and the password and salt of the exchange in RFC 7677 §3 with the server signature that it shows.
    #[test]
    fn keys_are_those_of_the_rfcs() {
        let mac = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(
            data_encoding::HEXLOWER.encode(&mac),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let salt = BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let server_key = hmac(&salted(b"pencil", &salt, 4096), b"Server Key");
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        assert_eq!(
            BASE64.encode(&hmac(&server_key, message.as_bytes())),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
    }
}
