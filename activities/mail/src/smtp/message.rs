//! A mail as the bytes of a message (RFC 5322, MIME): the same mail gives the same bytes.

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox as Wire, MultiPart, SinglePart};
use outbound::IdempotencyKey;
use secrecy::{ExposeSecret as _, SecretSlice};

use crate::error::{MailError, code};
use crate::key::mark;
use crate::mail::{Mail, Mailbox};

/// Writes the message. Date and `Message-ID` come from the mail, the boundary between its parts from the key, and nothing
/// from a clock or from chance.
pub(super) fn write(mail: &Mail, key: &IdempotencyKey) -> Result<SecretSlice<u8>, MailError> {
    let head = Message::builder()
        .from(mailbox(&mail.from)?)
        .to(mailbox(&mail.to)?)
        .subject(mail.subject.as_str())
        .date(mail.sent_at)
        .message_id(Some(mail.message_id.as_str().to_owned()))
        .raw_header(automatic());
    let text = SinglePart::plain(mail.text.expose_secret().to_owned());
    let message = match mail.html.expose_secret() {
        "" => head.singlepart(text),
        // No part can hold the boundary: quoted-printable and base64 write no `=_` (RFC 2045 §6.7), and names, all that
        // strangers enter, never begin a line.
        html => head.multipart(
            MultiPart::alternative()
                .boundary(format!("=_{}", mark(key)))
                .singlepart(text)
                .singlepart(SinglePart::html(html.to_owned())),
        ),
    };
    let message = message.map_err(|_| MailError::Refused { status: None, code: code::UNWRITABLE })?;
    Ok(SecretSlice::from(message.formatted()))
}

/// No machine answers such a mail (RFC 3834 §5).
fn automatic() -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned())
}

fn mailbox(of: &Mailbox) -> Result<Wire, MailError> {
    let name = Some(of.name.as_str().to_owned()).filter(|name| !name.is_empty());
    let address = of.address.as_str().parse().map_err(|_| MailError::InvalidAddress)?;
    Ok(Wire::new(name, address))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::address::HeaderText;
    use crate::key::mail_key;
    use crate::mail::sample;

    fn text(mail: &Mail) -> String {
        let key = mail_key("wf-1", "tenant_welcome");
        String::from_utf8(write(mail, &key).unwrap().expose_secret().to_vec()).unwrap()
    }

    #[test]
    fn the_same_mail_gives_the_same_bytes_and_another_date_does_not() {
        let mail = sample("ann@customer.test");
        assert_eq!(text(&mail), text(&mail.clone()));
        let later = Mail { sent_at: mail.sent_at + Duration::from_secs(1), ..mail.clone() };
        assert_ne!(text(&mail), text(&later));
    }

    #[test]
    fn a_mail_without_html_is_plain_text() {
        let text = text(&Mail { html: "".into(), ..sample("ann@customer.test") });
        assert!(text.contains("Content-Type: text/plain") && !text.contains("multipart"), "{text}");
    }

    #[test]
    fn a_hostile_name_adds_no_header() {
        let mut mail = sample("ann@customer.test");
        mail.to.name = HeaderText::new("Ann\r\nBcc: all@example.org");
        mail.subject = HeaderText::new("Hello\nX-Other: 1\r\n\r\n<script>");
        let text = text(&mail);
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = (head.split("\r\n"))
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split_once(':').unwrap().0)
            .collect();
        let expected =
            ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
        assert_eq!(names, expected);
    }

    #[test]
    fn everything_is_ascii_in_short_lines_however_it_was_written() {
        let mut mail = sample("ann@customer.test");
        mail.to.name = HeaderText::new("Jörg Müller, \"the <b>boss</b>\"");
        mail.html = format!("<p>ü{}</p>", "x".repeat(5000)).into();
        let text = text(&mail);
        assert!(text.is_ascii());
        assert!(text.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    }
}
