//! Who may state keys, what a statement may say, and what it changes.

use super::*;
use crate::license::token_fixture::{HEADER, Hashes, NOW, key, payload, signed, verify};

const ROOT_HEADER: &str = r#"{"alg":"ES256","typ":"license-keyset+jwt","kid":"root1"}"#;

fn built_in() -> BuiltInKeys {
    let set = |kid: &str, number| TrustSet::new([(kid.to_owned(), TrustedKey::always(key(number)))], TestKeys::Refused);
    BuiltInKeys { licenses: set("v1", 1), roots: RootKeys::new(set("root1", 9)), test_keys: TestKeys::Refused }
}

fn claims(version: u64, keys: &[(&str, TrustedKey)]) -> KeysetClaims {
    let keys = keys.iter().map(|(kid, key)| ((*kid).to_owned(), key.clone())).collect();
    KeysetClaims { version, issued_at: NOW, expires_at: NOW + 1_000, keys }
}

fn read_at(text: &str, source: Source, now: i64) -> Result<Keyset, KeysetFailure> {
    Keyset::verify(text, &built_in().roots, &Hashes, source, now)
}

#[track_caller]
fn keyset(version: u64, keys: &[(&str, TrustedKey)]) -> Keyset {
    let text = signed(ROOT_HEADER, &claims(version, keys).to_payload(), 9);
    read_at(&text, Source::Delivered, NOW).unwrap()
}

#[track_caller]
fn refused(text: &str, expected: VerifyFailure) {
    assert_eq!(read_at(text, Source::Delivered, NOW), Err(KeysetFailure::Unverified(expected)), "{text}");
}

fn always(number: u8) -> TrustedKey {
    TrustedKey::always(key(number))
}

#[test]
fn a_statement_says_what_was_stated() {
    let bounded = TrustedKey { not_before: Some(5), not_after: Some(NOW + 9), ..always(2) };
    let revoked = TrustedKey { revoked: true, ..always(3) };
    let read = keyset(7, &[("v2", bounded.clone()), ("v3", revoked.clone())]);
    assert_eq!((read.version(), read.issued_at(), read.expires_at()), (7, NOW, NOW + 1_000));
    assert_eq!(read.keys().collect::<Vec<_>>(), [("v2", &bounded), ("v3", &revoked)]);
}

#[test]
fn only_a_root_key_states_keys() {
    let payload = claims(1, &[("v2", always(2))]).to_payload();
    let with = |kid: &str, number| signed(&ROOT_HEADER.replace("root1", kid), &payload, number);
    refused(&with("v1", 1), VerifyFailure::UnknownKid);
    refused(&with("root1", 1), VerifyFailure::BadSignature);
    refused(&with("constructor", 9), VerifyFailure::UnknownKid);
}

