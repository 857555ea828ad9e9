//! How to reach a mail server.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use secrecy::SecretString;

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// Never. For a relay on the same host or in the same pod.
    Off,
    /// After the greeting, or nothing is sent (RFC 3207; usual port 587).
    StartTls,
    /// From the first byte (RFC 8314 §3.3; usual port 465).
    Tls,
}

impl FromStr for SmtpTls {
    type Err = SmtpSettingsError;

    /// Reads `off`, `starttls` or `tls`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "starttls" => Ok(Self::StartTls),
            "tls" => Ok(Self::Tls),
            _ => Err(SmtpSettingsError::UnknownTls),
        }
    }
}

/// User and password at the mail server. `Debug` shows neither.
#[derive(Clone)]
pub struct SmtpLogin {
    /// The user.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

impl fmt::Debug for SmtpLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpLogin").finish_non_exhaustive()
    }
}

/// Time limits of one mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmtpLimits {
    /// To one address of the server.
    pub connect: Duration,
    /// From the first look-up to the final reply. RFC 5321 §4.5.3.2.6 would have a client wait 10 minutes for the last
    /// reply, because a client that gives up early and sends again makes copies; this one does not send again.
    pub total: Duration,
}

impl Default for SmtpLimits {
    /// 10 s and 60 s.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), total: Duration::from_secs(60) }
    }
}

/// The settings `SMTP_HOST`, `SMTP_PORT`, `SMTP_USER`, `SMTP_PASSWORD`, `SMTP_TLS` and what goes with them.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Name or address of the server. A certificate must name it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User and password, where the server asks for them. Never sent without TLS.
    pub login: Option<SmtpLogin>,
    /// When TLS begins.
    pub tls: SmtpTls,
    /// PEM file of the only authorities to trust; those of the system where it is not given.
    pub ca_file: Option<PathBuf>,
    /// The name that we greet with (RFC 5321 §4.1.4); the domain of the sender where it is not given.
    pub hello: Option<String>,
    /// Time limits.
    pub limits: SmtpLimits,
}

/// What is wrong with the settings. Shows no value of theirs.
#[derive(Debug, thiserror::Error)]
pub enum SmtpSettingsError {
    /// `SMTP_HOST` is empty or no name.
    #[error("SMTP_HOST is not a host name or an address")]
    Host,
    /// `SMTP_PORT` is 0.
    #[error("SMTP_PORT is not a port")]
    Port,
    /// `SMTP_TLS` is none of the three words.
    #[error("SMTP_TLS is not one of off, starttls, tls")]
    UnknownTls,
    /// A password would travel in the clear.
    #[error("SMTP_USER and SMTP_PASSWORD need SMTP_TLS starttls or tls")]
    LoginWithoutTls,
    /// A limit is zero, or connecting may take longer than everything.
    #[error("the time limits of SMTP contradict each other")]
    Limits,
    /// A file of authorities is named, and no TLS is asked for.
    #[error("a file of authorities for SMTP needs SMTP_TLS starttls or tls")]
    AuthoritiesWithoutTls,
    /// The file of authorities cannot be read.
    #[error("cannot read the file of authorities for SMTP")]
    AuthoritiesUnreadable(#[source] io::Error),
    /// The file of authorities holds no certificate, or a broken one.
    #[error("the file of authorities for SMTP holds no certificates in PEM")]
    AuthoritiesInvalid,
}

/// Settings that agree with each other.
pub(super) struct Checked {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) login: Option<SmtpLogin>,
    pub(super) tls: Encryption,
    pub(super) hello: Option<String>,
    pub(super) limits: SmtpLimits,
}

