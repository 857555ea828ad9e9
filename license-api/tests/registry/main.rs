//! Registration, reissue, signing, revocation and the console on a real PostgreSQL: `TEST_LICENSE_DATABASE_URL`, or else
//! `TEST_DATABASE_URL`, names an administrator's connection. Each test gets a database and a role of its own. Without the
//! variables every test says "not run".

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod code_keys;
mod connections;
mod console;
mod drain;
mod keys;
mod migrations;
mod outages;
mod registrations;
mod reissues;
mod rights;
mod rotations;
mod secrecy_at_rest;
mod subscriptions;
mod upgrades;
mod world;
