//! Mail: the text, and the providers that take it.
//!
//! A caller makes a [`Mail`] of checked parts ([`Address`], [`HeaderText`]) and hands it with an [`IdempotencyKey`] to one of
//! the providers behind [`SendMail`]: [`Resend`], [`Smtp`] or, in tests, [`MockMail`]. The outcome is [`Accepted`] or one of
//! the four kinds of [`MailError`]; a repeat carries the same key and the same mail, byte for byte.

mod address;
mod error;
mod install_code;
mod key;
mod mail;
mod memory;
mod mock;
mod resend;
mod send;
mod smtp;
mod welcome;

pub use address::{Address, HeaderText, InvalidAddress};
pub use error::{MailError, code};
pub use install_code::{CodeReason, InstallCodeError, InstallCodeMail, InstallLinks, Links};
pub use key::mail_key;
pub use mail::{Mail, Mailbox, MessageId};
pub use mock::MockMail;
pub use outbound::IdempotencyKey;
pub use resend::{RESEND_URL, Resend};
pub use send::{Accepted, Clock, Repeat, SendMail};
pub use smtp::{Smtp, SmtpLimits, SmtpLogin, SmtpSettings, SmtpSettingsError, SmtpTls};
pub use welcome::{Credential, Product, Rendered, Welcome, WelcomeError, is_link};
