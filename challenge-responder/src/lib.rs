//! Answers the HTTP-01 challenges of cert-manager, and the tokens of the worker's preflight.
//!
//! A role of its own with the least rights: it may get, list and watch Challenges and select from one table, and it holds
//! no key. What it answers is public once it is asked for; it is still never logged.

pub mod answer;
pub mod challenges;
pub mod question;
pub mod server;
pub mod settings;
pub mod tokens;

pub use server::run;
pub use settings::{DatabaseUrl, ResponderError, Settings};
