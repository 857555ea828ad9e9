//! Hashes: the vectors of the contract, and what a verifier must refuse.

use super::*;
use crate::params::Algorithm::{self, Sha256, Sha512};
use rand::SeedableRng;
use rand::rngs::StdRng;

fn hasher(pepper: &str, iterations: u32, key_length: u32, algorithm: Algorithm) -> PasswordHasher {
    let params = PasswordParams::new(12, iterations, key_length, algorithm).unwrap();
    PasswordHasher::new(params, pepper.into()).unwrap()
}

#[track_caller]
fn check(password: &str, hasher: &PasswordHasher, salt: &str, expected: &str) {
    let hash = hasher.hash_with(password.as_bytes(), salt);
    assert_eq!(hash.expose(), format!("{salt}:{expected}"));
    assert!(hasher.verify(&password.into(), &hash));
    assert!(!hasher.verify(&format!("{password} ").into(), &hash));
}

/// The five rows of the tenant-provisioning contract, section 6.
#[test]
fn hashes_are_those_of_the_contract() {
    let salt = "000102030405060708090a0b";
    check("p@ssw0rd", &hasher("unit-test-secret", 10, 16, Sha256), "00010203", "3b231b30f72486f65e69c1f65d122213");
    check(
        "TempPass123!",
        &hasher("test-nextauth-secret", 10_000, 64, Sha512),
        salt,
        "db3403b855e672f04c1e7b17d09190199ebbc5d17a25b2169210da09022914d7\
         76491ffcec89c2741e81506e3c6d08aade6c01c98d5c064690ed2caee36e44a3",
    );
    check(
        "TempPass123!",
        &hasher("test-nextauth-secret", 1_000, 64, Sha512),
        salt,
        "e20e9116bba91b50e533829527a0a9372c4745a7bb20404beef53fa087e229b1\
         7609a26286905b1cca7e70d10fa28ff8c94e65d93840fca3b9af65af492c1d10",
    );
    check(
        "pässwörd✓",
        &hasher("test-nextauth-secret", 10_000, 64, Sha512),
        "ffffffffffffffffffffffff",
        "63941a282d867b345d5488adf525b47d4f8cd9761613eaeb3ceaed262ef91e1d\
         0ed8328c9a3fdaa3d4f79fe818235d763afefc9ee18de1f51707f301446feaff",
    );
    check(
        "correct horse battery staple",
        &hasher("k", 1, 32, Sha256),
        "0123456789abcdef01234567",
        "e09cb245f8cd49253056c5495aef17b4b485d4fc700bd17dfc9ff70e84dd28ce",
    );
}

#[test]
fn a_default_hash_has_153_characters_and_a_fresh_salt() {
    let hasher = PasswordHasher::new(PasswordParams::default(), "pepper".into()).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let (one, two) = (hasher.hash(&"secret".into(), &mut rng), hasher.hash(&"secret".into(), &mut rng));
    assert_eq!((one.expose().len(), one.expose().find(':')), (153, Some(24)));
    assert!(one.expose() != two.expose());
    assert!(hasher.verify(&"secret".into(), &one) && hasher.verify(&"secret".into(), &two));
    assert!(hasher.fits(&PasswordHash::parse(one.expose()).unwrap()));
}

#[test]
fn another_pepper_count_or_algorithm_does_not_verify() {
    let mut rng = StdRng::seed_from_u64(2);
    let hash = hasher("pepper", 10, 32, Sha512).hash(&"secret".into(), &mut rng);
    assert!(hasher("pepper", 10, 32, Sha512).verify(&"secret".into(), &hash));
    assert!(!hasher("other", 10, 32, Sha512).verify(&"secret".into(), &hash));
    assert!(!hasher("pepper", 11, 32, Sha512).verify(&"secret".into(), &hash));
    assert!(!hasher("pepper", 10, 32, Sha256).verify(&"secret".into(), &hash));
}

/// The output of 16 bytes is the beginning of that of 32.
#[test]
fn the_beginning_of_a_hash_does_not_verify() {
    let long = hasher("pepper", 10, 32, Sha512).hash_with(b"secret", "00ff");
    let short = PasswordHash::parse(&long.expose()[..long.expose().len() - 32]).unwrap();
    assert!(hasher("pepper", 10, 16, Sha512).verify(&"secret".into(), &short));
    assert!(!hasher("pepper", 10, 32, Sha512).verify(&"secret".into(), &short));
    assert!(!hasher("pepper", 10, 32, Sha512).fits(&short));
}

#[test]
fn an_unusable_hash_fits_and_differs_every_time() {
    let hasher = hasher("pepper", 10, 64, Sha512);
    let mut rng = StdRng::seed_from_u64(3);
    let (one, two) = (hasher.unusable(&mut rng), hasher.unusable(&mut rng));
    assert!(hasher.fits(&one) && hasher.fits(&two) && one.expose() != two.expose());
    assert!(PasswordHash::parse(one.expose()).is_ok(), "the form that the application reads");
    assert!(!hasher.verify(&"".into(), &one));
    // Both parts are drawn anew: neither repeats, and the hash does not follow from the salt.
    let (first, second) = (one.parts(), two.parts());
    assert!(first.0 != second.0 && first.1 != second.1);
}

/// With so many iterations a derivation would take hours: none is made.
#[test]
fn an_unusable_hash_costs_no_derivation() {
    let params = PasswordParams { iterations: std::num::NonZeroU32::MAX, ..PasswordParams::default() };
    let hasher = PasswordHasher::new(params, "pepper".into()).unwrap();
    assert!(hasher.fits(&hasher.unusable(&mut StdRng::seed_from_u64(4))));
}

#[test]
fn a_text_of_another_shape_is_no_hash() {
    for text in ["", ":", "00", "00:", ":00", "0:00", "00:0", "00:FF", "00:gg", "00:11:22", " 00:11", "00:11\n"] {
        assert_eq!(PasswordHash::parse(text).err(), Some(MalformedHash), "{text:?}");
    }
}

#[test]
fn nothing_shows_a_secret_and_an_empty_pepper_is_refused() {
    let hasher = hasher("the pepper", 10, 32, Sha512);
    let hash = hasher.hash_with(b"the password", "00ff");
    let shown = format!("{hasher:?} {hash:?} {MalformedHash} {MalformedHash:?}");
    assert!(!shown.contains("the pepper") && !shown.contains("00ff"), "{shown}");
    assert_eq!(PasswordHasher::new(PasswordParams::default(), "".into()).err(), Some(PepperMissing));
}