/// [`SmtpTls`] with all that a handshake needs.
pub(super) enum Encryption {
    Off,
    StartTls(TlsParameters),
    Tls(TlsParameters),
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Checked {
    pub(super) fn new(settings: SmtpSettings) -> Result<Self, SmtpSettingsError> {
        let SmtpSettings { host, port, login, tls, ca_file, hello, limits } = settings;
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(SmtpSettingsError::Host);
        }
        if port == 0 {
            return Err(SmtpSettingsError::Port);
        }
        if limits.connect.is_zero() || limits.connect > limits.total {
            return Err(SmtpSettingsError::Limits);
        }
        let tls = match tls {
            SmtpTls::Off if login.is_some() => return Err(SmtpSettingsError::LoginWithoutTls),
            SmtpTls::Off if ca_file.is_some() => return Err(SmtpSettingsError::AuthoritiesWithoutTls),
            SmtpTls::Off => Encryption::Off,
            SmtpTls::StartTls => Encryption::StartTls(parameters(&host, ca_file)?),
            SmtpTls::Tls => Encryption::Tls(parameters(&host, ca_file)?),
        };
        Ok(Self { host, port, login, tls, hello, limits })
    }
}

/// TLS 1.2 or newer, with the name and the chain of the certificate checked.
fn parameters(host: &str, ca_file: Option<PathBuf>) -> Result<TlsParameters, SmtpSettingsError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca_file {
        let pem = fs::read(path).map_err(SmtpSettingsError::AuthoritiesUnreadable)?;
        // A file without any certificate parses, and would trust nobody.
        let certificate = Certificate::from_pem(&pem)
            .ok()
            .filter(|_| pem.windows(BEGIN.len()).any(|part| part == BEGIN))
            .ok_or(SmtpSettingsError::AuthoritiesInvalid)?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|_| SmtpSettingsError::AuthoritiesInvalid)
}

/// The first line of a certificate (RFC 7468 §5).
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(tls: SmtpTls) -> SmtpSettings {
        SmtpSettings {
            host: "mail.test".to_owned(),
            port: 587,
            login: None,
            tls,
            ca_file: None,
            hello: None,
            limits: SmtpLimits::default(),
        }
    }

    #[track_caller]
    fn check(settings: SmtpSettings, expected: &str) {
        let error = Checked::new(settings).map(drop).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_password_never_travels_in_the_clear() {
        let login = Some(SmtpLogin { user: "canary-user".into(), password: "canary-password".into() });
        let clear = SmtpSettings { login: login.clone(), ..settings(SmtpTls::Off) };
        check(clear, "SMTP_USER and SMTP_PASSWORD need SMTP_TLS starttls or tls");
        let checked = Checked::new(SmtpSettings { login, ..settings(SmtpTls::StartTls) }).unwrap();
        assert!(!format!("{checked:?} {:?}", checked.login).contains("canary"));
    }

    #[test]
    fn contradictions_are_named() {
        check(
            SmtpSettings { host: String::new(), ..settings(SmtpTls::Off) },
            "SMTP_HOST is not a host name or an address",
        );
        check(SmtpSettings { port: 0, ..settings(SmtpTls::Off) }, "SMTP_PORT is not a port");
        let limits = SmtpLimits { connect: Duration::from_secs(2), total: Duration::from_secs(1) };
        check(SmtpSettings { limits, ..settings(SmtpTls::Off) }, "the time limits of SMTP contradict each other");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let with_file = |tls| SmtpSettings { ca_file: Some(file.clone()), ..settings(tls) };
        check(with_file(SmtpTls::Off), "a file of authorities for SMTP needs SMTP_TLS starttls or tls");
        check(with_file(SmtpTls::Tls), "cannot read the file of authorities for SMTP");
        fs::write(&file, "nothing").unwrap();
        check(with_file(SmtpTls::Tls), "the file of authorities for SMTP holds no certificates in PEM");
    }

    #[test]
    fn the_three_words_are_read() {
        assert_eq!("starttls".parse::<SmtpTls>().unwrap(), SmtpTls::StartTls);
        assert_eq!("tls".parse::<SmtpTls>().unwrap(), SmtpTls::Tls);
        assert_eq!("off".parse::<SmtpTls>().unwrap(), SmtpTls::Off);
        assert!("on".parse::<SmtpTls>().is_err());
    }
}
