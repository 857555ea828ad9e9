//! What licences and keyset statements have in common: a compact JWS with ES256 (RFC 7515, section 7.1; RFC 7518, 3.4).

use super::claims_json::Object;
use super::token::{CheckSignature, VerifyFailure};
use super::token_keys::PublicKey;
use data_encoding::BASE64URL_NOPAD;

/// Most bytes of a signed text: that of a request's body (contract, section 5.1). A licence has about 500.
pub(crate) const TEXT_MAX: usize = 16 * 1024;
/// The one algorithm.
const ALG: &str = "ES256";
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
    let object;
    let usual = match typ {
        Typ::Any => usual_kid(&header_json),
        Typ::Exactly(_) => None,
    };
    let (kid, alg) = match usual {
        Some(kid) => (kid, Some(ALG)),
        None => {
            object = Object::parse(&header_json).ok_or(VerifyFailure::Malformed)?;
            check_header(&object, typ)?;
            (object.text("kid").ok_or(VerifyFailure::UnknownKid)?, object.text("alg"))
        }
    };
    let key = key_of(kid).ok_or(VerifyFailure::UnknownKid)?;
    if alg != Some(ALG) {
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

/// The key id of a header as our signers write it, byte for byte, which needs no reader of JSON: a sixth of what a licence
/// costs whose signature is remembered. Ids of other characters than these are left to the reader.
fn usual_kid(header: &[u8]) -> Option<&str> {
    let kid = header.strip_prefix(br#"{"alg":"ES256","typ":"JWT","kid":""#)?.strip_suffix(br#""}"#)?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if kid.iter().all(plain) { std::str::from_utf8(kid).ok() } else { None }
}

fn check_header(header: &Object<'_>, typ: Typ) -> Result<(), VerifyFailure> {
    let fits = match typ {
        Typ::Any => true,
        Typ::Exactly(typ) => header.text("typ") == Some(typ),
    };
    if header.member("crit").is_none() && fits { Ok(()) } else { Err(VerifyFailure::Malformed) }
}

fn signature_bytes(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    let mut bytes = [0; SIGNATURE_BYTES];
    if BASE64URL_NOPAD.decode_len(text.len()) != Ok(SIGNATURE_BYTES) {
        return None;
    }
    BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What is known by its bytes is what the reader of JSON finds.
        #[test]
        fn a_usual_header_says_what_it_says_as_json(kid in r#"[a-z0-9"\\{}:,._ -]{0,12}|\PC{0,6}|[a-z0-9._-]{1,9}"#) {
            let header = format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{kid}"}}"#);
            if let Some(known) = usual_kid(header.as_bytes()) {
                let object = Object::parse(header.as_bytes()).unwrap();
                let read = (object.text("kid"), object.text("alg"), object.text("typ"), object.members().count());
                prop_assert_eq!(read, (Some(known), Some(ALG), Some("JWT"), 3));
            } else {
                prop_assert!(!kid.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            }
        }
    }
}