#[test]
fn a_licence_is_no_statement_and_a_statement_no_licence() {
    let stated = claims(1, &[]).to_payload();
    refused(&signed(r#"{"alg":"ES256","typ":"JWT","kid":"root1"}"#, &stated, 9), VerifyFailure::Malformed);
    refused(&signed(r#"{"alg":"ES256","kid":"root1"}"#, &stated, 9), VerifyFailure::Malformed);
    let license = signed(&HEADER.replace("v1", "root1"), &payload("", ""), 9);
    assert_eq!(verify(&license), Err(VerifyFailure::UnknownKid));
}

#[test]
fn times_and_shape() {
    let text = signed(ROOT_HEADER, &claims(1, &[]).to_payload(), 9);
    assert!(read_at(&text, Source::Delivered, NOW + 1_059).is_ok());
    let late = read_at(&text, Source::Delivered, NOW + 1_060);
    assert_eq!(late, Err(KeysetFailure::Unverified(VerifyFailure::Expired)));
    assert!(read_at(&text, Source::Stored, NOW + 1_060).is_ok(), "what was taken in time stays");
    assert!(read_at(&text, Source::Delivered, NOW - 60).is_ok());
    let early = read_at(&text, Source::Delivered, NOW - 61);
    assert_eq!(early, Err(KeysetFailure::Unverified(VerifyFailure::Malformed)));

    let spki = key(2).to_spki();
    let good = format!(r#"{{"kid":"v2","spki":"{spki}"}}"#);
    let with = |version: &str, keys: &str| {
        let payload =
            format!(r#"{{"iss":"nineminds-license","iat":{NOW},"exp":{},"version":{version},"keys":{keys}}}"#, NOW + 1);
        signed(ROOT_HEADER, &payload, 9)
    };
    assert!(read_at(&with("1", &format!("[{good}]")), Source::Delivered, NOW).is_ok());
    for version in ["0", "-1", "null", r#""1""#, "1.0"] {
        refused(&with(version, "[]"), VerifyFailure::Malformed);
    }
    for keys in [
        "{}".to_owned(),
        "null".to_owned(),
        "[1]".to_owned(),
        format!("[{good},{good}]"),
        format!(r#"[{{"kid":"","spki":"{spki}"}}]"#),
        format!(r#"[{{"spki":"{spki}"}}]"#),
        r#"[{"kid":"v2","spki":"x"}]"#.to_owned(),
        format!(r#"[{{"kid":"v2","spki":"{spki}","not_after":"x"}}]"#),
        format!(r#"[{{"kid":"v2","spki":"{spki}","revoked":1}}]"#),
    ] {
        refused(&with("1", &keys), VerifyFailure::Malformed);
    }
    let other = claims(1, &[]).to_payload().replace("nineminds-license", "other");
    refused(&signed(ROOT_HEADER, &other, 9), VerifyFailure::Malformed);
}

#[test]
fn the_version_only_grows_and_never_by_more_than_a_thousand() {
    let adopt = |current, found| keyset(found, &[]).adopt(current, &built_in());
    assert_eq!(adopt(0, 1), Ok(Adoption::Replaces));
    assert_eq!(adopt(0, 1_000), Ok(Adoption::Replaces));
    assert_eq!(adopt(0, 1_001), Err(KeysetFailure::TooFar { current: 0, found: 1_001 }));
    assert_eq!(adopt(5, 5), Ok(Adoption::Unchanged));
    assert_eq!(adopt(5, 4), Err(KeysetFailure::Older { current: 5, found: 4 }));
    assert_eq!(adopt(5, 1_005), Ok(Adoption::Replaces));
}

#[test]
fn a_statement_replaces_no_key_that_is_built_in() {
    let adopt = |keys: &[(&str, TrustedKey)]| keyset(1, keys).adopt(0, &built_in());
    let replaces = |kid: &str| Err(KeysetFailure::ReplacesBuiltIn { kid: kid.to_owned() });
    assert_eq!(adopt(&[("v1", always(2))]), replaces("v1"));
    assert_eq!(adopt(&[("root1", always(9))]), replaces("root1"));
    assert_eq!(adopt(&[("v1", always(1)), ("v2", always(2))]), Ok(Adoption::Replaces));
    // Even if one came into our store, the key that is built in is the one that counts.
    let trust = built_in().trust(Some(&keyset(1, &[("v1", always(2))])));
    assert_eq!(trust.key("v1", NOW), Some(&key(1)));
}

#[test]
fn a_statement_adds_and_revokes_and_bounds_nothing_that_is_built_in() {
    let bounded = TrustedKey { not_after: Some(5), ..always(1) };
    let trust = built_in().trust(Some(&keyset(1, &[("v1", bounded), ("v2", always(2))])));
    assert_eq!((trust.key("v1", NOW), trust.key("v2", NOW)), (Some(&key(1)), Some(&key(2))));
    let revoked = TrustedKey { revoked: true, ..always(1) };
    let trust = built_in().trust(Some(&keyset(2, &[("v1", revoked)])));
    assert_eq!((trust.key("v1", NOW), trust.key("v2", NOW)), (None, None));
    assert_eq!(built_in().trust(None), built_in().licenses);
}

#[test]
fn a_release_refuses_keys_of_tests_whoever_states_them() {
    let stated = keyset(1, &[("v2-test", always(2))]);
    assert_eq!(built_in().trust(Some(&stated)).key("v2-test", NOW), None);
    let development = BuiltInKeys { test_keys: TestKeys::Accepted, ..built_in() };
    assert_eq!(development.trust(Some(&stated)).key("v2-test", NOW), Some(&key(2)));
}
