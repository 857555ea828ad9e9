//! A mail, complete: what a provider needs to send the same bytes again.

use std::fmt;
use std::time::SystemTime;

use outbound::IdempotencyKey;
use secrecy::{ExposeSecret as _, SecretString};

use crate::address::{Address, HeaderText};
use crate::key::{hex, mark};

/// Who a mail is from or to. `Debug` shows neither name nor address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The address.
    pub address: Address,
    /// The name beside it; may be empty.
    pub name: HeaderText,
}

impl Mailbox {
    /// Puts an address and a name together.
    pub fn new(address: Address, name: &str) -> Self {
        Self { address, name: HeaderText::new(name) }
    }
}

/// The `Message-ID` of a mail, with its angle brackets (RFC 5322 §3.6.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageId(String);

impl MessageId {
    /// The id that belongs to a key: every attempt carries the same, so that readers of mail show two copies as one.
    pub fn of(key: &IdempotencyKey, from: &Address) -> Self {
        Self(format!("<{}@{}>", mark(key), from.domain()))
    }

    /// The id with its brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A mail to one person. Everything that ends up in its bytes is here, so that a repeat can be identical.
///
/// `Debug` shows nothing of the content: bodies may hold a password, headers hold names and addresses.
#[derive(Clone)]
pub struct Mail {
    /// Who receives it.
    pub to: Mailbox,
    /// Who sends it.
    pub from: Mailbox,
    /// The subject.
    pub subject: HeaderText,
    /// The body for readers that show HTML; empty for a mail of plain text.
    pub html: SecretString,
    /// The body for all others.
    pub text: SecretString,
    /// Names and values for the provider's statistics; ASCII letters, digits, `_` and `-`, at most 256 characters each
    /// (Resend's API reference). Never shown to the receiver. Other characters are sent as `_`.
    pub tags: Vec<(String, String)>,
    /// The id of the message, the same at every attempt.
    pub message_id: MessageId,
    /// When the first attempt was begun, to the second; becomes the `Date`. The caller keeps it with the key, since another
    /// date makes another mail.
    pub sent_at: SystemTime,
}

impl Mail {
    /// SHA-256 over every field: two mails with the same digest are the same mail.
    pub(crate) fn digest(&self) -> String {
        let seconds =
            self.sent_at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()).to_string();
        let mut fields = vec![
            self.to.address.as_str(),
            self.to.name.as_str(),
            self.from.address.as_str(),
            self.from.name.as_str(),
            self.subject.as_str(),
            self.html.expose_secret(),
            self.text.expose_secret(),
            self.message_id.as_str(),
            &seconds,
        ];
        fields.extend(self.tags.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
        // Digests have one length, so no two lists of fields run together.
        let digests: String = fields.into_iter().map(|field| hex(field.as_bytes())).collect();
        hex(digests.as_bytes())
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) fn sample(to: &str) -> Mail {
    let from = Address::parse("noreply@msp.test").unwrap();
    let key = crate::key::mail_key("wf-1", "tenant_welcome");
    Mail {
        to: Mailbox::new(Address::parse(to).unwrap(), "Ann Example"),
        message_id: MessageId::of(&key, &from),
        from: Mailbox::new(from, "System"),
        subject: HeaderText::new("Welcome"),
        html: "<p>canary-html</p>".into(),
        text: "canary-text\n".into(),
        tags: vec![("workflow".to_owned(), "tenant_creation".to_owned())],
        sent_at: SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_764_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::mail_key;

    #[test]
    fn debug_shows_nothing_of_the_content() {
        let shown = format!("{:#?}", sample("ann@customer.test"));
        assert_eq!(shown, "Mail { .. }");
        let shown = format!("{:?}", sample("ann@customer.test").to);
        assert!(!shown.contains("nn"), "{shown}");
    }

    #[test]
    fn a_message_id_depends_on_the_key_and_is_well_formed() {
        let from = Address::parse("a@msp.test").unwrap();
        let of = |id: &str| MessageId::of(&mail_key(id, "tenant_welcome"), &from);
        assert_eq!(of("wf-1"), of("wf-1"));
        assert_ne!(of("wf-1"), of("wf-2"));
        assert!(of("wf-1").as_str().starts_with('<') && of("wf-1").as_str().ends_with("@msp.test>"));
    }
}
