//! The rule for a mail address, of whoever reads one: the input of a creation, and what sends mail.
//!
//! What does not have the form of the callers' rule is refused, as they expect; of what has it, whatever can be mailed is
//! admitted. An address that is admitted and cannot be mailed would leave a tenant that nobody can enter.

/// Longest address in bytes (RFC 5321, section 4.5.3.1.3: a path of 256 octets with its brackets).
const ADDRESS_MAX: usize = 254;
/// Longest part before the `@` in bytes (RFC 5321, section 4.5.3.1.1).
const LOCAL_MAX: usize = 64;
/// Longest label of a host in bytes (RFC 1035, section 2.3.4).
const LABEL_MAX: usize = 63;

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

/// Tells whether a mail can be sent to an address: besides [`is_address`] at most 254 bytes, before the `@` a dot-atom of at
/// most 64 bytes (RFC 5322, section 3.2.3, RFC 6532), after it the name of a host, as it is or as its A-labels (RFC 5890). No
/// quotes, no literal of a network address: header syntax is made of what they hold.
///
/// ```
/// use model::tenant::address::is_mailable;
/// assert!(is_mailable("jörg@bücher.example"));
/// assert!(!is_mailable("<a@b.example>"));
/// ```
pub fn is_mailable(text: &str) -> bool {
    if text.len() > ADDRESS_MAX || !is_address(text) || text.contains(char::is_control) {
        return false;
    }
    let Some((local, host)) = text.split_once('@') else { return false };
    local.len() <= LOCAL_MAX
        && local.split('.').all(is_atom)
        && (is_host(host) || idna::domain_to_ascii(host).is_ok_and(|host| is_host(&host)))
}

/// A dot with something on both sides.
fn has_inner_dot(host: &str) -> bool {
    host.char_indices().any(|(at, c)| c == '.' && at > 0 && at + 1 < host.len())
}

/// Letters, digits and what RFC 5322 allows beside them outside of quotes; with RFC 6532 all that is not ASCII.
fn is_atom(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    !text.is_empty() && text.chars().all(fits)
}

fn is_host(host: &str) -> bool {
    host.split('.').all(|label| {
        label.len() <= LABEL_MAX
            && is_atom(label)
            && label.starts_with(char::is_alphanumeric)
            && label.ends_with(char::is_alphanumeric)
    })
}

/// Texts, whether they follow the callers' rule, and whether they can be mailed: one table for the tests of all who use it.
pub const CASES: [(&str, bool, bool); 33] = [
    ("a@b.c", true, true),
    ("a.b+c@d-e.example.com", true, true),
    ("o'neil@example.org", true, true),
    ("jörg@bücher.example", true, true),
    ("first.last+tag@mail.example.org", true, true),
    ("a@b_c.example", true, true),
    ("a@10.0.0.1", true, true),
    ("a@b..c", true, false),
    ("a@b.c.", true, false),
    ("a@..c", true, false),
    ("<a@b.c>", true, false),
    ("a,x@b.c", true, false),
    ("\"a\"@b.c", true, false),
    ("a..b@c.d", true, false),
    (".a@b.c", true, false),
    ("a@[10.0.0.1]", true, false),
    ("a@-x..example.", true, false),
    ("a@b-.c", true, false),
    ("", false, false),
    ("a", false, false),
    ("@", false, false),
    ("@b.c", false, false),
    ("a@b", false, false),
    ("a@.c", false, false),
    ("a@b.", false, false),
    ("a@.", false, false),
    ("a@b@c.d", false, false),
    ("a b@c.d", false, false),
    (" a@b.c", false, false),
    ("a@b.c\n", false, false),
    ("a@b\n.c", false, false),
    ("a@b.c\u{2028}", false, false),
    ("a@b.c\u{feff}", false, false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_rule_and_some_of_them_can_be_mailed() {
        for (text, follows, mailable) in CASES {
            assert_eq!((is_address(text), is_mailable(text)), (follows, mailable), "{text:?}");
        }
    }

    #[test]
    fn lengths_are_those_of_the_bytes_that_are_sent() {
        let with = |local: usize, label: usize| format!("{}@{}.example", "a".repeat(local), "b".repeat(label));
        assert!(is_mailable(&with(64, 63)) && !is_mailable(&with(65, 63)) && !is_mailable(&with(64, 64)));
        // 40 characters, 80 bytes.
        assert!(!is_mailable(&format!("{}@b.example", "ü".repeat(40))));
        assert!(!is_mailable(&format!("a@{}.c", "b.".repeat(130))));
    }
}
