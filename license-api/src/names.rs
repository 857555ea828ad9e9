//! Texts of a registration that later stand in mails and licences (licensing contract, section 15, "Names in mails").

/// Most characters of a name.
pub const NAME_MAX: usize = 100;
/// Most characters of an address (RFC 5321, section 4.5.3.1.3, without the brackets).
const ADDRESS_MAX: usize = 254;

/// Takes the name of a company or a person, without the white space around it. None for an empty name, one of more than 100
/// characters, one with control or bidirectional characters, and one that mail programs would turn into a link.
pub fn name(text: &str) -> Option<&str> {
    let text = text.trim();
    let lower = text.to_lowercase();
    let fits = (1..=NAME_MAX).contains(&text.chars().count())
        && !text.chars().any(|c| c.is_control() || is_directional(c))
        && !lower.contains("://")
        && !lower.contains("www.");
    fits.then_some(text)
}

/// Characters that change the direction of what follows (Unicode Standard Annex 9, table 4), and invisible separators.
const fn is_directional(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Takes an address of the shape `local@domain`, without the white space around it. Whether it exists is told by the mail.
pub fn address(text: &str) -> Option<&str> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let fits = text.chars().count() <= ADDRESS_MAX
        && (1..=64).contains(&local.len())
        && !domain.is_empty()
        && !text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || is_directional(c) || "<>(),;:\\\"[]".contains(c))
        && !local.contains('@')
        && domain.split('.').all(|label| !label.is_empty());
    fits.then_some(text)
}

/// Takes an opaque reference of another system, such as a submission or a subscription: 1 to 128 printable ASCII characters
/// without blanks.
pub fn reference(text: &str) -> Option<&str> {
    ((1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_carry_links_or_turn_the_text() {
        assert_eq!(name("  Müller & Söhne GmbH "), Some("Müller & Söhne GmbH"));
        assert_eq!(name(&"ä".repeat(100)).map(|name| name.chars().count()), Some(100));
        let long = "a".repeat(101);
        for text in ["", "  ", &long, "a\nb", "a\u{202e}b", "see https://x.example", "WWW.x.example", "a\u{0}"] {
            assert_eq!(name(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_address_has_one_at_and_no_blanks() {
        assert_eq!(address(" it@acme.example "), Some("it@acme.example"));
        for text in
            ["", "it", "@acme.example", "it@", "a b@acme.example", "a@b@c", "it@acme..example", "<it@acme.example>"]
        {
            assert_eq!(address(text), None, "{text:?}");
        }
    }

    #[test]
    fn references_are_plain() {
        assert_eq!(reference("sub_1ABC"), Some("sub_1ABC"));
        assert!(reference("").is_none() && reference("a b").is_none() && reference(&"a".repeat(129)).is_none());
    }
}
