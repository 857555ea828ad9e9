//! The mail that tells a new administrator that the account is there (tenant contract §8.1).

use askama::Template;
use secrecy::{ExposeSecret as _, SecretString};

use crate::address::HeaderText;

/// What to do first, with a password that was chosen beforehand.
const STEPS_CHOSEN: [&str; 4] = [
    "Sign in to your workspace with the chosen password.",
    "Finish the setup wizard.",
    "Set up your data: clients, contacts and your team.",
    "Invite your colleagues.",
];
/// Room for a rendered body, so that a text with a password is not copied while it grows.
const ROOM: usize = 16 * 1024;
/// What to do first, with a temporary password.
const STEPS_PASSWORD: [&str; 4] = [
    "Sign in to your workspace.",
    "Use the temporary password of this mail.",
    "Finish the setup wizard and choose a password of your own.",
    "Set up your data: clients, contacts and your team.",
];
/// What to do first, with a link.
const STEPS_LINK: [&str; 4] = [
    "Open the link of the second mail and choose your password.",
    "Sign in to your workspace with it.",
    "Finish the setup wizard.",
    "Set up your data: clients, contacts and your team.",
];

/// The product that a tenant uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// `psa`.
    Psa,
    /// `algadesk`.
    Algadesk,
}

impl Product {
    /// The name that people read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Psa => "AlgaPSA",
            Self::Algadesk => "AlgaDesk",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Psa => {
                "AlgaPSA brings tickets, projects, time, contracts and billing of a service provider together in one place."
            }
            Self::Algadesk => "AlgaDesk is the help desk where your team takes in, answers and follows every request.",
        }
    }
}

/// How the new administrator gets in.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A temporary password, which stands in the mail.
    Password {
        /// The password.
        password: SecretString,
    },
    /// A link to set a password, which the application mails. This mail holds nothing secret.
    Link,
    /// The password that whoever ordered the account has chosen, and tells by other means.
    Chosen,
}

/// What the welcome mail tells. `Debug` shows neither names nor the password.
#[derive(Clone)]
pub struct Welcome {
    /// First and last name of the receiver, as entered; becomes one line. May be empty.
    pub full_name: String,
    /// The tenant's name, as entered; becomes one line.
    pub tenant_name: String,
    /// Its product.
    pub product: Product,
    /// Where to sign in: the setting `APPLICATION_URL`.
    pub sign_in_url: String,
    /// Where to ask for help: the vendor's support portal.
    pub support_url: String,
    /// How to get in.
    pub credential: Credential,
    /// The year of the footer. From the time that is kept with the mail's key, so that a repeat after New Year is the same mail.
    pub year: i32,
}

impl std::fmt::Debug for Welcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Welcome").field("product", &self.product).finish_non_exhaustive()
    }
}

/// The parts of a rendered mail. `Debug` shows no content.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The subject.
    pub subject: HeaderText,
    /// The body as HTML, everything that was entered escaped.
    pub html: SecretString,
    /// The body as plain text.
    pub text: SecretString,
}

/// The text could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WelcomeError {
    /// A link of the mail is no `https:` or `http:` address in one line. Comes from the settings.
    #[error("cannot write the welcome mail: {which} is not a web address")]
    Link {
        /// `sign_in_url` or `support_url`.
        which: &'static str,
    },
    /// A template failed, which its tests exclude.
    #[error("cannot write the welcome mail: the template failed")]
    Template,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct Html<'a> {
    subject: &'a str,
    product: &'a str,
    about: &'a str,
    full_name: &'a str,
    tenant_name: &'a str,
    sign_in_url: &'a str,
    support_url: &'a str,
    password: Option<&'a str>,
    chosen: bool,
    steps: &'a [&'a str],
    year: i32,
}

#[derive(Template)]
#[template(path = "welcome.txt")]
struct Text<'a> {
    product: &'a str,
    about: &'a str,
    full_name: &'a str,
    tenant_name: &'a str,
    sign_in_url: &'a str,
    support_url: &'a str,
    password: Option<&'a str>,
    chosen: bool,
    steps: &'a [&'a str],
    year: i32,
}

impl Welcome {
    /// The subject of the product's mail.
    pub fn subject(product: Product) -> HeaderText {
        HeaderText::new(&format!("Welcome to {} - Your Account is Ready", product.name()))
    }

    /// Writes subject and bodies. The same input gives the same bytes.
    ///
    /// # Errors
    /// [`WelcomeError`]; names no value.
    pub fn render(&self) -> Result<Rendered, WelcomeError> {
        check_link("sign_in_url", &self.sign_in_url)?;
        check_link("support_url", &self.support_url)?;
        let subject = Self::subject(self.product);
        let (full_name, tenant_name) = (HeaderText::new(&self.full_name), HeaderText::new(&self.tenant_name));
        let (password, steps) = match &self.credential {
            Credential::Password { password } => (Some(password.expose_secret()), STEPS_PASSWORD.as_slice()),
            Credential::Link => (None, STEPS_LINK.as_slice()),
            Credential::Chosen => (None, STEPS_CHOSEN.as_slice()),
        };
        let chosen = matches!(self.credential, Credential::Chosen);
        let html = Html {
            subject: subject.as_str(),
            product: self.product.name(),
            about: self.product.about(),
            full_name: full_name.as_str(),
            tenant_name: tenant_name.as_str(),
            sign_in_url: &self.sign_in_url,
            support_url: &self.support_url,
            password,
            chosen,
            steps,
            year: self.year,
        };
        let text = Text {
            product: self.product.name(),
            about: self.product.about(),
            full_name: full_name.as_str(),
            tenant_name: tenant_name.as_str(),
            sign_in_url: &self.sign_in_url,
            support_url: &self.support_url,
            password,
            chosen,
            steps,
            year: self.year,
        };
        let (html, text) = (write(&html)?, write(&text)?);
        Ok(Rendered { subject, html, text })
    }
}

