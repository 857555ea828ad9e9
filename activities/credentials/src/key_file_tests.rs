//! Key files: what is taken, and one clear message for what is not.

use super::*;
use crate::keyed_hash::Purpose;
use std::fmt::Write as _;

/// A line with a key whose bytes count up from `first`.
fn line(id: &str, first: u8) -> String {
    let key: [u8; KEY_BYTES] = std::array::from_fn(|index| first.wrapping_add(index as u8));
    format!("{id} {}\n", BASE64.encode(&key))
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = KeyFile::parse(text).unwrap_err().to_string();
    assert_eq!(error, format!("cannot use the key file: {expected}"));
}

#[test]
fn the_last_key_writes_and_the_hash_key_stands_anywhere() {
    let text = format!("# keys\n\n{}\t {}  {}", line("2026-05", 1), line("hash", 2), line("2026-11", 3));
    let file = KeyFile::parse(&text).unwrap();
    let ids: Vec<_> = file.sealing.ids().map(KeyId::as_str).collect();
    assert_eq!((ids, file.sealing.newest().as_str()), (vec!["2026-05", "2026-11"], "2026-11"));
    assert!(file.hashing().is_ok());
}

#[test]
fn a_new_sealing_key_changes_no_keyed_hash() {
    let before = format!("{}{}", line("hash", 1), line("2026-05", 2));
    let after = format!("{before}{}", line("2026-11", 3));
    let hash = |text: &str| {
        let file = KeyFile::parse(text).unwrap();
        file.hashing().unwrap().hash(Purpose::ClaimedAddress, "ada@customer.example")
    };
    assert_eq!(hash(&before), hash(&after));
}

#[test]
fn a_file_without_the_hash_key_serves_payloads_only() {
    let error = KeyFile::parse(&line("a", 1)).unwrap().hashing().unwrap_err().to_string();
    assert_eq!(error, "cannot use the key file: it has no line with the id hash");
}

#[test]
fn each_fault_names_its_line() {
    let good = line("b", 1);
    refused("", "it has no sealing key");
    refused(&line("hash", 1), "it has no sealing key");
    refused(&format!("{good}c"), "line 2: it is not an id and a key with blanks between them");
    refused(&format!("{good}\nc d e"), "line 3: it is not an id and a key with blanks between them");
    refused("a:b QUJD", "line 1: the id must be 1 to 32 of A-Z a-z 0-9 . _ -");
    refused(&format!("{} QUJD", "a".repeat(33)), "line 1: the id must be 1 to 32 of A-Z a-z 0-9 . _ -");
    refused("a QUJD", "line 1: the key must be 32 bytes in base64 (44 characters)");
    refused("a not-base64", "line 1: the key must be 32 bytes in base64 (44 characters)");
    refused(&format!("a {}", BASE64.encode(&[7; 32])), "line 1: the key is a placeholder, not random");
    refused(&format!("{good}{}", line("b", 2)), "line 2: the id or the key is there already");
    refused(&format!("{good}{}", line("c", 1)), "line 2: the id or the key is there already");
    refused(&format!("{good}{}", line("hash", 1)), "line 2: the id or the key is there already");
    refused(&format!("{}{}", line("hash", 1), line("hash", 2)), "line 2: the id or the key is there already");
    refused(&format!("{good}{}", line("a", 2)), "line 2: the ids must ascend, the newest last");
    let many = (0..65).fold(String::new(), |mut text, index| {
        write!(text, "{}", line(&format!("{index:02}"), index)).unwrap();
        text
    });
    refused(&many, "line 65: there are more than 64 keys");
}

#[test]
fn no_message_shows_what_is_in_the_file() {
    for text in ["very-secret", "id very-secret", "very:secret QUJD", "id QUJD very-secret"] {
        let error = KeyFile::parse(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    let text = format!("{}{}", line("hash", 1), line("2026-05", 2));
    let shown = format!("{:?}", KeyFile::parse(&text).unwrap());
    assert_eq!(
        shown,
        "KeyFile { sealing: SealingKeys[\"2026-05\"], hashing: Some(KeyedHasher(SecretBox<[u8; 32]>([REDACTED]))) }"
    );
}

#[test]
fn a_file_is_read_whole_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        KeyFile::read(&path)
    };
    assert_eq!(read(line("a", 1).as_bytes()).unwrap().sealing.newest().as_str(), "a");
    let comments = "#".repeat(FILE_MAX - 48) + "\n";
    let full = comments.clone() + &line("a", 1);
    assert_eq!(full.len(), FILE_MAX);
    assert!(read(full.as_bytes()).is_ok());
    assert!(matches!(read(format!("{full}\n").as_bytes()), Err(KeyFileError::NotText)));
    assert!(matches!(read(&[0xff, 0xfe]), Err(KeyFileError::NotText)));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(KeyFile::read(&path).unwrap_err().to_string(), "could not read the key file");
}
