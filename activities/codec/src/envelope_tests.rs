//! Encrypted payloads: what comes back, and what stays closed.

use super::*;
use crate::fixture::{keys, marked, plain};
use data_encoding::BASE64;
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use temporalio_common::protos::temporal::api::common::v1::payload::ExternalPayloadDetails;

prop_compose! {
    fn any_payload()(
        metadata in hash_map(".{0,20}", vec(any::<u8>(), 0..20), 0..5),
        data: Vec<u8>,
        sizes in vec(any::<i64>(), 0..3),
    ) -> Payload {
        let external_payloads = sizes.into_iter().map(|size_bytes| ExternalPayloadDetails { size_bytes }).collect();
        Payload { metadata, data, external_payloads }
    }
}

proptest! {
    #[test]
    fn what_was_closed_opens_as_it_was(payload in any_payload()) {
        let keys = keys(&[("a", 1)]);
        let closed = close(payload.clone(), &keys);
        prop_assert!(is_ours(&closed) && !is_marked(&closed));
        prop_assert_eq!(open(&closed, &keys), Opened::Original(payload));
    }

    #[test]
    fn one_changed_bit_keeps_it_closed(payload in any_payload(), at: prop::sample::Index, bit in 0..8) {
        let keys = keys(&[("a", 1)]);
        let mut closed = close(payload, &keys);
        let at = at.index(closed.data.len());
        closed.data[at] ^= 1_u8 << bit;
        prop_assert_eq!(open(&closed, &keys), Opened::Damaged);
    }

    #[test]
    fn no_payload_makes_the_reader_panic(mut payload in any_payload(), key_id in vec(any::<u8>(), 0..4)) {
        let keys = keys(&[("a", 1)]);
        payload.metadata.insert(ENCODING_KEY.to_owned(), ENCODING.to_vec());
        prop_assert_eq!(open(&payload, &keys), Opened::Foreign);
        payload.metadata.insert(CIPHER_KEY.to_owned(), CIPHER.to_vec());
        prop_assert_eq!(open(&payload, &keys), Opened::Damaged);
        payload.metadata.insert(KEY_ID_KEY.to_owned(), key_id);
        prop_assert!(matches!(open(&payload, &keys), Opened::Damaged | Opened::UnknownKey(_)));
    }
}

#[test]
fn a_closed_payload_shows_its_form_and_nothing_else() {
    let keys = keys(&[("a", 1)]);
    let closed = close(marked("a canary"), &keys);
    let mut metadata: Vec<_> = closed.metadata.iter().map(|(k, v)| (k.as_str(), v.as_slice())).collect();
    metadata.sort_unstable();
    let expected: [(&str, &[u8]); 3] = [
        ("encoding", b"binary/encrypted"),
        ("encryption-cipher", b"tenantry/AES-256-GCM/1"),
        ("encryption-key-id", b"a"),
    ];
    assert_eq!(metadata, expected);
    assert!(!closed.data.windows(6).any(|part| part == b"canary" || part == b"sensit"));
    assert_ne!(close(marked("a canary"), &keys).data, closed.data, "every payload has its own nonce");
}

#[test]
fn the_newest_key_closes_and_the_older_ones_open() {
    let (old, both, new) = (keys(&[("a", 1)]), keys(&[("a", 1), ("b", 2)]), keys(&[("b", 2)]));
    let (by_old, by_both) = (close(plain("x"), &old), close(plain("x"), &both));
    assert_eq!(open(&by_old, &both), Opened::Original(plain("x")));
    assert_eq!(open(&by_both, &new), Opened::Original(plain("x")));
    assert_eq!(open(&by_both, &old), Opened::UnknownKey(KeyId::parse("b").unwrap()));
    assert_eq!(open(&by_old, &keys(&[("a", 2)])), Opened::Damaged, "another key of the same id");
}

#[test]
fn what_other_codecs_encrypted_is_not_ours() {
    let keys = keys(&[("a", 1)]);
    let closed = close(plain("x"), &keys);
    for cipher in [None, Some("AES/GCM/NoPadding"), Some("tenantry/AES-256-GCM/2")] {
        let mut other = closed.clone();
        match cipher {
            None => drop(other.metadata.remove(CIPHER_KEY)),
            Some(cipher) => drop(other.metadata.insert(CIPHER_KEY.to_owned(), cipher.into())),
        }
        assert_eq!(open(&other, &keys), Opened::Foreign);
    }
    let mut other = closed;
    other.metadata.insert(ENCODING_KEY.to_owned(), b"binary/plain".to_vec());
    assert_eq!(open(&other, &keys), Opened::Foreign);
}

#[test]
fn a_seal_of_another_purpose_is_no_payload() {
    let keys = keys(&[("a", 1)]);
    let mut closed = close(plain("x"), &keys);
    let sealed = keys.seal(&plain("x").encode_to_vec(), b"ledger key", &mut system_random());
    closed.data = sealed.bytes().to_vec();
    assert_eq!(open(&closed, &keys), Opened::Damaged);
}

/// Made by Node.js and, with the same bytes, by Python's `cryptography`: AES-256-GCM with the key 1, 2, 3 … 32, the nonce 0,
/// 1, 2 … 11, the associated data `tenantry/seal/1\0tenantry/payload/1`, over the protobuf form that was put together by
/// hand from the wire format: `encoding`, then `tenantry-sensitive`, then the data.
#[test]
fn a_payload_of_another_program_opens() {
    let bytes = "AAECAwQFBgcICQoLeyYLn62zAmRrQtwmdpKd/kb5kuUS/hMSx193ryiwXFro3MCZavacT0Q6e0TEUqdPUg7sjPPqJdewUayrsDtpVbjaB0FvKwr5CfYL834nhg==";
    let keys = keys(&[("a", 1)]);
    let mut closed = close(plain(""), &keys);
    closed.data = BASE64.decode(bytes.as_bytes()).unwrap();
    assert_eq!(open(&closed, &keys), Opened::Original(marked("\"a password\"")));
}
