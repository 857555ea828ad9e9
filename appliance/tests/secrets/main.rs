//! Secrets over HTTP, against an API server in process that keeps who owns which field.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod api;
mod writes;
