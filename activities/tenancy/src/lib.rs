//! The activities of tenant provisioning: what puts store, mail, billing and shop to work.
//!
//! Each activity does one thing, may be repeated, and hides every secret it handles: passwords are made, hashed, sealed and
//! sent in here and never leave in an answer.

mod activities;
mod beat;
mod billing;
mod counters;
mod failure;
mod identity;
mod password;
mod settings;
mod shop;
mod welcome;

pub use activities::TenancyActivities;
pub use beat::beating;
pub use counters::TenancyCounters;
pub use password::Hashing;
pub use settings::{CredentialMode, Now, Outside, Secrets, TenancySettings};
