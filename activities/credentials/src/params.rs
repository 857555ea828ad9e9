//! The four parameters of password hashes. They are not stored with a hash, so they must equal the web application's.

use ring::pbkdf2;
use std::num::NonZeroU32;

/// Most bytes of salt: 16 times the default, far more than any installation needs.
const SALT_BYTES_MAX: u32 = 192;
/// Most iterations: one hash of this many takes some seconds of one core, and an activity has minutes.
const ITERATIONS_MAX: u32 = 5_000_000;
/// Most bytes of output: the column is text without a bound, and PBKDF2 gains nothing beyond one block (64).
const KEY_LENGTH_MAX: u32 = 1024;

/// The hash inside PBKDF2-HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256: blocks of 32 bytes.
    Sha256,
    /// SHA-512, the default: blocks of 64 bytes.
    Sha512,
}

impl Algorithm {
    pub(crate) const fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

/// How a password becomes a hash (tenant-provisioning contract, sections 2.1 and 6).
///
/// All four must equal those of the web application of the same installation, which recomputes the hash with its own
/// settings at sign-in: with another value here the account can never be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordParams {
    pub(crate) salt_bytes: usize,
    pub(crate) iterations: NonZeroU32,
    pub(crate) key_length: usize,
    pub(crate) algorithm: Algorithm,
}

impl Default for PasswordParams {
    /// What the application's code uses when nothing is set: 12 bytes, 10,000 iterations, 64 bytes, SHA-512.
    fn default() -> Self {
        Self {
            salt_bytes: 12,
            iterations: const { NonZeroU32::new(10_000).expect("not zero") },
            key_length: 64,
            algorithm: Algorithm::Sha512,
        }
    }
}

/// A parameter that cannot be used. Names the setting, not its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// A number outside of its range.
    #[error("{setting} must be a whole number from 1 to {max}")]
    OutOfRange {
        /// The environment variable.
        setting: &'static str,
        /// The greatest value that is taken.
        max: u32,
    },
    /// A text with digits in it that is no plain decimal number, such as `1e4`: readers disagree on its value.
    #[error("{setting} must be written as a plain decimal number")]
    Ambiguous {
        /// The environment variable.
        setting: &'static str,
    },
    /// A name other than `sha512`, `sha-512`, `sha256` or `sha-256` in any case. The application would silently take
    /// SHA-512.
    #[error("ALGORITHM must be sha512 or sha256")]
    UnknownAlgorithm,
}

impl PasswordParams {
    /// Checks four values: 1 to 192 bytes of salt, 1 to 5,000,000 iterations, 1 to 1024 bytes of output.
    ///
    /// # Errors
    /// [`ParamsError::OutOfRange`] with the name of the environment variable behind the value.
    pub const fn new(
        salt_bytes: u32,
        iterations: u32,
        key_length: u32,
        algorithm: Algorithm,
    ) -> Result<Self, ParamsError> {
        if salt_bytes == 0 || salt_bytes > SALT_BYTES_MAX {
            return Err(ParamsError::OutOfRange { setting: "SALT_BYTES", max: SALT_BYTES_MAX });
        }
        if key_length == 0 || key_length > KEY_LENGTH_MAX {
            return Err(ParamsError::OutOfRange { setting: "KEY_LENGTH", max: KEY_LENGTH_MAX });
        }
        match NonZeroU32::new(iterations) {
            Some(iterations) if iterations.get() <= ITERATIONS_MAX => {
                Ok(Self { salt_bytes: salt_bytes as usize, iterations, key_length: key_length as usize, algorithm })
            }
            Some(_) | None => Err(ParamsError::OutOfRange { setting: "ITERATIONS", max: ITERATIONS_MAX }),
        }
    }

