//! What may stand in the header of a mail: addresses and one-line texts.

use model::tenant::address::is_address;
use std::fmt;

/// Longest address in bytes (RFC 5321 §4.5.3.1.3: a path has 256 octets, two of them angle brackets).
const ADDRESS_MAX: usize = 254;
/// Longest display name or subject in characters. Three folded lines of RFC 5322 §2.1.1; the longest column that is shown in a
/// mail (`tenants.client_name`) is rarely longer.
const HEADER_MAX: usize = 200;
/// Characters that RFC 5322 §3.2.3 allows in an address only inside quotes or a literal. Header syntax is made of them.
const SPECIALS: &str = "()<>[]:;\\,\"";

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
    /// Besides [`is_address`]: at most 254 bytes, no control character, none of ``()<>[]:;\,"``, and a form that RFC 5321 allows.
    ///
    /// # Errors
    /// [`InvalidAddress`], whatever is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let plain = !text.contains(|c: char| c.is_control() || SPECIALS.contains(c));
        let fits = text.len() <= ADDRESS_MAX && is_address(text) && plain;
        if !fits || text.parse::<lettre::Address>().is_err() {
            return Err(InvalidAddress);
        }
        Ok(Self(text.to_owned()))
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

    #[track_caller]
    fn check(text: &str, rule: bool, parsed: bool) {
        assert_eq!((is_address(text), Address::parse(text).is_ok()), (rule, parsed), "{text:?}");
    }

    #[test]
    fn the_rule_of_the_callers_is_kept() {
        for (text, follows) in model::tenant::address::CASES {
            assert!(follows || Address::parse(text).is_err(), "{text:?}");
        }
        check("a@b.c", true, true);
        check("first.last+tag@mail.example.org", true, true);
        check("o'neil@example.org", true, true);
        check("jörg@bücher.example", true, true);
        check("", false, false);
        check("a", false, false);
        check("@b.c", false, false);
        check("a@b", false, false);
        check("a@.c", false, false);
        check("a@b.", false, false);
        check("a@b@c.d", false, false);
        check("a b@c.d", false, false);
        check(" a@b.c", false, false);
        check("a@b.c\n", false, false);
        check("a@b.c\u{2028}", false, false);
        check("a@b.c\u{feff}", false, false);
    }

    #[test]
    fn what_passes_the_rule_but_is_no_address_is_refused() {
        check("a@b..c", true, false);
        check("a@b.c.", true, false);
        check("a\0@b.c", true, false);
        check("a@b.c,d", true, false);
        check("a,x@b.c", true, false);
        check("<a@b.c>", true, false);
        check("a<x@b.c", true, false);
        check("\"a\"@b.c", true, false);
        check(&format!("a@{}.c", "b".repeat(260)), true, false);
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
