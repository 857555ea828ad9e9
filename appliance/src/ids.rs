//! Names that an appliance gives itself: its own id, and one id per redemption.

use data_encoding::HEXLOWER;
pub use model::license::redeem::ApplianceId;
use rand::CryptoRng;
use ring::hmac;
use std::fmt;

/// Random bytes of a new id: 128 bits.
const ID_BYTES: usize = 16;

/// Digits of a fingerprint (licensing contract, section 8).
const FINGERPRINT_DIGITS: usize = 16;

/// A text that is no appliance id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot use the stored appliance id: it must be 1 to 128 of A-Z a-z 0-9 . _ : -, and begin with a letter or digit"
)]
pub struct MalformedId;

/// Makes `appliance-` and 32 lower-case hex digits. Drawn from the random source alone: a row number, a host name, an address
/// or a machine id would come twice or tell something (licensing contract, section 10).
///
/// # Panics
/// When what it makes were no id, which a test excludes.
pub fn create_appliance_id(rng: &mut (impl CryptoRng + ?Sized)) -> ApplianceId {
    ApplianceId::parse(&format!("appliance-{}", random_hex(rng))).expect("letters, a dash and hex digits are an id")
}

/// Keeps an id that exists, whatever its form, as long as the server accepts it.
///
/// # Errors
/// [`MalformedId`].
pub fn existing_appliance_id(text: &str) -> Result<ApplianceId, MalformedId> {
    ApplianceId::parse(text).ok_or(MalformedId)
}

/// Id of one redemption, and its `Idempotency-Key`: `redemption-` and 32 lower-case hex digits. Whoever knows it together
/// with the code gets the answer again, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedemptionId(String);

impl RedemptionId {
    /// Draws a new one.
    pub fn create(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(format!("redemption-{}", random_hex(rng)))
    }

    /// Reads a stored one: 16 to 128 of `A-Z a-z 0-9 . _ : -` (licensing contract, section 5.1).
    ///
    /// # Errors
    /// [`MalformedId`].
    pub fn parse(text: &str) -> Result<Self, MalformedId> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
        let fits = (16..=128).contains(&text.len()) && text.bytes().all(fits);
        if fits { Ok(Self(text.to_owned())) } else { Err(MalformedId) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Recognises a code without keeping it: the first 16 hex digits of HMAC-SHA256 under this id. It lives as long as the
    /// redemption does, and tells nothing without the id.
    pub fn fingerprint(&self, code: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        let mut hex = HEXLOWER.encode(hmac::sign(&key, code.as_bytes()).as_ref());
        hex.truncate(FINGERPRINT_DIGITS);
        hex
    }
}

impl fmt::Debug for RedemptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedemptionId")
    }
}

fn random_hex(rng: &mut (impl CryptoRng + ?Sized)) -> String {
    let mut bytes = [0; ID_BYTES];
    rng.fill_bytes(&mut bytes);
    HEXLOWER.encode(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn a_new_id_is_random_and_has_the_form_of_the_contract() {
        let mut rng = StdRng::seed_from_u64(1);
        let (one, other) = (create_appliance_id(&mut rng), create_appliance_id(&mut rng));
        assert_ne!(one, other);
        let digits = one.as_str().strip_prefix("appliance-").unwrap();
        assert!(digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        assert_eq!(existing_appliance_id(one.as_str()), Ok(one));
    }

    #[test]
    fn an_old_id_is_kept_whatever_its_form() {
        for text in ["1", "appliance-7", "host.example:443", "A_b-c.d", &"x".repeat(128)] {
            assert_eq!(existing_appliance_id(text).map(|id| id.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "-a", ".a", "a b", "a/b", "ä", "a\n", &"x".repeat(129)] {
            assert_eq!(existing_appliance_id(text), Err(MalformedId), "{text}");
        }
    }

    #[test]
    fn a_redemption_id_is_a_key_the_server_takes_and_is_not_shown() {
        let id = RedemptionId::create(&mut StdRng::seed_from_u64(1));
        assert_eq!(RedemptionId::parse(id.as_str()), Ok(id.clone()));
        assert!(!format!("{id:?}").contains("redemption-"));
        for text in ["short", "has a blank in it", &"x".repeat(129)] {
            assert_eq!(RedemptionId::parse(text), Err(MalformedId));
        }
    }

    proptest! {
        #[test]
        fn a_fingerprint_names_one_code_of_one_redemption(a: u64, b: u64) {
            prop_assume!(a != b);
            let id = |seed| RedemptionId::create(&mut StdRng::seed_from_u64(seed));
            let (one, other) = (id(a), id(b));
            prop_assert_eq!(one.fingerprint("K7QPM2RX"), one.fingerprint("K7QPM2RX"));
            prop_assert_ne!(one.fingerprint("K7QPM2RX"), one.fingerprint("K7QPM2RY"));
            prop_assert_ne!(one.fingerprint("K7QPM2RX"), other.fingerprint("K7QPM2RX"));
            prop_assert_eq!(one.fingerprint("K7QPM2RX").len(), 16);
        }
    }
}
