//! One suite of cases for every provider: the mock, Resend (a server of its rules), and SMTP (aiosmtpd, a real server).
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod mails;
mod mock;
mod resend;
mod resend_server;
mod sink;
mod smtp;
mod smtp_faults;
mod smtp_server;
mod suite;
mod tls;
