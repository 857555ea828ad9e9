//! Redemption, pasted licences and check-ins against a scripted service, with crashes between all steps.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod applying;
mod checking_in;
mod clocks;
mod codes;
mod crashes;
mod faults;
mod home;
mod keys;
mod service;
mod states;
mod world;
