//! `license-api`: settings for the library that has the role, its migrations and its OpenAPI document.

mod migrate;
mod settings;

use crate::cli::{Output, print};
use crate::config::{Reader, Source, log_level};
use crate::exit::{Exit, Failure};
use crate::telemetry::logs;
use clap::{Args, Subcommand};
use license_api::server::{ServeError, serve};

/// Arguments of `license-api`.
#[derive(Debug, Args)]
#[command(
    after_help = "Everything is set by environment variables: PORT, METRICS_PORT, DB_HOST, DB_PORT, DB_NAME, DB_USER_APP,\n\
                        DB_PASSWORD_APP, ALGA_LICENSE_PRIVATE_KEY_FILE, ALGA_LICENSE_KID, ALGA_LICENSE_SERVICE_SECRET or\n\
                        TENANTRY_LICENSE_SERVICE_SECRETS_FILE, TENANTRY_LICENSE_MINT_KEYS_FILE,\n\
                        TENANTRY_LICENSE_LOOKUP_KEYS_FILE, TENANTRY_SEALING_KEYS_FILE, OBJECT_STORE_*.\n\n\
                        Examples:\n  tenantry license-api\n  tenantry license-api migrate\n  \
                        tenantry license-api openapi > openapi.json"
)]
pub(crate) struct LicenseApiArgs {
    #[command(subcommand)]
    command: Option<LicenseApiCommand>,
}

#[derive(Debug, Subcommand)]
enum LicenseApiCommand {
    /// Brings the registry's schema and the service's role up to date. Safe to repeat.
    Migrate(migrate::MigrateArgs),
    /// Prints the OpenAPI document of the service.
    Openapi,
}

/// Serves until it is told to stop, or runs one of the commands.
pub(crate) async fn run(args: LicenseApiArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    match args.command {
        None => run_service(source).await,
        Some(LicenseApiCommand::Migrate(args)) => migrate::run(&args, output, source).await,
        Some(LicenseApiCommand::Openapi) => {
            print(&license_api::openapi::document());
            Ok(Exit::Ok)
        }
    }
}

async fn run_service(source: &Source) -> Result<Exit, Failure> {
    let mut reader = Reader::new(source);
    let level = log_level(&mut reader, "info");
    let config = settings::read(&mut reader);
    reader.finish(()).map_err(|problems| Failure::of(Exit::No, problems))?;
    let config = config.ok_or_else(|| Failure::new(Exit::Internal, "a setting is missing and was not reported"))?;
    logs::install(&level, logs::Reader::Machine, None);
    serve(config, crate::run::stop_asked()).await.map_err(|error| {
        let exit = match &error {
            ServeError::Keys(_) | ServeError::Secrets(_) => Exit::No,
            ServeError::Forgotten(_) | ServeError::Listen { .. } => Exit::Refused,
            ServeError::Metrics(_) => Exit::Internal,
        };
        Failure::of(exit, error)
    })?;
    Ok(Exit::Ok)
}
