//! The file of this build.

use super::*;

#[test]
fn the_file_is_usable_and_holds_the_keys_of_development() {
    let keys = built_in(TestKeys::Accepted);
    let known = |set: &TrustSet, kid: &str| set.entry(kid).map(|entry| entry.key);
    assert_eq!(known(&keys.licenses, DEVELOPMENT_KID), Some(development_signer().public_key()));
    assert_eq!(known(keys.roots.keys(), DEVELOPMENT_ROOT_KID), Some(development_root().public_key()));
}

#[test]
fn a_release_refuses_the_keys_of_development() {
    let keys = built_in(TestKeys::Refused);
    let all: Vec<_> = keys.licenses.iter().chain(keys.roots.keys().iter()).collect();
    let public = [development_signer().public_key(), development_root().public_key()];
    assert!(all.iter().all(|(_, entry)| !public.contains(&entry.key)), "their private keys are public");
    assert_eq!(keys.test_keys, TestKeys::Refused);
}

#[test]
fn this_build_trusts_keys_of_tests_only_with_its_checks_on() {
    assert_eq!(TEST_KEYS == TestKeys::Accepted, cfg!(debug_assertions));
}

#[test]
fn licence_keys_and_roots_are_apart() {
    let keys = built_in(TestKeys::Accepted);
    for (kid, entry) in keys.licenses.iter() {
        assert!(keys.roots.keys().iter().all(|(root, other)| root != kid && other.key != entry.key), "{kid}");
    }
}

#[test]
fn other_files_are_refused_or_empty() {
    assert!(parse("[]", TestKeys::Accepted).is_err());
    assert!(parse(r#"{"license":[]}"#, TestKeys::Accepted).is_err());
    assert!(parse("{}", TestKeys::Accepted).unwrap().licenses.is_empty());
}
