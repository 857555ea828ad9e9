//! Passwords that people have to type once.

use rand::CryptoRng;
use secrecy::SecretString;
use zeroize::Zeroizing;

/// Characters of a generated password: with 64 of each kind 120 bits, less than one of which the rule on classes costs.
pub const LENGTH: usize = 20;

/// The four classes: letters that are not taken for another (no `I O l o`), digits without 0 and 1, and eight signs
/// (tenant-provisioning contract, section 6).
const CLASSES: [&[u8]; 4] = [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnpqrstuvwxyz", b"23456789", b"!@#$%^&*"];

/// All characters. There are exactly 64, so six random bits choose one and no character is likelier than another.
const ALPHABET: [u8; 64] = alphabet();

/// Drafts before the random source is called broken. One draft in seven lacks a class, so that a sound source needs as many
/// has a chance of less than 10⁻⁸⁰.
const DRAFTS: usize = 100;

const fn alphabet() -> [u8; 64] {
    let mut all = [0; 64];
    let (mut class, mut next) = (0, 0);
    while class < CLASSES.len() {
        let mut index = 0;
        while index < CLASSES[class].len() {
            all[next] = CLASSES[class][index];
            (index, next) = (index + 1, next + 1);
        }
        class += 1;
    }
    assert!(next == all.len(), "the classes have 64 characters together");
    all
}

/// Makes a password of 20 characters with at least one upper-case letter, one lower-case letter, one digit and one sign.
///
/// Every password that fulfils the rule is equally likely: a draft without one of the classes is thrown away as a whole.
///
/// # Panics
/// When the random source is stuck: 100 drafts in a row lacked a class. No password is better than a guessable one.
pub fn generate_password(rng: &mut impl CryptoRng) -> SecretString {
    for _ in 0..DRAFTS {
        let mut draft = Zeroizing::new([0; LENGTH]);
        rng.fill_bytes(draft.as_mut());
        draft.iter_mut().for_each(|byte| *byte = ALPHABET[usize::from(*byte & 63)]);
        if CLASSES.iter().all(|class| draft.iter().any(|byte| class.contains(byte))) {
            // The capacity is exact, so that no copy is left behind when the text becomes a secret.
            let mut password = String::with_capacity(LENGTH);
            password.extend(draft.iter().copied().map(char::from));
            return password.into();
        }
    }
    panic!("the random source repeats itself");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{RngCore, SeedableRng};
    use secrecy::ExposeSecret;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn every_password_obeys_the_rule(seed: u64) {
            let password = generate_password(&mut StdRng::seed_from_u64(seed));
            let password = password.expose_secret();
            prop_assert_eq!(password.len(), LENGTH);
            prop_assert!(password.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(!password.contains(['I', 'O', 'l', 'o', '0', '1']));
            prop_assert!(password.bytes().any(|byte| byte.is_ascii_uppercase()));
            prop_assert!(password.bytes().any(|byte| byte.is_ascii_lowercase()));
            prop_assert!(password.contains(|c: char| ('2'..='9').contains(&c)));
            prop_assert!(password.contains(['!', '@', '#', '$', '%', '^', '&', '*']));
            let allowed = |c: char| c.is_ascii_alphanumeric() || "!@#$%^&*".contains(c);
            prop_assert!(password.chars().all(allowed));
        }

        #[test]
        fn the_same_randomness_gives_the_same_password(seed: u64) {
            let once = || generate_password(&mut StdRng::seed_from_u64(seed)).expose_secret().to_owned();
            prop_assert_eq!(once(), once());
        }
    }

    #[test]
    fn every_character_comes_up_and_none_is_favoured() {
        const PASSWORDS: u32 = 20_000;
        let mut rng = StdRng::seed_from_u64(4);
        let mut counts = BTreeMap::<u8, u32>::new();
        for _ in 0..PASSWORDS {
            let password = generate_password(&mut rng);
            password.expose_secret().bytes().for_each(|byte| *counts.entry(byte).or_default() += 1);
        }
        assert_eq!(counts.len(), 64);
        // The rule on classes favours the small ones a little; inside a class the chances are equal. Five sigmas.
        for class in CLASSES {
            let total: u32 = class.iter().map(|byte| counts[byte]).sum();
            let mean = f64::from(total) / class.len() as f64;
            for byte in class {
                let off = (f64::from(counts[byte]) - mean).abs();
                assert!(off < 5.0 * mean.sqrt(), "{} came {} times, expected {mean}", *byte as char, counts[byte]);
            }
        }
    }

    #[test]
    fn no_password_comes_twice() {
        let mut rng = crate::system_random();
        let made: BTreeSet<String> =
            (0..1_000).map(|_| generate_password(&mut rng).expose_secret().to_owned()).collect();
        assert_eq!(made.len(), 1_000);
    }

    /// Always gives the same byte.
    struct Stuck;

    impl RngCore for Stuck {
        fn next_u32(&mut self) -> u32 {
            0
        }
        fn next_u64(&mut self) -> u64 {
            0
        }
        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    impl CryptoRng for Stuck {}

    #[test]
    #[should_panic(expected = "the random source repeats itself")]
    fn a_stuck_source_makes_no_password() {
        generate_password(&mut Stuck);
    }
}
