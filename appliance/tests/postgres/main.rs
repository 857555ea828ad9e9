//! The rows beside `license_state`, on a real PostgreSQL (`TEST_DATABASE_URL`), under the worker's rights.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod codes;
mod fixture;
mod rows;
mod schema;
