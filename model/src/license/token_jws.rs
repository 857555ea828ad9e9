//! What licences and keyset statements have in common: a compact JWS with ES256 (RFC 7515, section 7.1; RFC 7518, 3.4).

use super::claims_json::Object;
use super::token::{CheckSignature, VerifyFailure};
use super::token_keys::PublicKey;
use data_encoding::BASE64URL_NOPAD;

/// Most bytes of a signed text: that of a request's body (contract, section 5.1). A licence has about 500.
pub(crate) const TEXT_MAX: usize = 16 * 1024;
/// Bytes of an ES256 signature: r and s.
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// The key and the payload of a signed text whose signature was checked.
pub(crate) struct Authentic {
    pub(crate) kid: String,
    pub(crate) payload: Vec<u8>,
}

/// What the header's `typ` must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Typ {
    /// Anything: old licences were not checked for it, and their keys sign nothing else.
    Any,
    /// Exactly this.
    Exactly(&'static str),
}

/// Checks form, key and signature in the order of section 6.2.
///
/// `key_of` finds a trusted key. The header decides nothing but which key it is.
pub(crate) fn authenticate<'k>(
    text: &str,
    typ: Typ,
    key_of: impl FnOnce(&str) -> Option<&'k PublicKey>,
    signatures: &dyn CheckSignature,
) -> Result<Authentic, VerifyFailure> {
    if text.len() > TEXT_MAX {
        return Err(VerifyFailure::Malformed);
    }
    let mut parts = text.split('.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(VerifyFailure::Malformed);
    };
    let header_json = BASE64URL_NOPAD.decode(header.as_bytes()).map_err(|_| VerifyFailure::Malformed)?;
    let object = Object::parse(&header_json).ok_or(VerifyFailure::Malformed)?;
    if object.member("crit").is_some() {
        return Err(VerifyFailure::Malformed);
    }
    match typ {
        Typ::Any => {}
        Typ::Exactly(typ) if object.text("typ") == Some(typ) => {}
        Typ::Exactly(_) => return Err(VerifyFailure::Malformed),
    }
    let kid = object.text("kid").ok_or(VerifyFailure::UnknownKid)?;
    let key = key_of(kid).ok_or(VerifyFailure::UnknownKid)?;
    if object.text("alg") != Some("ES256") {
        return Err(VerifyFailure::BadSignature);
    }
    let signature = signature_bytes(signature).ok_or(VerifyFailure::BadSignature)?;
    let signed = &text.as_bytes()[..header.len() + 1 + payload.len()];
    if !signatures.check(key, signed, &signature) {
        return Err(VerifyFailure::BadSignature);
    }
    let payload = BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_| VerifyFailure::Malformed)?;
    Ok(Authentic { kid: kid.to_owned(), payload })
}

fn signature_bytes(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    let mut bytes = [0; SIGNATURE_BYTES];
    if BASE64URL_NOPAD.decode_len(text.len()) != Ok(SIGNATURE_BYTES) {
        return None;
    }
    BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut bytes).ok()?;
    Some(bytes)
}
