//! The vectors of RFC 6979, and p256's own signatures for keys and messages of all sizes.

use super::*;
use data_encoding::HEXUPPER;
use proptest::prelude::*;

/// The key of RFC 6979, appendix A.2.5.
const KEY: &str = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";

fn rfc_key() -> SigningKey {
    SigningKey::from_slice(&HEXUPPER.decode(KEY.as_bytes()).unwrap()).unwrap()
}

#[test]
fn the_vectors_of_the_rfc() {
    let vectors = [
        (
            "sample",
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
             F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        ),
        (
            "test",
            "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367\
             019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
        ),
    ];
    for (message, expected) in vectors {
        assert_eq!(HEXUPPER.encode(&sign(&rfc_key(), message.as_bytes()).to_bytes()), expected, "{message}");
    }
}

#[test]
fn the_fast_way_is_the_one_that_is_tested_here() {
    if can_assembler() {
        assert!(in_assembler(&rfc_key(), b"sample").is_some(), "else the comparison would be one of p256 with itself");
    } else {
        println!("not run: this processor lacks the instructions, and p256 is compared with itself");
    }
}

/// Keys at both ends of the range, and any between.
fn keys() -> impl Strategy<Value = SigningKey> {
    let ends = prop_oneof![Just(Scalar::ONE), Just(-Scalar::ONE), Just(Scalar::ONE + Scalar::ONE)];
    let key = |scalar: Scalar| SigningKey::from_slice(&scalar.to_repr());
    let any =
        any::<[u8; 32]>().prop_filter_map("zero, or beyond the order", |bytes| SigningKey::from_slice(&bytes).ok());
    prop_oneof![1 => ends.prop_map(move |scalar| key(scalar).unwrap()), 9 => any]
}

proptest! {
    #[test]
    fn every_signature_is_the_one_of_p256(key in keys(), message in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let theirs: Signature = key.sign(&message);
        prop_assert_eq!(sign(&key, &message), theirs);
    }
}
