//! Settings of the outgoing mail (tenant-provisioning contract, section 2).

use super::source::Reader;
use super::tenancy::{optional, required, url};
use ::mail::{Address, Mailbox, SmtpLogin, SmtpSettings, SmtpTls};
use outbound::BaseUrl;
use secrecy::SecretString;

/// Where mail goes.
#[derive(Debug, Clone)]
pub(crate) enum MailSettings {
    /// Resend's API.
    Resend { base: BaseUrl, api_key: SecretString },
    /// A mail server.
    Smtp(Box<SmtpSettings>),
    /// Nowhere: recorded in memory, for development.
    Mock,
}

pub(super) fn read_sender(reader: &mut Reader<'_>, production: bool) -> Option<Mailbox> {
    let variable = "RESEND_DEFAULT_FROM_ADDRESS";
    let text = reader.text_or(variable, "noreply@example.com");
    let name = reader.text_or("RESEND_DEFAULT_FROM_NAME", "System");
    if production && text.to_ascii_lowercase().ends_with("@example.com") {
        reader.problem(variable, "must not be an address of example.com with NODE_ENV=production");
    }
    match Address::parse(&text) {
        Ok(address) => Some(Mailbox::new(address, &name)),
        Err(_) => {
            reader.problem(variable, "must be a mail address");
            None
        }
    }
}

/// Reads all of it; `None` stands for a problem that was noted.
pub(super) fn read(reader: &mut Reader<'_>, production: bool) -> Option<MailSettings> {
    let variable = "EMAIL_PROVIDER";
    match reader.text(variable).as_deref() {
        Some("resend") => {
            let api_key = required(reader, "RESEND_API_KEY");
            let base = url(reader, "RESEND_API_URL", ::mail::RESEND_URL);
            Some(MailSettings::Resend { base: base?, api_key: api_key? })
        }
        Some("smtp") => read_smtp(reader),
        Some("mock") | None if !production => Some(MailSettings::Mock),
        Some("mock") => {
            reader.problem(variable, "must not be mock with NODE_ENV=production");
            None
        }
        Some(_) => {
            reader.problem(variable, "must be resend, smtp or mock");
            None
        }
        None => {
            reader.problem(variable, "is required with NODE_ENV=production: resend or smtp");
            None
        }
    }
}

fn read_smtp(reader: &mut Reader<'_>) -> Option<MailSettings> {
    let host = reader.text("SMTP_HOST");
    if host.is_none() {
        reader.problem("SMTP_HOST", "is required with EMAIL_PROVIDER=smtp");
    }
    let port = reader.port("SMTP_PORT", 587);
    let ca_file = reader.readable_file("SMTP_CA_FILE");
    let tls: SmtpTls = match reader.text("SMTP_TLS") {
        None => SmtpTls::StartTls,
        Some(text) => match text.parse() {
            Ok(tls) => tls,
            Err(_) => {
                reader.problem("SMTP_TLS", "must be off, starttls or tls");
                SmtpTls::StartTls
            }
        },
    };
    let user = reader.text("SMTP_USER");
    let password = optional(reader, "SMTP_PASSWORD");
    if (user.is_some() || password.is_some()) && tls == SmtpTls::Off {
        reader.problem("SMTP_TLS", "must be starttls or tls with SMTP_USER: a password never goes in the clear");
    }
    let login = match (user, password) {
        (Some(user), Some(password)) => Some(SmtpLogin { user, password }),
        (None, None) => None,
        (Some(_), None) => {
            reader.problem("SMTP_PASSWORD", "is required with SMTP_USER");
            None
        }
        (None, Some(_)) => {
            reader.problem("SMTP_USER", "is required with SMTP_PASSWORD");
            None
        }
    };
    let settings =
        SmtpSettings { host: host?, port, login, tls, ca_file, hello: None, limits: ::mail::SmtpLimits::default() };
    Some(MailSettings::Smtp(Box::new(settings)))
}
