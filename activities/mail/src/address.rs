//! What may stand in the header of a mail: addresses and one-line texts.

use model::tenant::address::is_mailable;
use std::fmt;

/// Longest display name or subject in characters. Three folded lines of RFC 5322 §2.1.1; the longest column that is shown in a
/// mail (`tenants.client_name`) is rarely longer.
const HEADER_MAX: usize = 200;

/// The text is no address that a mail can be sent to. It is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid email address")]
pub struct InvalidAddress;

/// An address of a person or a service, safe to put into a header or a command. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Checks a text; white space around it is not removed.
    ///
    /// The rule is [`is_mailable`], by which inputs are checked too: what was admitted there can be mailed here.
    ///
    /// # Errors
    /// [`InvalidAddress`], whatever is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        if is_mailable(text) { Ok(Self(text.to_owned())) } else { Err(InvalidAddress) }
    }

    /// The address, for the provider's eyes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

/// One line of text for a header: a display name or a subject. It cannot end a header and begin another.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeaderText(String);

impl HeaderText {
    /// Makes one line of any text: every run of white space, control characters, line separators and marks that turn the
    /// direction of writing becomes one space; spaces at the ends go; what is longer than 200 characters is cut.
    pub fn new(text: &str) -> Self {
        let one_line = text.split(breaks_a_line).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let end = one_line.char_indices().nth(HEADER_MAX).map_or(one_line.len(), |(at, _)| at);
        Self(one_line.get(..end).unwrap_or_default().trim_end().to_owned())
    }

    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Controls (CR and LF among them), white space of Unicode (U+2028 and U+2029 among it), and the direction marks of UAX #9,
/// with which a name can be made to look like another.
fn breaks_a_line(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(c, '\u{feff}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeaderText(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::tenant::address::{CASES, is_address};
    use proptest::prelude::*;

    /// What the mailer takes: no control character, none of the characters that only quotes and literals hold, and a form that
    /// it can write into a header and a command.
    fn mailer_takes(text: &str) -> bool {
        let plain = !text.contains(|c: char| c.is_control() || "()<>[]:;\\,\"".contains(c));
        text.len() <= 254 && is_address(text) && plain && text.parse::<lettre::Address>().is_ok()
    }

    #[test]
    fn the_rule_is_the_mailers() {
        for (text, follows, mailable) in CASES {
            assert_eq!((mailer_takes(text), Address::parse(text).is_ok()), (mailable, mailable), "{text:?}");
            assert!(follows || !mailable, "{text:?}");
        }
        for text in ["a\0@b.c", "a@b.c,d", "a<x@b.c", "a@[IPv6:::1].c"] {
            assert!(!mailer_takes(text) && Address::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn what_is_admitted_can_be_mailed_and_the_reverse(
            text in "[a-zA-Z0-9ü\\-.!#+_,<>\"\\[\\]: ]{0,70}@[a-zA-Z0-9üß\\-_.:\\[\\]]{0,70}(\\.[a-zü0-9\\-]{0,70}){0,3}",
            any in ".{0,20}@.{0,20}",
        ) {
            for text in [text, any] {
                prop_assert_eq!(Address::parse(&text).is_ok(), mailer_takes(&text), "{:?}", text);
            }
        }
    }

    #[test]
    fn no_text_can_break_a_header() {
        let hostile = "Ann\r\nBcc: all@example.org\n\n<b>\u{2028}x\u{202e}y\t z\u{0}";
        assert_eq!(HeaderText::new(hostile).as_str(), "Ann Bcc: all@example.org <b> x y z");
        assert_eq!(HeaderText::new(" \r\n ").as_str(), "");
        assert_eq!(HeaderText::new(&"é".repeat(300)).as_str().chars().count(), 200);
    }

    #[test]
    fn neither_shows_itself() {
        let shown = format!("{:?} {:?}", Address::parse("a@b.c").unwrap(), HeaderText::new("Ann"));
        assert_eq!(shown, "Address(..) HeaderText(..)");
        assert_eq!(Address::parse("secret@@b.c").unwrap_err().to_string(), "Invalid email address");
    }
}
