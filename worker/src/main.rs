//! `tenantry`: one binary, several roles.

mod clients;
mod config;
mod exit;
mod health;
mod register;
mod run;
mod scope;
mod telemetry;

fn main() {}
