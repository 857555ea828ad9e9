//! Redemption and check-in on a real PostgreSQL: `TEST_LICENSE_DATABASE_URL`, or else `TEST_DATABASE_URL`, names an
//! administrator's connection. Each test gets a database and a role of its own. Without the variables every test says "not run".

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod check_ins;
mod guesses;
mod hang_ups;
mod races;
mod redemptions;
mod refusals;
mod secrecy_at_rest;
mod sweeping;
mod uniform;
mod world;
