//! What may be taken from an ACME problem that reached us only as text: the type's token, the status number, an instant.
//!
//! cert-manager has no fields for them (recorded in `model/tests/fixtures/cert-manager`); the sentence is never read.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Prefix of every problem type (RFC 8555, section 6.7).
const TOKEN: &str = "urn:ietf:params:acme:error:";

/// An ACME problem.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problem {
    /// The type without its prefix, such as `rateLimited`; empty when the text has none.
    pub kind: String,
    /// HTTP status in front of the type; 0 when there is none.
    pub status: u16,
    /// Instant until which the authority wants to be left alone, in Unix milliseconds; 0 when it named none.
    pub retry_at_ms: i64,
}

impl Problem {
    /// Reads the first problem of a text. Total: any text gives a problem, possibly an empty one.
    pub fn parse(text: &str) -> Self {
        let Some(at) = text.find(TOKEN) else { return Self { retry_at_ms: instant(text), ..Self::default() } };
        let kind = text[at + TOKEN.len()..].chars().take_while(char::is_ascii_alphanumeric).take(64).collect();
        let status = text[..at].split_ascii_whitespace().next_back().and_then(status_number).unwrap_or(0);
        Self { kind, status, retry_at_ms: instant(text) }
    }

    /// The authority itself has trouble: a 5xx, or the type that stands for one.
    pub fn is_outage(&self) -> bool {
        (500..600).contains(&self.status) || self.kind == "serverInternal"
    }
}

fn status_number(word: &str) -> Option<u16> {
    word.parse().ok().filter(|n| word.len() == 3 && (400..600).contains(n))
}

/// The first `YYYY-MM-DD HH:MM:SS UTC` or RFC 3339 instant with `Z` of a text.
fn instant(text: &str) -> i64 {
    let words: Vec<&str> = text.split([' ', '\t', '\n', ',', ';', '"', '(', ')']).collect();
    for (i, word) in words.iter().enumerate() {
        if let Some(ms) = timestamp_ms(word) {
            return ms;
        }
        let [Some(clock), Some(zone)] = [words.get(i + 1), words.get(i + 2)] else { continue };
        if zone.trim_end_matches([':', '.']) != "UTC" {
            continue;
        }
        let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        if let Ok(at) = PrimitiveDateTime::parse(&format!("{word} {clock}"), format) {
            return at.assume_utc().unix_timestamp().saturating_mul(1000);
        }
    }
    0
}

/// Reads a Kubernetes timestamp (RFC 3339) as Unix milliseconds.
pub fn timestamp_ms(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

/// Writes Unix milliseconds as RFC 3339 with seconds, for messages.
pub fn timestamp(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp(ms / 1000).ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, kind: &str, status: u16, retry_at_ms: i64) {
        assert_eq!(Problem::parse(text), Problem { kind: kind.to_owned(), status, retry_at_ms }, "{text}");
    }

    #[test]
    fn the_token_the_number_and_the_instant_are_found() {
        check("429 urn:ietf:params:acme:error:rateLimited: x", "rateLimited", 429, 0);
        check("Failed: 403 urn:ietf:params:acme:error:caa: y", "caa", 403, 0);
        check("urn:ietf:params:acme:error:dns", "dns", 0, 0);
        check("retry after 2026-11-25 20:16:43 UTC: see", "", 0, 1_795_637_803_000);
        check("a 2026-11-25T20:16:43Z b", "", 0, 1_795_637_803_000);
        check("12 urn:ietf:params:acme:error:", "", 0, 0);
        check("", "", 0, 0);
    }

    #[test]
    fn outages_are_told_by_number_or_type() {
        assert!(Problem::parse("503 urn:ietf:params:acme:error:rateLimited").is_outage());
        assert!(Problem::parse("500 urn:ietf:params:acme:error:serverInternal").is_outage());
        assert!(!Problem::parse("400 urn:ietf:params:acme:error:connection").is_outage());
    }

    proptest! {
        #[test]
        fn any_text_gives_a_problem(text in "\\PC{0,200}") {
            let _ = Problem::parse(&text);
            let _ = Problem::parse(&format!("429 {TOKEN}{text} UTC"));
        }
    }
}
