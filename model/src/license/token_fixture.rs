//! Tokens for tests, under a signature that is a hash: what this crate decides depends on whether it is good, not on how.

use super::claims::TenantId;
use super::token::{Audience, CheckSignature, Terms, UncheckedToken, VerifiedLicense, VerifyFailure};
use super::token_keys::{PublicKey, TestKeys, TrustSet, TrustedKey};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256};

/// The time of most tests.
pub(crate) const NOW: i64 = 1_800_000_000;
/// The tenant of most tests.
pub(crate) const TENANT: &str = "11111111-2222-4333-8444-555555555555";
/// The header of most tests.
pub(crate) const HEADER: &str = r#"{"alg":"ES256","typ":"JWT","kid":"v1"}"#;

/// A key of the given number.
pub(crate) fn key(number: u8) -> PublicKey {
    let mut point = [number; 65];
    point[0] = 4;
    PublicKey::from_point(&point).unwrap()
}

/// Takes the hash of key and text, twice, for a signature.
pub(crate) struct Hashes;

fn hash(key: &PublicKey, signed: &[u8]) -> [u8; 64] {
    let mut hasher = Sha256::new();
    hasher.update(key.point());
    hasher.update(signed);
    let half = hasher.finalize();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&half);
    signature[32..].copy_from_slice(&half);
    signature
}

impl CheckSignature for Hashes {
    fn check(&self, key: &PublicKey, signed: &[u8], signature: &[u8; 64]) -> bool {
        hash(key, signed) == *signature
    }
}

/// Signs a header and a payload.
pub(crate) fn signed(header: &str, payload: &str, number: u8) -> String {
    signed_bytes(header.as_bytes(), payload.as_bytes(), number)
}

/// Signs a header and a payload that may be no text.
pub(crate) fn signed_bytes(header: &[u8], payload: &[u8], number: u8) -> String {
    let text = format!("{}.{}", BASE64URL_NOPAD.encode(header), BASE64URL_NOPAD.encode(payload));
    let signature = BASE64URL_NOPAD.encode(&hash(&key(number), text.as_bytes()));
    format!("{text}.{signature}")
}

/// A good payload, its member `name` replaced by `value`, which is JSON; left out for an empty text.
pub(crate) fn payload(name: &str, value: &str) -> String {
    let (iat, exp, aud) = (NOW.to_string(), (NOW + 1_000).to_string(), format!("\"{TENANT}\""));
    let members = [
        ("iss", r#""nineminds-license""#),
        ("sub", r#""lic_a""#),
        ("cust", r#""Acme""#),
        ("tier", r#""pro""#),
        ("aud", &aud),
        ("iat", &iat),
        ("exp", &exp),
    ];
    let mut list: Vec<(&str, &str)> = members.into_iter().filter(|(known, _)| *known != name).collect();
    if !value.is_empty() {
        list.push((name, value));
    }
    let list: Vec<_> = list.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", list.join(","))
}

/// The keys `v1` (number 1) and `v2` (number 2).
pub(crate) fn trust() -> TrustSet {
    let entry = |kid: &str, number| (kid.to_owned(), TrustedKey::always(key(number)));
    TrustSet::new([entry("v1", 1), entry("v2", 2)], TestKeys::Refused)
}

/// Verifies for the tenant of most tests.
pub(crate) fn verify(text: &str) -> Result<VerifiedLicense, VerifyFailure> {
    verify_at(text, NOW)
}

/// Verifies for the tenant of most tests, at another time.
pub(crate) fn verify_at(text: &str, now: i64) -> Result<VerifiedLicense, VerifyFailure> {
    let tenant = TenantId::parse(TENANT).unwrap();
    let terms = Terms { now, audience: Audience::Tenant(&tenant) };
    UncheckedToken::new(text).verify(&trust(), &Hashes, terms)
}
