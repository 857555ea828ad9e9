//! Install codes: how a typed one is read, and how random bytes become one (licensing contract, section 3).

use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// The symbols of a minted code: no 0, O, 1, I and L, which are taken for one another.
pub const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
/// Fewest characters of a code, and the default: existing entry fields accept exactly eight. 39.6 bits.
pub const LENGTH_MIN: usize = 8;
/// Most characters of a code: 128 bits.
pub const LENGTH_MAX: usize = 26;
/// Life of a code in seconds when nothing is set (`CLAIM_CODE_TTL_SECONDS`): 30 days.
pub const LIFETIME_DEFAULT_SECONDS: i64 = 2_592_000;
/// Lives of a code in seconds that may be set: one hour to 90 days.
pub const LIFETIME_SECONDS: std::ops::RangeInclusive<i64> = 3_600..=7_776_000;
/// Random bytes from here on are skipped: 248 is the largest multiple of 31 in a byte, so that no symbol is favoured.
const SKIP_FROM: u8 = 248;

/// Characters of a code to be minted, 8 to 26 (`INSTALL_CODE_LENGTH`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodeLength(usize);

impl CodeLength {
    /// Takes a length; none outside 8 to 26.
    pub fn new(length: usize) -> Option<Self> {
        (LENGTH_MIN..=LENGTH_MAX).contains(&length).then_some(Self(length))
    }

    /// The number of characters.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl Default for CodeLength {
    fn default() -> Self {
        Self(LENGTH_MIN)
    }
}

/// A text that is no install code. Does not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedCode;

impl fmt::Display for MalformedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an install code has 8 to 26 letters and digits; spaces and dashes do not count")
    }
}

impl std::error::Error for MalformedCode {}

/// An install or activation code in its normal form: `^[A-Z0-9]{8,26}$`, without spaces and dashes.
///
/// The form is wider than [`ALPHABET`], so that codes minted earlier still parse. Two codes are the same when their normal
/// forms are; they are compared by their keyed hashes, never here.
#[derive(Clone)]
pub struct InstallCode(SecretString);

impl InstallCode {
    /// Reads what a person typed: Unicode NFKC, white space and the dashes U+002D, U+2010 to U+2015 and U+2212 dropped, ASCII
    /// upper case. No look-alike is mapped. This is the one function for server, setup, worker and command line.
    ///
    /// Reads no further than the first character that cannot be part of a code, so a long text costs little.
    ///
    /// # Errors
    /// [`MalformedCode`] when the rest is not 8 to 26 of `A-Z0-9`.
    pub fn parse(text: &str) -> Result<Self, MalformedCode> {
        // The room is exact, so that no copy is left behind by growing.
        let mut code = String::with_capacity(LENGTH_MAX);
        for c in text.nfkc().filter(|c| !c.is_whitespace() && !is_dash(*c)) {
            let c = c.to_ascii_uppercase();
            if code.len() == LENGTH_MAX || !(c.is_ascii_uppercase() || c.is_ascii_digit()) {
                return Err(MalformedCode);
            }
            code.push(c);
        }
        if code.len() < LENGTH_MIN { Err(MalformedCode) } else { Ok(Self(code.into())) }
    }

    /// Maps the bytes of a keyed pseudorandom function to a code: a byte of 248 or more is skipped, any other stands for the
    /// symbol of its remainder by 31. None when the bytes end before the code is full.
    pub fn from_prf(bytes: impl IntoIterator<Item = u8>, length: CodeLength) -> Option<Self> {
        let mut code = String::with_capacity(length.get());
        let symbols = bytes.into_iter().filter(|byte| *byte < SKIP_FROM);
        code.extend(symbols.take(length.get()).map(|byte| char::from(ALPHABET[usize::from(byte % 31)])));
        (code.len() == length.get()).then(|| Self(code.into()))
    }

    /// The code as mails and JSON carry it, such as `K7QPM2RX`.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The code as a screen may show it: in fours, with hyphens between them.
    pub fn grouped(&self) -> SecretString {
        let code = self.expose();
        let mut shown = String::with_capacity(code.len() + code.len() / 4);
        for (index, c) in code.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                shown.push('-');
            }
            shown.push(c);
        }
        shown.into()
    }

    /// `****` and the last four symbols, for the console's list (contract, section 5.3).
    pub fn masked(&self) -> String {
        let code = self.expose();
        format!("****{}", &code[code.len() - 4..])
    }
}

impl fmt::Debug for InstallCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallCode([REDACTED])")
    }
}

const fn is_dash(c: char) -> bool {
    matches!(c, '\u{2d}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
#[path = "install_code_tests.rs"]
mod tests;
