//! One conversation with a mail server, step by step, so that it is known how far it came.

use std::iter;
use std::time::Duration;

use lettre::Address as WireAddress;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};
use secrecy::{ExposeSecret as _, SecretSlice};

use super::settings::{Checked, Encryption, SmtpLogin};
use crate::error::{MailError, code};
use crate::mail::Mail;
use crate::memory::Attempt;

/// How long the server may take to say goodbye. Nothing depends on it.
pub(super) const QUIT_WAIT: Duration = Duration::from_secs(2);
/// "Start mail input" (RFC 5321 §4.3.2).
const START_INPUT: u16 = 354;

/// What is said to the server.
pub(super) struct Dialogue<'a> {
    settings: &'a Checked,
    hello: ClientId,
    from: WireAddress,
    to: WireAddress,
    message: &'a [u8],
}

impl<'a> Dialogue<'a> {
    pub(super) fn new(settings: &'a Checked, mail: &Mail, message: &'a SecretSlice<u8>) -> Result<Self, MailError> {
        let wire = |text: &str| text.parse().map_err(|_| MailError::InvalidAddress);
        let hello = settings.hello.as_deref().unwrap_or(mail.from.address.domain());
        Ok(Self {
            settings,
            hello: ClientId::Domain(hello.to_owned()),
            from: wire(mail.from.address.as_str())?,
            to: wire(mail.to.address.as_str())?,
            message: message.expose_secret(),
        })
    }

    /// Says it all. The connection is left in `open`, for the farewell; `attempt` learns when the mail is handed over.
    pub(super) async fn run(
        &self,
        open: &mut Option<AsyncSmtpConnection>,
        attempt: &Attempt<'_>,
    ) -> Result<(), MailError> {
        let connection = open.insert(self.connect().await?);
        if let Some(login) = &self.settings.login {
            log_in(connection, login).await?;
        }
        let parameters = self.parameters(connection)?;
        let refused = |code| move |error: SmtpError| before_hand_over(&error, code);
        let mail = MailFrom::new(Some(self.from.clone()), parameters);
        connection.command(mail).await.map_err(refused(code::SENDER_REFUSED))?;
        let rcpt = Rcpt::new(self.to.clone(), Vec::new());
        connection.command(rcpt).await.map_err(refused(code::RECIPIENT_REFUSED))?;
        let start = connection.command(Data).await.map_err(refused(code::CONTENT_REFUSED))?;
        if u16::from(start.code()) != START_INPUT {
            return Err(MailError::transient(code::UNREADABLE_ANSWER));
        }
        // The end of this sequence is asked for when the content was written, right before the dot.
        let mut content = iter::once(self.message);
        let parts = iter::from_fn(|| {
            content.next().or_else(|| {
                attempt.hand_over();
                None
            })
        });
        final_answer(connection.message_iter(parts).await, attempt)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        match &self.settings.tls {
            Encryption::Off => self.open(None).await,
            Encryption::Tls(parameters) => self.open(Some(parameters.clone())).await,
            Encryption::StartTls(parameters) => {
                let mut connection = self.open(None).await?;
                if !connection.can_starttls() {
                    return Err(MailError::Refused { status: None, code: code::NO_STARTTLS });
                }
                let upgraded = connection.starttls(parameters.clone(), &self.hello).await;
                upgraded.map_err(|error| before_hand_over(&error, code::SESSION_REFUSED))?;
                Ok(connection)
            }
        }
    }

    async fn open(&self, tls: Option<TlsParameters>) -> Result<AsyncSmtpConnection, MailError> {
        let server = (self.settings.host.as_str(), self.settings.port);
        let limit = Some(self.settings.limits.connect);
        let opened = AsyncSmtpConnection::connect_tokio1(server, limit, &self.hello, tls, None).await;
        opened.map_err(|error| before_hand_over(&error, code::SESSION_REFUSED))
    }

    /// What must be said about characters beyond ASCII (RFC 6531 §3.4, RFC 6152). Only addresses bring them.
    fn parameters(&self, connection: &AsyncSmtpConnection) -> Result<Vec<MailParameter>, MailError> {
        let beyond = |address: &WireAddress| !AsRef::<str>::as_ref(address).is_ascii();
        if !beyond(&self.from) && !beyond(&self.to) && self.message.is_ascii() {
            return Ok(Vec::new());
        }
        let server = connection.server_info();
        if !server.supports_feature(Extension::SmtpUtfEight) || !server.supports_feature(Extension::EightBitMime) {
            return Err(MailError::Refused { status: None, code: code::NO_SMTPUTF8 });
        }
        Ok(vec![MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)])
    }
}

async fn log_in(connection: &mut AsyncSmtpConnection, login: &SmtpLogin) -> Result<(), MailError> {
    let known = [Mechanism::Plain, Mechanism::Login];
    if connection.server_info().get_auth_mechanism(&known).is_none() {
        return Err(MailError::Refused { status: None, code: code::NO_LOGIN });
    }
    let credentials = Credentials::new(login.user.clone(), login.password.expose_secret().to_owned());
    let answer = connection.auth(&known, &credentials).await;
    answer.map(drop).map_err(|error| before_hand_over(&error, code::LOGIN_REFUSED))
}

/// An error while the mail is still ours: 5xx is final, everything else may pass.
fn before_hand_over(error: &SmtpError, refused: &'static str) -> MailError {
    match error.status() {
        Some(_) if error.is_permanent() => refusal(error, refused),
        Some(_) => MailError::transient(refused),
        None if error.is_timeout() => MailError::transient(code::TIMED_OUT),
        None if is_tls(error) => MailError::transient(code::TLS_FAILED),
        None if error.is_response() => MailError::transient(code::UNREADABLE_ANSWER),
        None => MailError::transient(code::UNREACHABLE),
    }
}

/// The answer to the dot. A reply code is the server's word that it did or did not take the mail (RFC 5321 §4.2.5, §6.1);
/// without one nobody knows, once the dot was written.
fn final_answer(answer: Result<Response, SmtpError>, attempt: &Attempt<'_>) -> Result<(), MailError> {
    match answer {
        Ok(reply) if reply.code().severity == Severity::PositiveCompletion => Ok(()),
        Ok(_) => Err(MailError::OutcomeUnknown { code: code::UNREADABLE_ANSWER }),
        Err(error) if error.status().is_none() && attempt.is_handed_over() => {
            Err(MailError::OutcomeUnknown { code: code::ANSWER_LOST })
        }
        Err(error) => Err(before_hand_over(&error, code::CONTENT_REFUSED)),
    }
}

fn refusal(error: &SmtpError, code: &'static str) -> MailError {
    MailError::Refused { status: error.status().map(u16::from), code }
}

/// The library reports a failed handshake as a failed connection; the I/O error inside says which.
fn is_tls(error: &SmtpError) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::InvalidData) {
            return true;
        }
        source = inner.source();
    }
    error.is_tls()
}
