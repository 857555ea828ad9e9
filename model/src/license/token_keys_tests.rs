//! Keys as text, and when one counts.

use super::*;
use crate::license::token_fixture::key;

/// The key of the interop vector (contract, section 6.3).
const SPKI: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/T6zqz8QYxR7FzXXi622hwTIiNls2XM8G9iS+0mhmAeYh5TvMr6clzPBpvoiayJmIIeh8ELMRoLIkEBGaxl1TQ==";

#[test]
fn a_key_is_read_from_pem_and_base64() {
    let plain = PublicKey::parse(SPKI).unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\r\n{}\n-----END PUBLIC KEY-----\n", &SPKI[..64], &SPKI[64..]);
    assert_eq!(PublicKey::parse(&pem), Ok(plain));
    assert_eq!(plain.to_spki(), SPKI);
    assert_eq!(plain.point()[0], 4);
}

#[test]
fn other_texts_are_no_keys() {
    let private = SPKI.replacen("MFkw", "MEEC", 1);
    for text in [
        "",
        "x",
        &SPKI[..120],
        private.as_str(),
        &format!("-----BEGIN PUBLIC KEY-----\n{SPKI}"),
        &format!("{SPKI}AAAA"),
    ] {
        assert_eq!(PublicKey::parse(text), Err(NotAKey), "{text}");
    }
    assert_eq!(PublicKey::from_point(&[2; 65]), Err(NotAKey), "a compressed point has another first byte");
    assert_eq!(PublicKey::from_point(&[4; 64]), Err(NotAKey));
}

#[test]
fn a_map_is_the_whole_set_and_names_of_tests_are_ordinary_in_it() {
    let json = format!(r#"{{"v1-test":"{SPKI}","constructor":"{SPKI}"}}"#);
    let set = TrustSet::parse_map(json.as_bytes()).unwrap();
    assert_eq!(set.iter().map(|(kid, _)| kid).collect::<Vec<_>>(), ["constructor", "v1-test"]);
    assert!(set.key("v1-test", 0).is_some() && set.key("toString", 0).is_none());
    assert!(TrustSet::parse_map(b"{}").unwrap().is_empty());
}

#[test]
fn a_map_that_is_not_plain_is_refused() {
    let twice = format!(r#"{{"v1":"{SPKI}","v1":"{SPKI}"}}"#);
    for json in ["", "[]", r#"{"v1":1}"#, r#"{"v1":{"spki":"x"}}"#, &twice] {
        assert_eq!(TrustSet::parse_map(json.as_bytes()), Err(KeyMapError::NotAMap), "{json}");
    }
    let error = TrustSet::parse_map(br#"{"v1":"x"}"#).unwrap_err();
    assert_eq!(error, KeyMapError::BadKey { kid: "v1".to_owned() });
    assert!(error.to_string().starts_with("the key v1 is not an uncompressed P-256 key"), "{error}");
}

#[test]
fn a_release_leaves_keys_of_tests_out() {
    let entries = || ["v1", "v1-test"].map(|kid| (kid.to_owned(), TrustedKey::always(key(1))));
    let ids = |test_keys| TrustSet::new(entries(), test_keys).iter().map(|(kid, _)| kid.to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(TestKeys::Refused), ["v1"]);
    assert_eq!(ids(TestKeys::Accepted), ["v1", "v1-test"]);
    assert_eq!(TrustSet::new(entries(), TestKeys::Accepted).without(TestKeys::Refused).iter().count(), 1);
}

#[test]
fn a_key_counts_in_its_time() {
    let entry = TrustedKey { not_before: Some(1_000), not_after: Some(2_000), ..TrustedKey::always(key(1)) };
    let counts = |now| entry.counts_at(now);
    assert!(!counts(939) && counts(940) && counts(2_059) && !counts(2_060));
    assert!(!TrustedKey { revoked: true, ..TrustedKey::always(key(1)) }.counts_at(1_500));
    assert!(TrustedKey::always(key(1)).counts_at(i64::MAX));
}
