//! The store on a real PostgreSQL: `TEST_DATABASE_URL` names an administrator's connection. Each test gets a database and
//! roles of its own. Without the variable every test says "not run".

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod claims;
mod fixture;
mod holds;
mod removal;
mod rights;
mod schema;
mod statements;
mod sweep;
mod tenant;
mod writes;
