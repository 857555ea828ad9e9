//! Key files that fit, that do not, and one that is replaced.

use super::*;
use crate::watched::LOOK_EVERY;
use model::license::token_keys::{TestKeys, TrustedKey};
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use std::fs;
use std::sync::Mutex;
use tempfile::TempDir;

const NOW: i64 = 1_800_000_000;

fn secret(number: u8) -> SecretKey {
    SecretKey::from_slice(&[number; 32]).unwrap()
}

fn pem(number: u8) -> String {
    secret(number).to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
}

fn public(number: u8) -> PublicKey {
    LocalKey { kid: kid("x"), key: SigningKey::from(secret(number)) }.public_key()
}

fn kid(text: &str) -> KeyId {
    KeyId::parse(text).unwrap()
}

fn published(keys: &[(&str, u8)]) -> TrustSet {
    let entry = |(kid, number): &(&str, u8)| ((*kid).to_owned(), TrustedKey::always(public(*number)));
    TrustSet::new(keys.iter().map(entry), TestKeys::Refused)
}

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn both_forms_of_pem_are_read() {
    let sec1 = secret(7).to_sec1_pem(LineEnding::LF).unwrap().to_string();
    for text in [pem(7), sec1, format!("\n{}\n\n", pem(7))] {
        let (_folder, path) = file(&text);
        let signer = FileSigner::read(&path, kid("v1")).unwrap();
        assert_eq!((signer.public_key(), signer.kid().as_str()), (public(7), "v1"));
        assert!(!format!("{signer:?}").contains("070707"));
    }
}

#[track_caller]
fn refused(error: SignerFileError, text: &str) {
    let line = error.to_string();
    assert!(line.contains(text) && !line.contains('\n') && !line.contains("/key.pem"), "{line}");
}

#[test]
fn a_file_that_is_no_key_says_what_to_do() {
    let (folder, path) = file("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    refused(FileSigner::read(&path, kid("v1")).unwrap_err(), "openssl genpkey");
    fs::write(&path, "A".repeat(FILE_MAX + 1)).unwrap();
    refused(FileSigner::read(&path, kid("v1")).unwrap_err(), "check that it exists");
    refused(FileSigner::read(&folder.path().join("none"), kid("v1")).unwrap_err(), "check that it exists");
}

#[test]
fn a_key_that_nobody_can_verify_is_refused() {
    let (_folder, path) = file(&pem(7));
    let signer = FileSigner::read(&path, kid("v1")).unwrap();
    assert!(signer.require_published(&published(&[("v1", 7)]), NOW).is_ok());
    refused(signer.require_published(&published(&[("v2", 7)]), NOW).unwrap_err(), "publish it first");
    refused(signer.require_published(&published(&[("v1", 8)]), NOW).unwrap_err(), "mount the right file");
    let revoked = TrustedKey { revoked: true, ..TrustedKey::always(public(7)) };
    let revoked = TrustSet::new([("v1".to_owned(), revoked)], TestKeys::Refused);
    refused(signer.require_published(&revoked, NOW).unwrap_err(), "revoked");
}

/// A rotation without a restart (contract, section 7): publish, then replace the file.
#[test]
fn a_new_key_signs_under_the_id_it_is_published_with() {
    let (folder, path) = file(&pem(7));
    let known = Arc::new(Mutex::new(published(&[("v1", 7)])));
    let trust = Arc::clone(&known);
    let signer = WatchedSigner::open(&path, kid("v1"), move || trust.lock().unwrap().clone(), || NOW).unwrap();
    let replace = |number| {
        let draft = folder.path().join("draft");
        fs::write(&draft, pem(number)).unwrap();
        fs::rename(draft, &path).unwrap();
    };
    let mut now = std::time::Instant::now();
    let mut look = || {
        now += LOOK_EVERY + LOOK_EVERY;
        let signer = signer.file.at(now);
        (signer.kid().as_str().to_owned(), signer.public_key())
    };
    assert_eq!(look(), ("v1".to_owned(), public(7)));
    replace(8);
    assert_eq!(look(), ("v1".to_owned(), public(7)), "nobody knows the new key yet");
    *known.lock().unwrap() = published(&[("v1", 7), ("v2", 8)]);
    assert_eq!(look(), ("v2".to_owned(), public(8)));
}

#[test]
fn nothing_starts_with_a_key_that_is_not_the_published_one() {
    let (_folder, path) = file(&pem(7));
    let open = |keys: TrustSet| WatchedSigner::open(&path, kid("v1"), move || keys.clone(), || NOW).err();
    assert!(open(published(&[("v1", 7)])).is_none());
    // At start the id is the one that was set, even if the key is published under another.
    assert!(matches!(open(published(&[("v2", 7)])), Some(SignerFileError::NotPublished { .. })));
    assert!(matches!(open(published(&[("v1", 8), ("v2", 7)])), Some(SignerFileError::OtherKey { .. })));
}
