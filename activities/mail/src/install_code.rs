//! The mail that brings a customer the install code of an appliance (licensing contract, section 8, "Install mail").

use crate::address::HeaderText;
use crate::welcome::Rendered;
use askama::Template;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;

/// Subject of every mail with a code.
const SUBJECT: &str = "Your AlgaPSA appliance install code";
/// Room for a rendered body, so that a text with a code is not copied while it grows.
const ROOM: usize = 16 * 1024;

/// Which links may stand in a mail beside `https` ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// `https` only.
    HttpsOnly,
    /// Also `http` to this machine, for the local stack.
    Loopback,
}

impl Links {
    /// Whether a mail shows this link. One that is not allowed is left out of it.
    pub fn admit(self, link: &str) -> bool {
        let one_word = !link.contains(|c: char| c.is_whitespace() || c.is_control());
        let local = ["http://127.0.0.1:", "http://localhost:"].iter().any(|start| link.starts_with(start));
        one_word && (link.starts_with("https://") || (local && self == Self::Loopback))
    }
}

/// Why somebody gets a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeReason {
    /// They registered.
    Registered,
    /// They asked for a new one; older ones have ended.
    Reissued,
}

/// Where the mail leads. A link that is not allowed is left out, not shown as text.
#[derive(Clone, Debug)]
pub struct InstallLinks {
    /// Base of the shop: `NM_STORE_BASE_URL`.
    pub store: String,
    /// A page that presigns the image on demand; empty for none.
    pub download: String,
    /// `APPLIANCE_SETUP_VIDEO_URL`; empty for none.
    pub video: String,
    /// What is allowed.
    pub allowed: Links,
}

/// What the mail tells. `Debug` shows neither names nor the code.
#[derive(Clone)]
pub struct InstallCodeMail {
    /// Name of the contact, as entered; becomes one line. May be empty.
    pub contact_name: String,
    /// Name of the company, as entered; becomes one line.
    pub company_name: String,
    /// The code, as it is typed.
    pub code: SecretString,
    /// The day on which the code ends, such as `2026-12-26`.
    pub ends_on: String,
    /// Why it is sent.
    pub reason: CodeReason,
    /// Where it leads.
    pub links: InstallLinks,
    /// The year of the footer, from the time that is kept with the mail's key.
    pub year: i32,
}

impl fmt::Debug for InstallCodeMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstallCodeMail").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// A template failed, which its tests exclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot write the mail with the install code: the template failed")]
pub struct InstallCodeError;

#[derive(Template)]
#[template(path = "install_code.html")]
struct Html<'a> {
    subject: &'a str,
    contact_name: &'a str,
    company_name: &'a str,
    code: &'a str,
    ends_on: &'a str,
    reissued: bool,
    download: Option<&'a str>,
    video: Option<&'a str>,
    reissue: Option<String>,
    portal: Option<String>,
    documentation: Option<String>,
    year: i32,
}

#[derive(Template)]
#[template(path = "install_code.txt")]
struct Text<'a> {
    contact_name: &'a str,
    company_name: &'a str,
    code: &'a str,
    ends_on: &'a str,
    reissued: bool,
    download: Option<&'a str>,
    video: Option<&'a str>,
    reissue: Option<String>,
    portal: Option<String>,
    documentation: Option<String>,
    year: i32,
}

impl InstallCodeMail {
    /// Writes subject and bodies. The same input gives the same bytes.
    ///
    /// # Errors
    /// [`InstallCodeError`]; names no value.
    pub fn render(&self) -> Result<Rendered, InstallCodeError> {
        let subject = HeaderText::new(SUBJECT);
        let (contact, company) = (HeaderText::new(&self.contact_name), HeaderText::new(&self.company_name));
        let reissued = self.reason == CodeReason::Reissued;
        let (download, video) = (self.links.link(&self.links.download), self.links.link(&self.links.video));
        let html = Html {
            subject: subject.as_str(),
            contact_name: contact.as_str(),
            company_name: company.as_str(),
            code: self.code.expose_secret(),
            ends_on: &self.ends_on,
            reissued,
            download,
            video,
            reissue: self.links.of_store("/order/appliance/reissue"),
            portal: self.links.of_store("/portal"),
            documentation: self.links.of_store("/documentation/appliance"),
            year: self.year,
        };
        let text = Text {
            contact_name: &quoted(&contact),
            company_name: &quoted(&company),
            code: self.code.expose_secret(),
            ends_on: &self.ends_on,
            reissued,
            download,
            video,
            reissue: self.links.of_store("/order/appliance/reissue"),
            portal: self.links.of_store("/portal"),
            documentation: self.links.of_store("/documentation/appliance"),
            year: self.year,
        };
        let (html, text) = (write(&html)?, write(&text)?);
        Ok(Rendered { subject, html, text })
    }
}

impl InstallLinks {
    fn link<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.allowed.admit(text).then_some(text)
    }

    fn of_store(&self, path: &str) -> Option<String> {
        self.link(&self.store).map(|base| format!("{}{path}", base.trim_end_matches('/')))
    }
}

