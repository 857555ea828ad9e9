//! Install codes and their mails: the steps of the vendor's half on a real PostgreSQL (`TEST_DATABASE_URL`), between a licence
//! API and a provider of mail that follow a script.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod fixture;
mod limits;
mod provider;
mod registrations;
mod reissues;
mod world;
