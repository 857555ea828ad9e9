//! Resend's HTTP interface (tenant contract §8.1; its API reference, "Send Email", "Errors", "Idempotency Keys").

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use outbound::{
    BaseUrl, Body, Call, CallError, Caller, Cause, Codes, IdempotencyKey, Meaning, Reply, SecretFault, Want, bearer,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::error::{MailError, code};
use crate::mail::{Mail, Mailbox};
use crate::send::{Accepted, Clock, Repeat, SendMail};

/// Where Resend is.
pub const RESEND_URL: &str = "https://api.resend.com";
/// How long Resend remembers a key.
const MEMORY: Duration = Duration::from_secs(24 * 60 * 60);
/// What is kept from it for clocks that differ and for the time of the attempt itself.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// Longest name or value of a tag.
const TAG_MAX: usize = 256;
/// Longest id of a mail that is taken over from an answer. Resend gives UUIDs.
const ID_MAX: usize = 128;
/// The error names of the API reference that come with a 4xx.
const CODES: Codes = Codes {
    at: &["/name"],
    known: &[
        (code::KEY_REUSED, Meaning::Final),
        (CONCURRENT, Meaning::Passes),
        ("invalid_access", Meaning::Final),
        ("invalid_api_key", Meaning::Final),
        ("invalid_attachment", Meaning::Final),
        ("invalid_from_address", Meaning::Final),
        ("invalid_idempotency_key", Meaning::Final),
        ("invalid_parameter", Meaning::Final),
        ("invalid_region", Meaning::Final),
        ("method_not_allowed", Meaning::Final),
        ("missing_api_key", Meaning::Final),
        ("missing_required_field", Meaning::Final),
        ("not_found", Meaning::Final),
        ("restricted_api_key", Meaning::Final),
        ("security_error", Meaning::Final),
        ("validation_error", Meaning::Final),
    ],
};
/// Another request under the same key is being served.
const CONCURRENT: &str = "concurrent_idempotent_requests";

/// Sends through Resend.
///
/// Resend remembers a key for 24 h, so within them a lost answer is asked for again. From 5 minutes before their end, counted from
/// [`Mail::sent_at`], nothing is sent any more and the outcome is unknown.
pub struct Resend {
    caller: Arc<Caller>,
    base: BaseUrl,
    authorization: http::HeaderValue,
    clock: Clock,
}

impl std::fmt::Debug for Resend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resend").field("host", &self.base.host()).finish_non_exhaustive()
    }
}

impl Resend {
    /// Makes a client. Time limits and the breaker are those of `caller`; `base` is [`RESEND_URL`] in production.
    ///
    /// # Errors
    /// [`SecretFault`]: the key (setting `RESEND_API_KEY`) is empty, or no header can carry it.
    pub fn new(caller: Arc<Caller>, base: BaseUrl, api_key: &SecretString) -> Result<Self, SecretFault> {
        let authorization = bearer("RESEND_API_KEY", api_key)?;
        Ok(Self { caller, base, authorization, clock: Arc::new(SystemTime::now) })
    }

    /// Takes another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

#[async_trait::async_trait]
impl SendMail for Resend {
    async fn send(&self, mail: &Mail, key: &IdempotencyKey) -> Result<Accepted, MailError> {
        // A clock that stands before the mail's own time is no reason to wait.
        let age = (self.clock)().duration_since(mail.sent_at).unwrap_or_default();
        if age + MARGIN >= MEMORY {
            return Err(MailError::OutcomeUnknown { code: code::KEY_EXPIRED });
        }
        let call = Call::post(self.base.endpoint(&["emails"]), Body::json(&Wire::of(mail)), Want::Body)
            .header("authorization", self.authorization.clone())
            .key(key)
            .codes(CODES);
        match self.caller.send(call).await {
            Ok(reply) => Ok(Accepted { id: id(&reply) }),
            Err(error) => judge(&error),
        }
    }

