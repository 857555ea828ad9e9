//! Texts of a registration that later stand in mails and licences (licensing contract, section 15, "Names in mails").

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Most characters of a name.
pub const NAME_MAX: usize = 100;
/// Most characters of an address (RFC 5321, section 4.5.3.1.3, without the brackets).
const ADDRESS_MAX: usize = 254;

/// Takes the name of a company or a person, without the white space around it. None for a name of which nothing is seen, one
/// of more than 100 characters, one with control or format characters, and one that mail programs would turn into a link, also
/// in letters that look alike or with something invisible in between.
pub fn name(text: &str) -> Option<&str> {
    let text = text.trim();
    let shown: String = text.nfkc().filter(|c| !is_ignorable(*c)).collect::<String>().to_lowercase();
    let fits = text.chars().count() <= NAME_MAX
        && !shown.trim().is_empty()
        && !text.chars().any(|c| c.is_control() || is_format(c))
        && !shown.contains("://")
        && !shown.replace('\u{3002}', ".").contains("www.");
    fits.then_some(text)
}

/// Characters that are not shown but change what is: those of direction (Unicode Standard Annex 9, table 4), of zero width,
/// and the separators of lines and paragraphs. These are the general categories Cf, Zl and Zp (Unicode Standard, table 4-4).
fn is_format(c: char) -> bool {
    matches!(
        c.general_category(),
        GeneralCategory::Format | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator
    )
}

/// What else is not shown (Unicode property `Default_Ignorable_Code_Point`, without Cf, after NFKC): joiners, fillers and
/// selectors of variants, which names of some languages need.
const fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Takes an address of the shape `local@domain`, without the white space around it. Whether it exists is told by the mail.
pub fn address(text: &str) -> Option<&str> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let fits = text.chars().count() <= ADDRESS_MAX
        && (1..=64).contains(&local.len())
        && !domain.is_empty()
        && !text.chars().any(|c| c.is_control() || c.is_whitespace() || is_format(c) || "<>(),;:\\\"[]".contains(c))
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
    fn neither_look_alikes_nor_what_is_not_shown_make_a_link_or_a_name() {
        for text in [
            "ｗｗｗ.x.example",
            "www．x.example",
            "www。x.example",
            "http：／／x.example",
            "w\u{200b}ww.x.example",
            "w\u{00ad}ww.x.example",
            "w\u{034f}ww.x.example",
            "w\u{fe0f}ww.x.example",
            "\u{200b}",
            "\u{feff}\u{2060}",
            "\u{3164}",
            "\u{fe0f} \u{115f}",
        ] {
            assert_eq!(name(text), None, "{text:?}");
        }
        for text in ["株式会社アクメ", "Ａｃｍｅ", "عکمی", "Acme ❤\u{fe0f}"] {
            assert_eq!(name(text), Some(text));
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
