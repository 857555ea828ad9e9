//! Codes as people type them, and symbols that come up equally often.

use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(text: &str, expected: Option<&str>) {
    let code = InstallCode::parse(text).ok();
    assert_eq!(code.as_ref().map(InstallCode::expose), expected, "{text:?}");
}

#[test]
fn spaces_dashes_and_case_do_not_count() {
    check("K7QPM2RX", Some("K7QPM2RX"));
    check(" k7qp-m2rx ", Some("K7QPM2RX"));
    check(" k7qpm2rx ", Some("K7QPM2RX"));
    check("\tk7qp\u{a0}m2rx\r\n", Some("K7QPM2RX"));
    check("k7qp\u{3000}m2rx", Some("K7QPM2RX"));
    for dash in ['-', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}'] {
        check(&format!("K7QP{dash}M2RX"), Some("K7QPM2RX"));
    }
}

#[test]
fn compatibility_forms_are_the_plain_ones() {
    // Full-width letters and digits, and the full-width hyphen.
    check("\u{ff2b}\u{ff17}\u{ff31}\u{ff30}\u{ff0d}\u{ff4d}\u{ff12}\u{ff32}\u{ff38}", Some("K7QPM2RX"));
    // Circled and superscript digits, small hyphen, bold letters.
    check("K\u{2466}QP\u{fe63}M\u{b2}RX", Some("K7QPM2RX"));
    check("\u{1d40a}7QPM2RX", Some("K7QPM2RX"));
    // A ligature becomes its letters.
    check("\u{fb01}AAAAAA", Some("FIAAAAAA"));
}

#[test]
fn no_look_alike_is_mapped() {
    check("0O1IL000", Some("0O1IL000"));
    // Cyrillic and Greek capitals look like Latin ones and are not.
    check("\u{41a}7QPM2RX", None);
    check("\u{39a}7QPM2RX", None);
}

#[test]
fn lengths_are_those_of_the_normal_form() {
    check("", None);
    check("-- --", None);
    check("AAAAAAA", None);
    check("AAAAAAAA", Some("AAAAAAAA"));
    let longest = "A".repeat(26);
    check(&longest, Some(&longest));
    check(&"A-".repeat(26), Some(&longest));
    check(&"A".repeat(27), None);
}

#[test]
fn anything_else_is_malformed() {
    for text in ["K7QPM2R_", "K7QP.M2RX", "K7QP/M2RX", "K7QPM2RX\0", "K7QPM2R\u{e9}", "K7QP\u{ad}M2RX"] {
        check(text, None);
    }
    // Neither is white space nor a dash of the list.
    check("K7QP\u{200b}M2RX", None);
    check("\u{feff}K7QPM2RX", None);
    check("K7QP\u{2043}M2RX", None);
    // Upper case is that of ASCII: a sharp s does not become two letters, and a dotless i no I.
    check("\u{df}7QPM2RX", None);
    check("\u{131}7QPM2RX", None);
}

#[test]
fn every_symbol_stands_for_eight_bytes() {
    let length = CodeLength::default();
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    for byte in 0..=u8::MAX {
        match InstallCode::from_prf([byte; LENGTH_MIN], length) {
            Some(code) => *counts.entry(code.expose()[..1].to_owned()).or_default() += 1,
            None => assert!(byte >= 248, "{byte} is skipped"),
        }
    }
    let found: Vec<u8> = counts.keys().map(|symbol| symbol.as_bytes()[0]).collect();
    assert_eq!(found, ALPHABET);
    assert!(counts.values().all(|count| *count == 8), "{counts:?}");
}

#[test]
fn skipped_bytes_take_no_place() {
    let bytes = [255, 0, 248, 30, 31, 1, 2, 3, 4, 249, 247];
    let code = InstallCode::from_prf(bytes, CodeLength::default()).unwrap();
    assert_eq!(code.expose(), "2Z23456Z");
    assert!(InstallCode::from_prf(bytes[..10].to_vec(), CodeLength::default()).is_none(), "one byte short");
}

#[test]
fn lengths_to_mint_are_8_to_26() {
    assert_eq!(CodeLength::default().get(), 8);
    assert!(CodeLength::new(7).is_none() && CodeLength::new(27).is_none());
    assert_eq!(CodeLength::new(26).map(CodeLength::get), Some(26));
}

#[test]
fn what_is_shown() {
    let code = InstallCode::parse("k7qpm2rxab").unwrap();
    assert_eq!(code.grouped().expose_secret(), "K7QP-M2RX-AB");
    assert_eq!(code.masked(), "****RXAB");
    assert_eq!(format!("{code:?}"), "InstallCode([REDACTED])");
}

proptest! {
    #[test]
    fn parsing_is_stable(text in "\\PC{0,40}") {
        if let Ok(code) = InstallCode::parse(&text) {
            prop_assert!((8..=26).contains(&code.expose().len()));
            prop_assert!(code.expose().bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
            let again = InstallCode::parse(code.expose()).unwrap();
            prop_assert_eq!(again.expose(), code.expose());
        }
    }

    #[test]
    fn minted_codes_parse_in_both_forms(bytes: [u8; 64], length in 8usize..=26) {
        if let Some(code) = InstallCode::from_prf(bytes, CodeLength::new(length).unwrap()) {
            let grouped = code.grouped();
            let typed = grouped.expose_secret().to_ascii_lowercase();
            let parsed = InstallCode::parse(&typed).unwrap();
            prop_assert_eq!(parsed.expose(), code.expose());
            prop_assert!(code.expose().bytes().all(|byte| ALPHABET.contains(&byte)));
        }
    }
}
