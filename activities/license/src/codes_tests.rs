//! Codes that can be made again, found under two keys, and that favour no symbol.

use super::*;
use data_encoding::{BASE64, HEXLOWER};
use model::license::install_code::ALPHABET;
use std::collections::{BTreeMap, BTreeSet};

fn ring(keys: &[(&str, u8)]) -> Arc<KeyRing> {
    let line = |(id, number): &(&str, u8)| {
        let key: Vec<u8> = (0..32).map(|index| index ^ number).collect();
        format!("{id} {}\n", BASE64.encode(&key))
    };
    Arc::new(KeyRing::parse(&keys.iter().map(line).collect::<String>()).unwrap())
}

fn keys() -> CodeKeys {
    CodeKeys::new(ring(&[("m1", 0)]), ring(&[("l1", 64)]))
}

fn row(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Computed with Python from the construction of the contract: `hmac.new(bytes(range(32)), b"install-code/v1" +
/// uuid.UUID("11111111-2222-4333-8444-555555555555").bytes + struct.pack(">I", counter), "sha256")`, bytes of 248 and more
/// left out, the others modulo 31.
#[test]
fn codes_never_change() {
    let row = Uuid::parse_str("11111111-2222-4333-8444-555555555555").unwrap();
    let minted = |length, counter| keys().mint(row, CodeLength::new(length).unwrap(), counter).expose().to_owned();
    assert_eq!(minted(8, 0), VECTOR_8);
    assert_eq!(minted(26, 0), VECTOR_26);
    assert_eq!(minted(8, 1), VECTOR_8_COUNTER_1);
    let code = InstallCode::parse("K7QPM2RX").unwrap();
    let hash = keys().stored_hash(&code);
    assert_eq!((hash.key_id.as_str(), HEXLOWER.encode(&hash.hash).as_str()), ("l1", VECTOR_HASH));
}

const VECTOR_8: &str = "S458UT8D";
const VECTOR_26: &str = "S458UT8DB9HSG73QC32X7FGDXN";
const VECTOR_8_COUNTER_1: &str = "WUCKJ6P7";
const VECTOR_HASH: &str = "1375fd806896038217160995fc725a8f99c08900a962eac722b17b1628220e26";

#[test]
fn a_code_is_made_again_under_the_key_that_made_it() {
    let before = keys();
    let code = before.mint(row(1), CodeLength::default(), 0);
    let after = CodeKeys::new(ring(&[("m1", 0), ("m2", 1)]), ring(&[("l1", 64)]));
    assert_eq!((before.mint_key_id().as_str(), after.mint_key_id().as_str()), ("m1", "m2"));
    let again = after.derive("m1", row(1), CodeLength::default(), 0).unwrap();
    assert_eq!(again.expose(), code.expose());
    assert_ne!(after.mint(row(1), CodeLength::default(), 0).expose(), code.expose());
    assert!(after.derive("m0", row(1), CodeLength::default(), 0).is_none());
}

#[test]
fn a_code_is_found_under_the_current_and_the_previous_key() {
    let before = keys();
    let after = CodeKeys::new(ring(&[("m1", 0)]), ring(&[("l1", 64), ("l2", 65)]));
    let code = before.mint(row(1), CodeLength::default(), 0);
    let stored = before.stored_hash(&code);
    let found = after.lookup_hashes(&code);
    assert_eq!(found.iter().map(|hash| hash.key_id.as_str()).collect::<Vec<_>>(), ["l2", "l1"]);
    assert_eq!(found[1], stored);
    assert_eq!(found[0], after.stored_hash(&code));
    let unrelated = CodeKeys::new(ring(&[("m1", 0)]), ring(&[("l1", 66)]));
    assert_ne!(unrelated.lookup_hashes(&code)[0].hash, stored.hash, "without the key the hash tells nothing");
}

#[test]
fn a_fingerprint_of_a_request_is_no_lookup_value() {
    let code = InstallCode::parse("K7QPM2RX").unwrap();
    let fingerprint = keys().request_fingerprints(code.expose().as_bytes());
    assert_ne!(fingerprint, keys().lookup_hashes(&code));
    assert_eq!(fingerprint, keys().request_fingerprints(b"K7QPM2RX"));
    assert_ne!(fingerprint, keys().request_fingerprints(b"K7QPM2RY"));
}

#[test]
fn rows_give_different_codes_and_every_symbol_equally_often() {
    const ROWS: u32 = 20_000;
    let keys = keys();
    let mut counts = BTreeMap::<u8, u32>::new();
    let mut seen = BTreeSet::new();
    for number in 0..ROWS {
        let code = keys.mint(row(u128::from(number)), CodeLength::default(), 0);
        code.expose().bytes().for_each(|symbol| *counts.entry(symbol).or_default() += 1);
        seen.insert(code.expose().to_owned());
    }
    assert_eq!(seen.len(), ROWS as usize, "a collision among 20,000 has a chance of 1 in 4,000");
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ALPHABET);
    // Chi-squared with 30 degrees of freedom exceeds 70 with a chance of less than 10⁻⁴.
    let mean = f64::from(ROWS * 8) / 31.0;
    let chi: f64 = counts.values().map(|count| (f64::from(*count) - mean).powi(2) / mean).sum();
    assert!(chi < 70.0, "{chi}: {counts:?}");
}

#[test]
fn the_longest_code_is_filled_for_every_row() {
    let keys = keys();
    let longest = CodeLength::new(26).unwrap();
    assert!((0..2_000).all(|number| keys.mint(row(number), longest, u32::MAX).expose().len() == 26));
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (good, none) = (folder.path().join("good"), folder.path().join("none"));
    std::fs::write(&good, format!("a {}\n", BASE64.encode(b"0123456789abcdef0123456789abcdef"))).unwrap();
    assert!(WatchedCodeKeys::open(&good, &good).is_ok());
    assert!(matches!(WatchedCodeKeys::open(&none, &good), Err(CodeKeysError::Mint(_))));
    assert!(matches!(WatchedCodeKeys::open(&good, &none), Err(CodeKeysError::Lookup(_))));
}