/// A name as plain text shows it: in quotes, which it cannot end by one of its own (licensing contract, section 15, "Names in
/// mails"). No name stays none.
fn quoted(name: &HeaderText) -> String {
    match name.as_str() {
        "" => String::new(),
        name => format!("\"{}\"", name.replace(is_double_quote, "'")),
    }
}

/// Characters that read as a double quotation mark: ASCII, Latin-1, General Punctuation, and the full-width form.
const fn is_double_quote(c: char) -> bool {
    matches!(c, '"' | '\u{ab}' | '\u{bb}' | '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ff02}')
}

fn write(template: &impl Template) -> Result<SecretString, InstallCodeError> {
    let mut body = String::with_capacity(ROOM);
    template.render_into(&mut body).map_err(|_| InstallCodeError)?;
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> InstallCodeMail {
        InstallCodeMail {
            contact_name: "Ann Example".to_owned(),
            company_name: "Acme IT".to_owned(),
            code: "K7QPM2RX".into(),
            ends_on: "2026-12-26".to_owned(),
            reason: CodeReason::Registered,
            links: InstallLinks {
                store: "https://www.nineminds.com".to_owned(),
                download: "https://shop.test/download?tenant=1&x=2".to_owned(),
                video: String::new(),
                allowed: Links::HttpsOnly,
            },
            year: 2026,
        }
    }

    fn bodies(mail: &InstallCodeMail) -> (String, String) {
        let rendered = mail.render().unwrap();
        (rendered.html.expose_secret().to_owned(), rendered.text.expose_secret().to_owned())
    }

    #[test]
    fn every_part_of_the_contract_is_in_both_bodies() {
        let (html, text) = bodies(&mail());
        for part in [
            "K7QPM2RX",
            "can be used once",
            "2026-12-26",
            "https://www.nineminds.com/order/appliance/reissue",
            "https://www.nineminds.com/portal",
            "https://www.nineminds.com/documentation/appliance",
        ] {
            assert!(html.contains(part), "html: {part}\n{html}");
            assert!(text.contains(part), "text: {part}\n{text}");
        }
        assert!(text.contains("https://shop.test/download?tenant=1&x=2\n"), "{text}");
        assert!(html.contains("https://shop.test/download?tenant=1&#38;x=2"), "{html}");
        assert_eq!(mail().render().unwrap().subject.as_str(), "Your AlgaPSA appliance install code");
    }

    #[test]
    fn the_text_reads_well() {
        assert_eq!(bodies(&mail()).1, include_str!("../tests/golden/install_code.txt"));
        let mut again = InstallCodeMail { reason: CodeReason::Reissued, contact_name: String::new(), ..mail() };
        again.links.download = String::new();
        again.links.video = "https://video.test/setup".to_owned();
        assert_eq!(bodies(&again).1, include_str!("../tests/golden/install_code_again.txt"));
    }

    #[test]
    fn only_https_links_are_rendered_and_those_of_this_machine_where_allowed() {
        for bad in ["http://shop.test/x", "javascript:alert(1)", "https://a.test/\r\nBcc: x", "http://127.0.0.1:80/x"] {
            let mut mail = mail();
            mail.links.download = bad.to_owned();
            mail.links.video = bad.to_owned();
            mail.links.store = bad.to_owned();
            let (html, text) = bodies(&mail);
            assert!(!html.contains("href=") && !text.contains("://"), "{bad}\n{text}");
        }
        let mut mail = mail();
        mail.links = InstallLinks {
            download: "http://127.0.0.1:8080/download".to_owned(),
            allowed: Links::Loopback,
            ..mail.links
        };
        assert!(bodies(&mail).1.contains("http://127.0.0.1:8080/download"));
    }

    #[test]
    fn hostile_names_are_text_and_stay_in_their_line() {
        let name = "<script>alert('x')</script>\r\n\r\nYour code: \"STOLEN22\" & {{ code }}";
        let (html, text) = bodies(&InstallCodeMail { contact_name: name.into(), company_name: name.into(), ..mail() });
        assert!(!html.contains("<script") && !html.contains("\"STOLEN22\""), "{html}");
        let one = "\"<script>alert('x')</script> Your code: 'STOLEN22' & {{ code }}\"";
        assert!(
            text.contains(&format!("\nHello {one},\n")) && text.contains(&format!("\n{one} is registered.")),
            "{text}"
        );
    }

    #[test]
    fn no_name_ends_its_quotes() {
        for mark in ['"', '\u{201c}', '\u{201d}', '\u{201e}', '\u{201f}', '\u{ab}', '\u{bb}', '\u{2033}', '\u{ff02}'] {
            let name = format!("Acme{mark} is cancelled. Call {mark}x");
            let (_, text) = bodies(&InstallCodeMail { contact_name: name.clone(), company_name: name, ..mail() });
            assert_eq!(text.matches("\"Acme' is cancelled. Call 'x\"").count(), 2, "{text}");
        }
    }

    #[test]
    fn debug_shows_neither_names_nor_the_code() {
        let shown = format!("{:?} {:?}", mail(), mail().render().unwrap());
        assert!(!shown.contains("K7QP") && !shown.contains("Ann") && !shown.contains("Acme"), "{shown}");
    }
}
