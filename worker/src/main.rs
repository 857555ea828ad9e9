//! `tenantry`: one binary, several roles.

mod cli;
mod clients;
mod commands;
mod config;
mod exit;
mod health;
mod history;
mod register;
mod run;
mod scope;
mod telemetry;
mod wake;

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all, so that the choice stands even if a dependency brings another provider. It fails only when one is set.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::main(std::env::args_os()).into()
}
