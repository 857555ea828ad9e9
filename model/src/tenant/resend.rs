//! Asking for a welcome mail again: what the request may hold.

use super::fault::{Fault, FaultCode};

/// Longest text, in characters: they stand in the audit log.
pub const TEXT_MAX: usize = 500;

/// What is wrong with the texts of a request, each with its field. They are told before a mail is sent: who asked could not be
/// written down afterwards (PostgreSQL holds no NUL, and the log is one line each).
///
/// ```
/// use model::tenant::resend::check;
/// assert!(check(&[("triggeredBy", "on call")]).is_empty());
/// assert_eq!(check(&[("triggeredBy", "a\0b")])[0].to_string(), "triggeredBy: CONTROL_CHARACTER");
/// ```
pub fn check(texts: &[(&str, &str)]) -> Vec<Fault> {
    let fault = |(field, text): &(&str, &str)| {
        if text.contains(char::is_control) {
            Some(Fault::of(*field, FaultCode::ControlCharacter))
        } else {
            (text.chars().count() > TEXT_MAX).then(|| Fault::of(*field, FaultCode::TooLong))
        }
    };
    texts.iter().filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::fault::line;

    #[test]
    fn every_fault_is_told_by_field() {
        let long = "ü".repeat(TEXT_MAX + 1);
        let texts =
            [("tenantId", "t"), ("userId", "u\u{1b}"), ("triggeredBy", long.as_str()), ("triggeredByEmail", "a\nb")];
        let expected = "userId: CONTROL_CHARACTER; triggeredBy: TOO_LONG; triggeredByEmail: CONTROL_CHARACTER";
        assert_eq!(line(&check(&texts)), expected);
        assert_eq!(check(&[("triggeredBy", &"ü".repeat(TEXT_MAX)), ("userId", "")]), []);
    }
}
