//! Unguessable values.

use data_encoding::BASE64URL_NOPAD;
use rand::RngCore;
use sha2::{Digest, Sha256};

/// Base32 of RFC 4648 §6, lower-case: host names and TXT values survive a change of case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// 26 symbols of 5 bits: the 130 bits that the ownership token must have.
const TOKEN_SYMBOLS: usize = 26;
/// 16 symbols of 5 bits: the 80 bits that an unguessable target must have at least.
const TARGET_SYMBOLS: usize = 16;

fn symbols(rng: &mut impl RngCore, count: usize) -> String {
    (0..count).map(|_| char::from(ALPHABET[(rng.next_u32() & 31) as usize])).collect()
}

/// Makes an ownership token or a probe nonce: 130 random bits.
pub(crate) fn token(rng: &mut impl RngCore) -> String {
    symbols(rng, TOKEN_SYMBOLS)
}

/// Makes the unguessable target of a claim, `t-<16 symbols>.<zone>`; empty when the canonical host has no zone.
///
/// The zone is the canonical host without its first label. The contract spells the target `t-<16 symbols>.portal.<base>`
/// and calls both that zone and the part behind `.portal.` the base. A canonical host is `<7>.portal.<base>` with the
/// second meaning, and the wildcard record that exists is `*.portal.<base>`; so the target is a sibling of the canonical
/// host, which reads exactly as spelled and is covered by that record.
pub(crate) fn own_target(rng: &mut impl RngCore, canonical_host: &str) -> String {
    match canonical_host.split_once('.') {
        Some((_, zone)) if zone.contains('.') => format!("t-{}.{zone}", symbols(rng, TARGET_SYMBOLS)),
        Some(_) | None => String::new(),
    }
}

/// Makes a preflight token: 192 random bits in the alphabet of ACME tokens (RFC 8555 §8.3, base64url without padding).
pub(crate) fn preflight_token(rng: &mut impl RngCore) -> String {
    let mut bytes = [0_u8; 24];
    rng.fill_bytes(&mut bytes);
    BASE64URL_NOPAD.encode(&bytes)
}

/// The body that the token's path answers, in the shape of a key authorization: `<token>.<digest>`.
pub(crate) fn preflight_body(token: &str) -> String {
    let digest = Sha256::new().chain_update("tenantry preflight ").chain_update(token).finalize();
    format!("{token}.{}", BASE64URL_NOPAD.encode(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn values_have_their_bits_and_their_alphabet() {
        let rng = &mut StdRng::seed_from_u64(1);
        let token = token(rng);
        assert_eq!(token.len(), 26);
        assert!(token.bytes().all(|b| ALPHABET.contains(&b)), "{token}");
        let target = own_target(rng, "abcdef1.portal.app.example.com");
        let (label, zone) = target.split_once('.').unwrap();
        assert_eq!((label.len(), zone), (18, "portal.app.example.com"));
        assert_eq!(own_target(rng, "localhost"), "");
        let preflight = preflight_token(rng);
        assert_eq!(preflight.len(), 32);
        assert_eq!(preflight_body(&preflight), preflight_body(&preflight));
        assert!(preflight_body(&preflight).starts_with(&format!("{preflight}.")));
    }
}
