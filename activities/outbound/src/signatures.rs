//! Signatures over what we send: HMAC-SHA256 (RFC 2104), written in lower-case hex.

use crate::stamp::since_epoch;
use data_encoding::HEXLOWER;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use std::time::SystemTime;

/// Header with the signature over the body alone (contract, section 8.2).
pub const TEMPORAL_SIGNATURE: &str = "x-temporal-signature";
/// Header with the time of signing, in seconds since 1970.
pub const TEMPORAL_TIMESTAMP: &str = "x-temporal-timestamp";
/// Header with the signature over time and body.
pub const TEMPORAL_SIGNATURE_V2: &str = "x-temporal-signature-v2";
/// Header of the reset route with the time of signing, in milliseconds since 1970 (contract, section 8.3).
pub const RESET_TIMESTAMP: &str = "x-timestamp";
/// Header of the reset route with the signature over address and time.
pub const RESET_SIGNATURE: &str = "x-webhook-signature";

/// Seconds since 1970-01-01 UTC, as `X-Temporal-Timestamp` carries them.
pub fn epoch_seconds(at: SystemTime) -> u64 {
    since_epoch(at).as_secs()
}

/// Milliseconds since 1970-01-01 UTC, as `X-Timestamp` of the reset route carries them.
pub fn epoch_millis(at: SystemTime) -> u64 {
    u64::try_from(since_epoch(at).as_millis()).unwrap_or(u64::MAX)
}

/// `X-Temporal-Signature`: over the exact bytes of the body. Says nothing of when, so whoever has seen it can send it again.
pub fn temporal(secret: &SecretString, body: &[u8]) -> String {
    hex_hmac(secret, &[body])
}

/// `X-Temporal-Signature-V2`: `t=<seconds>,v1=<hex>` over `<seconds>.<body>`, so that the receiver can refuse old ones.
pub fn temporal_v2(secret: &SecretString, seconds: u64, body: &[u8]) -> String {
    let signature = hex_hmac(secret, &[seconds.to_string().as_bytes(), b".", body]);
    format!("t={seconds},v1={signature}")
}

/// `X-Webhook-Signature` of the reset route: over `<address>:<milliseconds>`.
pub fn reset(secret: &SecretString, address: &str, millis: u64) -> String {
    hex_hmac(secret, &[address.as_bytes(), b":", millis.to_string().as_bytes()])
}

fn hex_hmac(secret: &SecretString, parts: &[&[u8]]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    HEXLOWER.encode(context.sign().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Answers of Python's `hmac`: `hmac.new(key, message, hashlib.sha256).hexdigest()`.
    const KEY: &str = "whsec-test-key";
    const BODY: &str = "{\"sessionId\":\"cs_test_1\",\"status\":\"completed\",\"algaTenantId\":\"Zo\u{eb}\"}";

    #[test]
    fn the_body_alone_is_signed() {
        assert_eq!(
            temporal(&KEY.into(), BODY.as_bytes()),
            "688f6938f154584ddaf3e8e49927fb9ef9c5fa89f4a3d378cfa87733f1446fec"
        );
        assert_eq!(temporal(&KEY.into(), b""), "5fb1edc2030dde328b46ac50a7dd7da4513947845fe1b94afd47efccefa62dbb");
    }

    #[test]
    fn time_and_body_are_signed() {
        let expected = "t=1795674063,v1=eb619e0c87a5a2f4eb6b892623c8a1cb5cc2190ba11e4f1cc1997be406d295a2";
        assert_eq!(temporal_v2(&KEY.into(), 1_795_674_063, BODY.as_bytes()), expected);
    }

    #[test]
    fn address_and_time_are_signed() {
        assert_eq!(
            reset(&KEY.into(), "ada@example.test", 1_795_674_063_007),
            "aec1bcd33a74b481a96252a52a0e6b15e722a9310fd586db20f4489ed585968b"
        );
    }

    #[test]
    fn a_key_longer_than_a_block_is_hashed_first() {
        // As test case 6 of RFC 4231 §4.7, with a key of 131 letters.
        assert_eq!(
            temporal(&"k".repeat(131).into(), b"Test"),
            "06bb03d9b70c6e5d06859bedc8573416addbde9746c16eecfa53a751a679f18f"
        );
    }

    #[test]
    fn times_are_cut_not_rounded() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_674_063_007_999);
        assert_eq!((epoch_seconds(at), epoch_millis(at)), (1_795_674_063, 1_795_674_063_007));
    }
}