fn write(template: &impl Template) -> Result<SecretString, WelcomeError> {
    let mut body = String::with_capacity(ROOM);
    template.render_into(&mut body).map_err(|_| WelcomeError::Template)?;
    Ok(body.into())
}

fn check_link(which: &'static str, url: &str) -> Result<(), WelcomeError> {
    if is_link(url) { Ok(()) } else { Err(WelcomeError::Link { which }) }
}

/// Tells whether a text can stand as a link in a mail: an `https:` or `http:` address in one line, with something after it.
pub fn is_link(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let one_word = !url.contains(|c: char| c.is_whitespace() || c.is_control());
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) && one_word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn welcome() -> Welcome {
        Welcome {
            full_name: "Ann Example".to_owned(),
            tenant_name: "Acme IT".to_owned(),
            product: Product::Psa,
            sign_in_url: "https://app.msp.test/auth/msp/signin".to_owned(),
            support_url: "https://portal.nineminds.com/auth/client-portal/signin".to_owned(),
            credential: Credential::Password { password: "canary-Pw7!&<".into() },
            year: 2026,
        }
    }

    fn bodies(welcome: &Welcome) -> (String, String) {
        let mail = welcome.render().unwrap();
        (mail.html.expose_secret().to_owned(), mail.text.expose_secret().to_owned())
    }

    #[test]
    fn every_part_of_the_contract_is_in_both_bodies() {
        let (html, text) = bodies(&welcome());
        for part in [
            "Hello Ann Example,",
            "Acme IT",
            "AlgaPSA brings",
            "https://app.msp.test/auth/msp/signin",
            "https://portal.nineminds.com/auth/client-portal/signin",
            "Finish the setup wizard and choose a password of your own.",
            "2026",
        ] {
            assert!(html.contains(part), "html: {part}");
            assert!(text.contains(part), "text: {part}");
        }
        assert!(text.contains("Temporary password: canary-Pw7!&<\n"), "{text}");
        assert!(html.contains("canary-Pw7!&#38;&#60;"), "{html}");
        assert_eq!(Welcome::subject(Product::Psa).as_str(), "Welcome to AlgaPSA - Your Account is Ready");
        assert_eq!(Welcome::subject(Product::Algadesk).as_str(), "Welcome to AlgaDesk - Your Account is Ready");
    }

    #[test]
    fn the_text_reads_well() {
        let mail = Welcome { product: Product::Algadesk, credential: Credential::Link, ..welcome() };
        let expected = include_str!("../tests/golden/welcome_link.txt");
        assert_eq!(bodies(&mail).1, expected);
        assert_eq!(bodies(&welcome()).1, include_str!("../tests/golden/welcome_password.txt"));
    }

    #[test]
    fn a_link_mail_holds_no_password() {
        let (html, text) = bodies(&Welcome { credential: Credential::Link, ..welcome() });
        assert!(!html.contains("emporary password") && !text.contains("emporary password"));
        assert!(html.contains("link to set your password") && text.contains("link to set your password"));
    }

    #[test]
    fn hostile_names_are_text_and_stay_in_their_line() {
        let name = "<script>alert('x')</script>\r\n\r\nPassword: \"stolen\" & {{ password }}";
        let (html, text) = bodies(&Welcome { full_name: name.into(), tenant_name: name.into(), ..welcome() });
        assert!(!html.contains("<script") && !html.contains("alert('x')") && !html.contains("\"stolen\""), "{html}");
        assert!(html.contains(
            "&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62; Password: &#34;stolen&#34; &#38; {{ password }}"
        ));
        assert!(text.contains("Hello <script>alert('x')</script> Password: \"stolen\" & {{ password }},\n"), "{text}");
    }

    #[test]
    fn nothing_is_loaded_and_nobody_is_followed() {
        let (html, _) = bodies(&welcome());
        for word in ["<img", "<script", "<link", "<iframe", "url(", "src=", "@import"] {
            assert!(!html.contains(word), "{word}");
        }
        let links = html.matches("href=\"").count();
        assert_eq!((links, html.matches("href=\"https://app.msp.test").count()), (3, 2));
    }

    #[test]
    fn a_link_that_is_no_web_address_is_refused() {
        let script = Welcome { sign_in_url: "javascript:alert(1)".into(), ..welcome() };
        assert_eq!(script.render().unwrap_err(), WelcomeError::Link { which: "sign_in_url" });
        let broken = Welcome { support_url: "https://a.test/\r\nBcc: x".into(), ..welcome() };
        assert_eq!(broken.render().unwrap_err(), WelcomeError::Link { which: "support_url" });
    }

    #[test]
    fn a_name_that_is_not_there_leaves_no_gap() {
        let (html, text) = bodies(&Welcome { full_name: " ".into(), ..welcome() });
        assert!(html.contains("<p style=\"margin:0 0 16px 0;\">Hello,</p>"));
        assert!(text.contains("\nHello,\n"));
    }

    #[test]
    fn debug_shows_neither_names_nor_password() {
        let mail = welcome();
        let shown = format!("{mail:?} {:?} {:?}", mail.credential, mail.render().unwrap());
        assert!(!shown.contains("canary") && !shown.contains("Ann") && !shown.contains("Acme"), "{shown}");
    }
}
