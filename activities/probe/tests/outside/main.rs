//! The probe and the preflight against servers in this process, over real sockets on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod edge;
mod host;
mod preflight;
