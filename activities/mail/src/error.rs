//! What can come of an attempt to send, besides success.

use std::time::Duration;

use crate::address::InvalidAddress;

/// Why a mail was not, or perhaps not, taken. Holds no address, no name and no text of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The receiver's or the sender's address is none. Final. Callers show this text, and it begins as they expect.
    #[error("Invalid email address: it needs the form name@host.domain")]
    InvalidAddress,
    /// The provider is not reachable, slow, or asks to come back. A repeat with the same key and mail may work and sends
    /// no second mail.
    #[error("could not send the mail: {code}")]
    Transient {
        /// The shortest wait that the provider asked for.
        retry_after: Option<Duration>,
        /// One of [`code`].
        code: &'static str,
    },
    /// The provider refuses the mail. Final.
    #[error("cannot send the mail: {code}{}", shown(*status))]
    Refused {
        /// The HTTP status or the SMTP reply code, when the refusal is the server's own.
        status: Option<u16>,
        /// One of [`code`].
        code: &'static str,
    },
    /// The provider may or may not have taken the mail. It is not sent again without a person's decision.
    #[error("cannot tell whether the mail was sent: {code}")]
    OutcomeUnknown {
        /// One of [`code`].
        code: &'static str,
    },
}

fn shown(status: Option<u16>) -> String {
    status.map(|status| format!(" (status {status})")).unwrap_or_default()
}

impl From<InvalidAddress> for MailError {
    fn from(_: InvalidAddress) -> Self {
        Self::InvalidAddress
    }
}

impl MailError {
    /// A stable word for logs and metrics: one of [`code`].
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidAddress => code::INVALID_ADDRESS,
            Self::Transient { code, .. } | Self::Refused { code, .. } | Self::OutcomeUnknown { code } => code,
        }
    }

    /// Whether a later attempt with the same key and mail may work.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }

    pub(crate) const fn transient(code: &'static str) -> Self {
        Self::Transient { retry_after: None, code }
    }
}

/// The machine codes of [`MailError`]: ours, and the error names of Resend's API reference as they are.
pub mod code {
    /// An address has not the form of one.
    pub const INVALID_ADDRESS: &str = "invalid_address";
    /// The server cannot be reached, or the connection was lost before the mail was handed over.
    pub const UNREACHABLE: &str = "unreachable";
    /// A time limit passed before the mail was handed over, or before an answer that can be asked for again.
    pub const TIMED_OUT: &str = "timed_out";
    /// The server's certificate or the TLS handshake did not satisfy us.
    pub const TLS_FAILED: &str = "tls_failed";
    /// Requests to this host are held back after several failures.
    pub const HELD_BACK: &str = "held_back";
    /// The provider has had too many requests, or a quota is used up.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// The provider has trouble of its own.
    pub const SERVER_ERROR: &str = "server_error";
    /// An attempt under the same key is still under way.
    pub const IN_FLIGHT: &str = "in_flight";
    /// The answer is not of the protocol.
    pub const UNREADABLE_ANSWER: &str = "unreadable_answer";
    /// The server offers no STARTTLS, which the settings ask for.
    pub const NO_STARTTLS: &str = "no_starttls";
    /// The server offers no way to log in that we know (PLAIN, LOGIN).
    pub const NO_LOGIN: &str = "no_login";
    /// The server refuses user or password.
    pub const LOGIN_REFUSED: &str = "login_refused";
    /// The address has characters beyond ASCII, and the server offers no SMTPUTF8 (RFC 6531).
    pub const NO_SMTPUTF8: &str = "no_smtputf8";
    /// The server refuses the connection or the greeting.
    pub const SESSION_REFUSED: &str = "session_refused";
    /// The server refuses the sender.
    pub const SENDER_REFUSED: &str = "sender_refused";
    /// The server refuses the receiver.
    pub const RECIPIENT_REFUSED: &str = "recipient_refused";
    /// The server refuses the content.
    pub const CONTENT_REFUSED: &str = "content_refused";
    /// The mail cannot be written as a message.
    pub const UNWRITABLE: &str = "unwritable";
    /// The connection was lost, or time ran out, after the mail was handed over and before the answer.
    pub const ANSWER_LOST: &str = "answer_lost";
    /// The key was used for another mail.
    pub const KEY_REUSED: &str = "invalid_idempotent_request";
    /// The key is older than the provider remembers it.
    pub const KEY_EXPIRED: &str = "key_expired";
    /// A status with an error name that this version does not know.
    pub const UNKNOWN_NAME: &str = "unknown_name";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_begin_as_callers_expect_and_name_the_code() {
        assert!(MailError::from(InvalidAddress).to_string().starts_with("Invalid email address"));
        let refused = MailError::Refused { status: Some(550), code: code::RECIPIENT_REFUSED };
        assert_eq!(refused.to_string(), "cannot send the mail: recipient_refused (status 550)");
        let later = MailError::transient(code::TIMED_OUT);
        assert_eq!(later.to_string(), "could not send the mail: timed_out");
        assert!(later.is_transient() && !refused.is_transient());
    }
}
