//! The rule for a mail address, of whoever reads one: the input of a creation, and what sends mail.

/// Tells whether a text has the form of an address: `^[^\s@]+@[^\s@]+\.[^\s@]+$` as JavaScript reads it (contract, section 8.1).
pub fn is_address(text: &str) -> bool {
    // `\s` of JavaScript is Unicode's white space and the byte order mark.
    if text.contains(|c: char| c.is_whitespace() || c == '\u{feff}') {
        return false;
    }
    match text.split_once('@') {
        Some((local, host)) => !local.is_empty() && !host.contains('@') && has_inner_dot(host),
        None => false,
    }
}

/// A dot with something on both sides.
fn has_inner_dot(host: &str) -> bool {
    host.char_indices().any(|(at, c)| c == '.' && at > 0 && at + 1 < host.len())
}

/// Texts and whether they follow the rule: one table for the tests of all who use it.
pub const CASES: [(&str, bool); 24] = [
    ("a@b.c", true),
    ("a.b+c@d-e.example.com", true),
    ("o'neil@example.org", true),
    ("jörg@bücher.example", true),
    ("a@b..c", true),
    ("a@b.c.", true),
    ("a@..c", true),
    ("<a@b.c>", true),
    ("a,x@b.c", true),
    ("", false),
    ("a", false),
    ("@", false),
    ("@b.c", false),
    ("a@b", false),
    ("a@.c", false),
    ("a@b.", false),
    ("a@.", false),
    ("a@b@c.d", false),
    ("a b@c.d", false),
    (" a@b.c", false),
    ("a@b.c\n", false),
    ("a@b\n.c", false),
    ("a@b.c\u{2028}", false),
    ("a@b.c\u{feff}", false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_rule() {
        for (text, follows) in CASES {
            assert_eq!(is_address(text), follows, "{text:?}");
        }
    }
}
