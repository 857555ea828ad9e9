use super::*;
use license::built_in::{DEVELOPMENT_KID, development_root, development_signer};
use license::signer::LicenseSigner as _;
use serde_json::json;
use std::path::PathBuf;

fn file(keys: &serde_json::Value) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::fs::write(&path, keys.to_string()).unwrap();
    (folder, path)
}

fn with_licenses(keys: &serde_json::Value, test_keys: TestKeys) -> Result<BuiltInKeys, TrustError> {
    let (_folder, path) = file(keys);
    load(TrustFiles { licenses: Some(&path), roots: None }, test_keys)
}

#[test]
fn a_file_adds_keys_to_those_built_in() {
    let key = development_root().public_key().to_spki();
    let keys = with_licenses(&json!({ "own1": key }), TestKeys::Refused).unwrap();
    assert!(keys.licenses.entry("own1").is_some() && keys.roots.keys().entry("own1").is_none());
    let built_in = load(TrustFiles::default(), TestKeys::Accepted).unwrap();
    assert!(built_in.licenses.entry(DEVELOPMENT_KID).is_some());
}

#[test]
fn a_release_trusts_no_test_key_whoever_names_it() {
    let built_in = load(TrustFiles::default(), TestKeys::Refused).unwrap();
    assert!(built_in.licenses.iter().all(|(kid, _)| !kid.ends_with("-test")));
    let keys = json!({ DEVELOPMENT_KID: development_signer().public_key().to_spki() });
    let error = with_licenses(&keys, TestKeys::Refused).unwrap_err();
    assert_eq!(error.to_string(), "cannot trust the key v1-test: it is a test key, and this is a release build");
    assert!(with_licenses(&keys, TestKeys::Accepted).is_ok());
}

#[test]
fn a_file_replaces_no_key_that_is_built_in() {
    let keys = json!({ DEVELOPMENT_KID: development_root().public_key().to_spki() });
    assert!(matches!(with_licenses(&keys, TestKeys::Accepted), Err(TrustError::Replaces { .. })));
}

#[test]
fn what_is_no_map_of_keys_is_refused() {
    for keys in [json!([]), json!({ "own1": 7 }), json!({ "own1": "x" })] {
        assert!(matches!(with_licenses(&keys, TestKeys::Accepted), Err(TrustError::Malformed { .. })), "{keys}");
    }
    let (folder, path) = file(&json!({}));
    drop(folder);
    let missing = load(TrustFiles { licenses: None, roots: Some(&path) }, TestKeys::Accepted);
    assert!(matches!(missing, Err(TrustError::Unreadable { which: "root", .. })));
}
