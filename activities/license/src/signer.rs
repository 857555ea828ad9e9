//! Signing: whoever holds a key, and what is made with it.

use crate::es256;
use async_trait::async_trait;
use credentials::KeyId;
use data_encoding::BASE64URL_NOPAD;
use model::license::claims::{ClaimsError, LicenseClaims};
use model::license::keyset::{KEYSET_TYP, KeysetClaims};
use model::license::token::UncheckedToken;
use model::license::token_keys::PublicKey;
use p256::ecdsa::{Signature, SigningKey};
use std::fmt;

/// Somebody who signs with one P-256 key. A key that is kept elsewhere, such as in Vault's transit engine, fits behind it.
#[async_trait]
pub trait LicenseSigner: Send + Sync + fmt::Debug {
    /// Id of the key.
    fn kid(&self) -> &KeyId;

    /// The key that verifies.
    fn public_key(&self) -> PublicKey;

    /// Signs with ECDSA over SHA-256: r and s, 32 bytes each. Either value of s is allowed; [`sign_license`] takes the low one.
    ///
    /// # Errors
    /// [`SignError::Unavailable`].
    async fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// A verifier would refuse the claims.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The holder of the key does not answer; later it may.
    #[error("could not sign with the key {kid}")]
    Unavailable {
        /// Id of the key.
        kid: KeyId,
    },
    /// The holder of the key gave something else than a signature.
    #[error("cannot use the signature made with the key {kid}: it is none")]
    NotASignature {
        /// Id of the key.
        kid: KeyId,
    },
}

/// Signs a licence (licensing contract, section 6.1): header `{"alg":"ES256","typ":"JWT","kid":…}`, low s.
///
/// # Errors
/// [`SignError`].
pub async fn sign_license(signer: &dyn LicenseSigner, claims: &LicenseClaims) -> Result<UncheckedToken, SignError> {
    let payload = claims.to_payload()?;
    Ok(UncheckedToken::new(compact(signer, "JWT", &payload).await?))
}

/// Signs a keyset statement (contract, section 7) with a root key.
///
/// # Errors
/// [`SignError`].
pub async fn sign_keyset(root: &dyn LicenseSigner, claims: &KeysetClaims) -> Result<String, SignError> {
    compact(root, KEYSET_TYP, &claims.to_payload()).await
}

async fn compact(signer: &dyn LicenseSigner, typ: &str, payload: &str) -> Result<String, SignError> {
    // A key id has no character that JSON escapes.
    let header = format!(r#"{{"alg":"ES256","typ":"{typ}","kid":"{}"}}"#, signer.kid());
    let mut text = BASE64URL_NOPAD.encode(header.as_bytes());
    text.push('.');
    BASE64URL_NOPAD.encode_append(payload.as_bytes(), &mut text);
    let signature = signer.sign(text.as_bytes()).await?;
    let signature =
        Signature::from_slice(&signature).map_err(|_| SignError::NotASignature { kid: signer.kid().clone() })?;
    let low = signature.normalize_s();
    text.push('.');
    BASE64URL_NOPAD.encode_append(&low.to_bytes(), &mut text);
    Ok(text)
}

/// A key in memory. Its nonces are those of RFC 6979.
pub(crate) struct LocalKey {
    pub(crate) kid: KeyId,
    pub(crate) key: SigningKey,
}

impl LocalKey {
    pub(crate) fn public_key(&self) -> PublicKey {
        let point = self.key.verifying_key().to_sec1_point(false);
        PublicKey::from_point(point.as_bytes()).expect("an uncompressed point of P-256")
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        es256::sign(&self.key, message).to_bytes().into()
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Signs with a key that is derived from a public text: for tests and development stacks, never in a trust set of a release.
#[derive(Debug)]
pub struct DevelopmentSigner(LocalKey);

/// A text whose hash is no private key of P-256; one in 2³² is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the text: its hash is no private key")]
pub struct NotAPrivateKey;

impl DevelopmentSigner {
    /// The key whose scalar is the SHA-256 of `text` (contract, section 6.3).
    ///
    /// # Errors
    /// [`NotAPrivateKey`].
    pub fn from_text(kid: KeyId, text: &str) -> Result<Self, NotAPrivateKey> {
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let key = SigningKey::from_slice(digest.as_ref()).map_err(|_| NotAPrivateKey)?;
        Ok(Self(LocalKey { kid, key }))
    }
}

#[async_trait]
impl LicenseSigner for DevelopmentSigner {
    fn kid(&self) -> &KeyId {
        &self.0.kid
    }

    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.0.sign(message))
    }
}

#[cfg(test)]
#[path = "signer_tests.rs"]
mod tests;
