//! What is remembered, and that nothing is taken for something else.

use super::*;
use crate::signer::{DevelopmentSigner, LicenseSigner as _};
use credentials::KeyId;
use futures::executor::block_on;

fn signer(text: &str) -> DevelopmentSigner {
    DevelopmentSigner::from_text(KeyId::parse("v1-test").unwrap(), text).unwrap()
}

#[test]
fn a_good_signature_is_remembered_and_a_bad_one_is_not() {
    let (signer, other) = (signer("a"), signer("b"));
    let signature = block_on(signer.sign(b"text")).unwrap();
    let verifier = Verifier::default();
    for _ in 0..2 {
        assert!(verifier.check(&signer.public_key(), b"text", &signature));
        assert!(!verifier.check(&other.public_key(), b"text", &signature), "another key");
        assert!(!verifier.check(&signer.public_key(), b"texu", &signature), "another text");
        assert!(!verifier.check(&signer.public_key(), b"text", &[1; 64]), "another signature");
        assert_eq!(verifier.remembered(), 1);
    }
}

#[test]
fn the_memory_is_bounded() {
    let signer = signer("a");
    let verifier = Verifier::new(8);
    let good: Vec<_> = (0..20u8).map(|text| ([text], block_on(signer.sign(&[text])).unwrap())).collect();
    for (text, signature) in &good {
        assert!(verifier.check(&signer.public_key(), text, signature));
        assert!(verifier.remembered() <= 8);
    }
    assert!(good.iter().all(|(text, signature)| verifier.check(&signer.public_key(), text, signature)));
    let without = Verifier::new(0);
    assert!(without.check(&signer.public_key(), &good[0].0, &good[0].1));
    assert_eq!(without.remembered(), 0);
}

#[test]
fn a_point_off_the_curve_verifies_nothing() {
    let signature = block_on(signer("a").sign(b"text")).unwrap();
    let mut point = [1; 65];
    point[0] = 4;
    let key = PublicKey::from_point(&point).unwrap();
    assert!(!Verifier::default().check(&key, b"text", &signature));
    for degenerate in [[0; 64], [0xff; 64]] {
        assert!(!Verifier::default().check(&signer("a").public_key(), b"text", &degenerate));
    }
}
