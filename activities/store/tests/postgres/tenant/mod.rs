//! Tenant provisioning on a real PostgreSQL, under the worker's own role.

mod adoption;
mod billing;
mod claims;
mod credentials;
mod customers;
mod failures;
mod install_mails;
mod interleavings;
mod pooler;
mod proofs;
mod repeats;
mod rights;
mod rows;
mod seeds;
mod statements;
mod steps;
mod world;
