//! The keys that a build carries (`keys/built-in.json`), and those of development.
//!
//! The vendor's own keys are put into that file when a release is made: licence keys under `license`, offline root keys under
//! `keyset`, each from its id to its SPKI in PEM or base64. Ids that end in `-test` are for development; their private keys
//! are public, and release builds refuse them.

use crate::signer::{DevelopmentSigner, LicenseSigner as _, SignError, sign_keyset};
use credentials::KeyId;
use model::license::keyset::{BuiltInKeys, KeysetClaims, RootKeys};
use model::license::token_keys::{KeyMapError, TestKeys, TrustSet, TrustedKey};

/// The file of this build.
const FILE: &str = include_str!("../keys/built-in.json");
/// Id of the licence key of development stacks.
pub const DEVELOPMENT_KID: &str = "v1-test";
/// Id of the root key of development stacks.
pub const DEVELOPMENT_ROOT_KID: &str = "root1-test";
/// Id of the licence key that follows it, which the first statement of a development stack publishes.
pub const DEVELOPMENT_NEXT_KID: &str = "v2-test";
/// The public texts from whose hashes these keys are made.
pub const DEVELOPMENT_TEXT: &str = "tenantry-development-license-key-1";
/// The same of the next key.
pub const DEVELOPMENT_NEXT_TEXT: &str = "tenantry-development-license-key-2";
/// The same of the root key.
pub const DEVELOPMENT_ROOT_TEXT: &str = "tenantry-development-root-key-1";
/// How long the first statement may be delivered: a year.
const STATEMENT_SECONDS: i64 = 365 * 86_400;

/// Whether this build trusts keys of tests: only one that is made for development.
pub const TEST_KEYS: TestKeys = if cfg!(debug_assertions) { TestKeys::Accepted } else { TestKeys::Refused };

/// The keys of this build.
///
/// # Panics
/// When the file of this build cannot be read, which a test excludes.
pub fn built_in(test_keys: TestKeys) -> BuiltInKeys {
    parse(FILE, test_keys).expect("the file of built-in keys was tested")
}

/// Reads a file of this form.
///
/// # Errors
/// [`KeyMapError`].
pub fn parse(text: &str, test_keys: TestKeys) -> Result<BuiltInKeys, KeyMapError> {
    let parts = TrustSet::parse_parts(text.as_bytes(), ["license", "keyset"])?;
    let [licenses, roots] = parts.map(|set| set.without(test_keys));
    Ok(BuiltInKeys { licenses, roots: RootKeys::new(roots), test_keys })
}

/// Signs licences on development stacks.
pub fn development_signer() -> DevelopmentSigner {
    development(DEVELOPMENT_KID, DEVELOPMENT_TEXT)
}

/// Signs keyset statements on development stacks.
pub fn development_root() -> DevelopmentSigner {
    development(DEVELOPMENT_ROOT_KID, DEVELOPMENT_ROOT_TEXT)
}

/// The licence key that follows that of development stacks.
pub fn development_next_signer() -> DevelopmentSigner {
    development(DEVELOPMENT_NEXT_KID, DEVELOPMENT_NEXT_TEXT)
}

/// The first statement of a development stack, made at `now` in unix seconds: it publishes the next key, so that a rotation
/// can be tried.
///
/// # Errors
/// [`SignError`].
pub async fn development_statement(now: i64) -> Result<String, SignError> {
    let keys = vec![(DEVELOPMENT_NEXT_KID.to_owned(), TrustedKey::always(development_next_signer().public_key()))];
    let claims = KeysetClaims { version: 1, issued_at: now, expires_at: now + STATEMENT_SECONDS, keys };
    sign_keyset(&development_root(), &claims).await
}

fn development(kid: &str, text: &str) -> DevelopmentSigner {
    let kid = KeyId::parse(kid).expect("our own id has the form of one");
    DevelopmentSigner::from_text(kid, text).expect("the hash of our own text is a private key")
}

#[cfg(test)]
#[path = "built_in_tests.rs"]
mod tests;
