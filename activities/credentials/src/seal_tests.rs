//! Seals: what opens, and what stays closed.

use super::*;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn keys(ids_and_firsts: &[(&str, u8)]) -> SealingKeys {
    let key = |first: u8| SecretBox::init_with(|| std::array::from_fn(|index| first.wrapping_add(index as u8)));
    let named = |(id, first): &(&str, u8)| (KeyId::parse(id).unwrap(), key(*first));
    SealingKeys::new(ids_and_firsts.iter().map(named).collect()).unwrap()
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(5)
}

proptest! {
    #[test]
    fn what_was_sealed_opens_also_from_its_text(plain: Vec<u8>, aad: Vec<u8>, seed: u64) {
        let keys = keys(&[("a", 1)]);
        let sealed = keys.seal(&plain, &aad, &mut StdRng::seed_from_u64(seed));
        let read = Sealed::parse(&sealed.to_string()).unwrap();
        prop_assert_eq!(&read, &sealed);
        let opened = keys.open(&read, &aad).unwrap();
        prop_assert_eq!(opened.expose_secret(), &plain[..]);
    }

    #[test]
    fn one_changed_bit_keeps_it_closed(plain: Vec<u8>, at: prop::sample::Index, bit in 0..8) {
        let keys = keys(&[("a", 1)]);
        let mut sealed = keys.seal(&plain, b"here", &mut rng());
        let at = at.index(sealed.bytes.len());
        sealed.bytes[at] ^= 1_u8 << bit;
        let broken = OpenError::Broken { key_id: KeyId::parse("a").unwrap() };
        prop_assert_eq!(keys.open(&sealed, b"here").err(), Some(broken));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text: String) {
        let _ = Sealed::parse(&text);
        let _ = Sealed::parse(&format!("{PREFIX}{text}"));
    }
}

#[test]
fn the_newest_key_writes_and_the_older_ones_read() {
    let (old, both) = (keys(&[("a", 1)]), keys(&[("a", 1), ("b", 2)]));
    let (by_old, by_both) = (old.seal(b"x", b"", &mut rng()), both.seal(b"x", b"", &mut rng()));
    assert_eq!((by_old.key_id().as_str(), by_both.key_id().as_str()), ("a", "b"));
    assert_eq!(both.open_text(&by_old, b"").unwrap().expose_secret(), "x");
    let error = old.open(&by_both, b"").unwrap_err();
    assert_eq!(error, OpenError::UnknownKey { key_id: KeyId::parse("b").unwrap() });
    assert_eq!(error.to_string(), "cannot open what was sealed with the key b: there is no such key here");
}

#[test]
fn another_key_of_the_same_name_or_another_place_keeps_it_closed() {
    let sealed = keys(&[("a", 1)]).seal(b"x", b"here", &mut rng());
    let broken = OpenError::Broken { key_id: KeyId::parse("a").unwrap() };
    assert_eq!(keys(&[("a", 2)]).open(&sealed, b"here").err(), Some(broken.clone()));
    assert_eq!(keys(&[("a", 1)]).open(&sealed, b"there").err(), Some(broken));
}

#[test]
fn every_seal_has_its_own_nonce_and_shows_nothing() {
    let keys = keys(&[("a", 1)]);
    let mut rng = rng();
    let (one, two) = (keys.seal(b"the password", b"", &mut rng), keys.seal(b"the password", b"", &mut rng));
    assert_ne!(one.bytes()[..NONCE_LEN], two.bytes()[..NONCE_LEN]);
    assert_ne!(one.bytes()[NONCE_LEN..], two.bytes()[NONCE_LEN..]);
    assert!(!one.bytes().windows(8).any(|part| part == b"password"));
    assert_eq!(format!("{keys:?}"), "SealingKeys[\"a\"]");
}

#[test]
fn bytes_are_not_opened_as_text() {
    let keys = keys(&[("a", 1)]);
    let sealed = keys.seal(&[0xff], b"", &mut rng());
    assert_eq!(keys.open_text(&sealed, b"").err(), Some(OpenError::NotText { key_id: KeyId::parse("a").unwrap() }));
    assert!(keys.open(&sealed, b"").is_ok());
}

#[test]
fn a_text_of_another_form_is_no_seal() {
    let good = keys(&[("a", 1)]).seal(b"", b"", &mut rng()).to_string();
    assert!(Sealed::parse(&good).is_ok());
    let others = [
        String::new(),
        good.replace("sealed:1:", "sealed:2:"),
        good.replace(":a:", "::"),
        good.replace(":a:", ":a b:"),
        good.replace(":a:", ":"),
        format!("{good}="),
        good[..good.len() - 4].to_owned(),
    ];
    for text in others {
        assert_eq!(Sealed::parse(&text).err(), Some(UnreadableSeal), "{text}");
    }
}

/// Made by Node.js: `aes-256-gcm`, the key 1, 2, 3 …, the nonce 0, 1, 2 …, and our associated data for `ledger key`.
#[test]
fn a_seal_of_another_program_opens() {
    let sealed = Sealed::parse("sealed:1:a:AAECAwQFBgcICQoLEBBx9ruuFmR9T_xCMdcAkHxEAUHuRkFVU2I").unwrap();
    assert_eq!(keys(&[("a", 1)]).open_text(&sealed, b"ledger key").unwrap().expose_secret(), "a password");
}