    /// Reads the texts of `SALT_BYTES`, `ITERATIONS`, `KEY_LENGTH` and `ALGORITHM`, in this order.
    ///
    /// Zero, empty, absent, or a text without a digit means the default (tenant-provisioning contract, section 2.1).
    /// The algorithm is SHA-512 unless it says `sha256` or `sha-256` in any case; an unknown name is refused.
    /// Whether `ITERATIONS` must be given at all (it must in production) is the caller's rule.
    ///
    /// # Errors
    /// [`ParamsError`], the first fault in the order above.
    pub fn from_settings(texts: [Option<&str>; 4]) -> Result<Self, ParamsError> {
        let [salt_bytes, iterations, key_length, algorithm] = texts;
        let default = Self::default();
        Self::new(
            number("SALT_BYTES", salt_bytes, SALT_BYTES_MAX)?.unwrap_or(default.salt_bytes as u32),
            number("ITERATIONS", iterations, ITERATIONS_MAX)?.unwrap_or(default.iterations.get()),
            number("KEY_LENGTH", key_length, KEY_LENGTH_MAX)?.unwrap_or(default.key_length as u32),
            named(algorithm)?,
        )
    }

    /// Bytes of salt. The stored salt has twice as many characters.
    pub const fn salt_bytes(&self) -> usize {
        self.salt_bytes
    }

    /// Rounds of PBKDF2.
    pub const fn iterations(&self) -> u32 {
        self.iterations.get()
    }

    /// Bytes of output. The stored hash has twice as many characters.
    pub const fn key_length(&self) -> usize {
        self.key_length
    }

    /// The hash inside PBKDF2-HMAC.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// Reads a number; none means the default.
fn number(setting: &'static str, text: Option<&str>, max: u32) -> Result<Option<u32>, ParamsError> {
    let text = text.unwrap_or("").trim();
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParamsError::Ambiguous { setting });
    }
    match text.parse() {
        Ok(0) => Ok(None),
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(ParamsError::OutOfRange { setting, max }),
    }
}

fn named(text: Option<&str>) -> Result<Algorithm, ParamsError> {
    match text.unwrap_or("").trim().to_ascii_lowercase().as_str() {
        "" | "sha512" | "sha-512" => Ok(Algorithm::Sha512),
        "sha256" | "sha-256" => Ok(Algorithm::Sha256),
        _ => Err(ParamsError::UnknownAlgorithm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: [Option<&str>; 4], expected: Result<(usize, u32, usize, Algorithm), ParamsError>) {
        let read = PasswordParams::from_settings(texts);
        let read = read.map(|p| (p.salt_bytes(), p.iterations(), p.key_length(), p.algorithm()));
        assert_eq!(read, expected, "{texts:?}");
    }

    #[test]
    fn nothing_zero_and_words_mean_the_default() {
        let default = Ok((12, 10_000, 64, Algorithm::Sha512));
        check([None; 4], default);
        check([Some(""); 4], default);
        check([Some("0"), Some("00"), Some("many"), Some(" SHA-512 ")], default);
    }

    #[test]
    fn given_values_are_taken() {
        check([Some("16"), Some(" 1000 "), Some("32"), Some("Sha-256")], Ok((16, 1_000, 32, Algorithm::Sha256)));
        check([Some("1"), Some("1"), Some("1"), Some("SHA256")], Ok((1, 1, 1, Algorithm::Sha256)));
    }

    #[test]
    fn a_text_that_readers_disagree_on_is_refused() {
        check([None, Some("1e4"), None, None], Err(ParamsError::Ambiguous { setting: "ITERATIONS" }));
        check([Some("-1"), None, None, None], Err(ParamsError::Ambiguous { setting: "SALT_BYTES" }));
        check([None, None, Some("64.5"), None], Err(ParamsError::Ambiguous { setting: "KEY_LENGTH" }));
        check([None, None, None, Some("md5")], Err(ParamsError::UnknownAlgorithm));
    }

    #[test]
    fn a_number_out_of_range_is_refused() {
        let error = ParamsError::OutOfRange { setting: "ITERATIONS", max: 5_000_000 };
        check([None, Some("5000001"), None, None], Err(error));
        check([None, Some("99999999999999999999"), None, None], Err(error));
        check([Some("193"), None, None, None], Err(ParamsError::OutOfRange { setting: "SALT_BYTES", max: 192 }));
        check([None, None, Some("1025"), None], Err(ParamsError::OutOfRange { setting: "KEY_LENGTH", max: 1024 }));
        assert_eq!(error.to_string(), "ITERATIONS must be a whole number from 1 to 5000000");
    }
}
