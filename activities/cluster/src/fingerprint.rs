//! SHA-256 of the leaf certificate of a Secret, and the Secret's data, which never leaves this crate.

use crate::api::text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Fingerprint of the first certificate of a PEM file, lower-case hex; `None` when there is none.
pub(crate) fn of_pem(pem: &[u8]) -> Option<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let pem = std::str::from_utf8(pem).ok()?;
    let body = pem.split_once(BEGIN)?.1.split_once("-----END CERTIFICATE-----")?.0;
    let der = STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()?;
    let digest = Sha256::digest(der);
    Some(digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

/// Fingerprint of the leaf in a Secret; empty when it holds no certificate.
pub(crate) fn of_secret(secret: &Value) -> String {
    let encoded = text(secret, "/data/tls.crt");
    STANDARD.decode(encoded).ok().and_then(|pem| of_pem(&pem)).unwrap_or_default()
}

/// A Secret holds both halves.
pub(crate) fn is_complete(secret: &Value) -> bool {
    !text(secret, "/data/tls.key").is_empty() && !of_secret(secret).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_leaf_is_the_first_certificate() {
        let leaf = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n";
        let chain = format!("{leaf}-----BEGIN CERTIFICATE-----\nZGVm\n-----END CERTIFICATE-----\n");
        // sha256("abc"), FIPS 180-2 appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_pem(chain.as_bytes()).as_deref(), Some(expected));
        assert_eq!(of_pem(b"nothing"), None);
        let secret = json!({ "data": { "tls.crt": STANDARD.encode(&chain), "tls.key": "eA==" } });
        assert_eq!(of_secret(&secret), expected);
        assert!(is_complete(&secret) && !is_complete(&json!({ "data": { "tls.key": "eA==" } })));
    }
}