    fn repeat(&self) -> Repeat {
        Repeat::Harmless(MEMORY - MARGIN)
    }
}

/// What an error means for a mail whose key is remembered: where the answer is missing it is asked for again.
fn judge(error: &CallError) -> Result<Accepted, MailError> {
    let later = |code, retry_after| Err(MailError::Transient { retry_after, code });
    match error {
        CallError::NotAsked { retry_after, .. } => later(code::HELD_BACK, Some(*retry_after)),
        CallError::OutcomeUnknown { .. } => later(code::TIMED_OUT, None),
        CallError::Transient { cause, retry_after, .. } => match cause {
            Cause::NoConnection => later(code::UNREACHABLE, *retry_after),
            Cause::NoAnswer => later(code::TIMED_OUT, *retry_after),
            Cause::Status(409) => later(code::IN_FLIGHT, *retry_after),
            Cause::Status(429) => later(code::RATE_LIMITED, *retry_after),
            Cause::Status(status @ 500..) => {
                later(code::SERVER_ERROR, *retry_after).inspect_err(|_| tracing::debug!(status, "resend is in trouble"))
            }
            // §8.1: every other 4xx is final, also those that HTTP calls temporary.
            Cause::Status(status) => Err(MailError::Refused { status: Some(*status), code: code::UNKNOWN_NAME }),
        },
        // The status alone says that the mail was taken.
        CallError::Unreadable { .. } | CallError::TooLarge { .. } => Ok(Accepted { id: None }),
        CallError::Rejected { status: 409, code: Some(code::KEY_REUSED), .. } => {
            Err(MailError::OutcomeUnknown { code: code::KEY_REUSED })
        }
        CallError::Rejected { status, code, .. } => {
            Err(MailError::Refused { status: Some(*status), code: code.unwrap_or(code::UNKNOWN_NAME) })
        }
    }
}

#[derive(Deserialize)]
struct Taken {
    id: String,
}

fn id(reply: &Reply) -> Option<String> {
    let word = |text: &String| {
        (1..=ID_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    reply.json::<Taken>().ok().map(|taken| taken.id).filter(word)
}

/// The request's body. The order of its fields is fixed, so the same mail gives the same bytes.
#[derive(Serialize)]
struct Wire<'a> {
    from: String,
    to: [&'a str; 1],
    subject: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    html: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
struct Tag {
    name: String,
    value: String,
}

impl<'a> Wire<'a> {
    fn of(mail: &'a Mail) -> Self {
        let tag = |(name, value): &(String, String)| Tag { name: tag_text(name), value: tag_text(value) };
        Self {
            from: named(&mail.from),
            to: [mail.to.address.as_str()],
            subject: mail.subject.as_str(),
            html: mail.html.expose_secret(),
            text: mail.text.expose_secret(),
            tags: mail.tags.iter().map(tag).collect(),
        }
    }
}

/// `Name <address>`; the name in quotes where RFC 5322 §3.4 asks for them.
fn named(mailbox: &Mailbox) -> String {
    let (name, address) = (mailbox.name.as_str(), mailbox.address.as_str());
    let plain = |c: char| c.is_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
    match name {
        "" => address.to_owned(),
        _ if name.chars().all(plain) => format!("{name} <{address}>"),
        _ => format!("\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

fn tag_text(text: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    text.chars().take(TAG_MAX).map(allowed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{Address, HeaderText};
    use crate::mail::sample;

    #[test]
    fn the_body_is_what_the_contract_says() {
        let body = serde_json::to_string(&Wire::of(&sample("ann@customer.test"))).unwrap();
        let expected = r#"{"from":"System <noreply@msp.test>","to":["ann@customer.test"],"subject":"Welcome","html":"<p>canary-html</p>","text":"canary-text\n","tags":[{"name":"workflow","value":"tenant_creation"}]}"#;
        assert_eq!(body, expected);
        let plain = Mail { html: "".into(), tags: Vec::new(), ..sample("ann@customer.test") };
        let body = serde_json::to_string(&Wire::of(&plain)).unwrap();
        assert!(!body.contains("html") && !body.contains("tags"), "{body}");
    }

    #[test]
    fn a_senders_name_cannot_bring_an_address_of_its_own() {
        let name = |name: &str| {
            named(&Mailbox { address: Address::parse("a@msp.test").unwrap(), name: HeaderText::new(name) })
        };
        assert_eq!(name("Jörg's MSP"), "Jörg's MSP <a@msp.test>");
        assert_eq!(name("MSP, Inc. <x@y.z>"), "\"MSP, Inc. <x@y.z>\" <a@msp.test>");
        assert_eq!(name("a\"b\\c"), "\"a\\\"b\\\\c\" <a@msp.test>");
        assert_eq!(name("\r\n"), "a@msp.test");
    }

    #[test]
    fn tags_have_the_characters_that_resend_takes() {
        assert_eq!(tag_text("a b/ü-_9"), "a_b__-_9");
        assert_eq!(tag_text(&"x".repeat(300)).len(), 256);
    }

    #[track_caller]
    fn check(error: CallError, expected: Result<(), MailError>) {
        assert_eq!(judge(&error).map(drop), expected, "{error:?}");
    }

    #[test]
    fn every_answer_has_its_meaning() {
        let host = || "api.test".to_owned();
        let second = Duration::from_secs(1);
        let rejected = |status, code| CallError::Rejected { host: host(), status, code };
        let status =
            |status| CallError::Transient { host: host(), cause: Cause::Status(status), retry_after: Some(second) };
        let later = |code| Err(MailError::Transient { retry_after: Some(second), code });
        let refused = |status, code| Err(MailError::Refused { status: Some(status), code });
        check(status(429), later(code::RATE_LIMITED));
        check(status(500), later(code::SERVER_ERROR));
        check(status(503), later(code::SERVER_ERROR));
        check(status(409), later(code::IN_FLIGHT));
        check(status(408), refused(408, code::UNKNOWN_NAME));
        check(rejected(409, Some(code::KEY_REUSED)), Err(MailError::OutcomeUnknown { code: code::KEY_REUSED }));
        check(rejected(409, None), refused(409, code::UNKNOWN_NAME));
        check(rejected(422, Some("missing_required_field")), refused(422, "missing_required_field"));
        check(rejected(403, Some("validation_error")), refused(403, "validation_error"));
        check(rejected(302, None), refused(302, code::UNKNOWN_NAME));
        check(CallError::NotAsked { host: host(), retry_after: second }, later(code::HELD_BACK));
        check(CallError::OutcomeUnknown { host: host() }, Err(MailError::transient(code::TIMED_OUT)));
        check(CallError::Unreadable { host: host(), status: 200 }, Ok(()));
        check(CallError::TooLarge { host: host(), status: 200, limit_bytes: 1 }, Ok(()));
    }
}
