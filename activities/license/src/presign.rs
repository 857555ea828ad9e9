//! Presigned links: AWS Signature Version 4 in the query, for one GET (licensing contract, section 11).

use data_encoding::HEXLOWER;
use ring::{digest, hmac};
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Write as _;
use time::OffsetDateTime;
use time::macros::format_description;

/// Longest life of a link in seconds: seven days, the limit of the scheme.
pub const LIFE_MAX_SECONDS: u32 = 604_800;
/// The method.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Who signs.
#[derive(Debug, Clone)]
pub struct Signer {
    /// `OBJECT_STORE_ACCESS_KEY`: public, it stands in every link.
    pub access_key: String,
    /// `OBJECT_STORE_SECRET_KEY`.
    pub secret_key: SecretString,
    /// `OBJECT_STORE_REGION`.
    pub region: String,
}

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Get<'a> {
    /// Host as the request carries it, with the port when it is not the default one.
    pub host: &'a str,
    /// Path, not encoded, with a leading slash; slashes stay.
    pub path: &'a str,
    /// Life of the link in seconds; cut to 1 to [`LIFE_MAX_SECONDS`].
    pub life_seconds: u32,
}

/// The path, encoded, and the query of a link that gets one object: what follows scheme and host.
///
/// Deterministic. Payload hash `UNSIGNED-PAYLOAD`, signed header `host`, service `s3`.
/// Source: AWS, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
pub fn presign(signer: &Signer, get: Get<'_>, at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let stamp = at
        .format(format_description!("[year][month][day]T[hour][minute][second]Z"))
        .expect("a date of four digits in the year has all parts of the format");
    let day = &stamp[..8];
    let scope = format!("{day}/{}/s3/aws4_request", signer.region);
    let life = get.life_seconds.clamp(1, LIFE_MAX_SECONDS);
    let path = encode(get.path, Slash::Kept);
    // The parameters are in the order of their names, as the canonical form asks.
    let query = format!(
        "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={stamp}&X-Amz-Expires={life}&X-Amz-SignedHeaders=host",
        encode(&format!("{}/{scope}", signer.access_key), Slash::Encoded)
    );
    let canonical = format!("GET\n{path}\n{query}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD", get.host);
    let hashed = HEXLOWER.encode(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("{ALGORITHM}\n{stamp}\n{scope}\n{hashed}");
    let first = zeroize::Zeroizing::new(format!("AWS4{}", signer.secret_key.expose_secret()));
    let mut key = hmac_sha256(first.as_bytes(), day);
    for part in [signer.region.as_str(), "s3", "aws4_request"] {
        key = hmac_sha256(key.as_ref(), part);
    }
    let signature = HEXLOWER.encode(hmac_sha256(key.as_ref(), &to_sign).as_ref());
    format!("{path}?{query}&X-Amz-Signature={signature}")
}

fn hmac_sha256(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Kept,
    Encoded,
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, section 2.3, in upper-case hexadecimal.
fn encode(text: &str, slash: Slash) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (byte == b'/' && slash == Slash::Kept);
        if plain {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes any text");
        }
    }
    encoded
}

#[cfg(test)]
#[path = "presign_tests.rs"]
mod tests;
