//! `license-api migrate`: the registry's schema and the service's role.

use super::settings::{SignIn, database};
use crate::cli::{Output, print, print_json};
use crate::config::{Reader, Source, log_level};
use crate::exit::{Exit, Failure};
use crate::telemetry::logs;
use clap::Args;
use license_api::db::{APP_ROLE, AppRole, SchemaError, migrate, pool, revert};
use secrecy::SecretString;

/// Arguments of `license-api migrate`.
#[derive(Debug, Args)]
#[command(after_help = "The database is changed as DB_USER_ADMIN with DB_PASSWORD_ADMIN. The role DB_USER_APP gets\n\
                        DB_PASSWORD_APP and the rights that the service uses.\n\n\
                        Examples:\n  tenantry license-api migrate\n  tenantry license-api migrate --revert 1")]
pub(super) struct MigrateArgs {
    /// Undoes the newest migrations instead, with everything that their tables hold.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    revert: Option<u16>,
}

/// Runs the command.
pub(super) async fn run(args: &MigrateArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    let mut reader = Reader::new(source);
    logs::install(&log_level(&mut reader, "warn"), logs::Reader::Person, None);
    let options = database(&mut reader, SignIn::Admin);
    let user = reader.text_or("DB_USER_APP", APP_ROLE);
    let password = reader.secret("DB_PASSWORD_APP").map(|secret| SecretString::from(secret.expose()));
    reader.finish(()).map_err(|problems| Failure::of(Exit::No, problems))?;
    let options = options.ok_or_else(|| Failure::new(Exit::Internal, "DB_HOST is missing and was not reported"))?;
    let admin = pool(options, 2);
    let report = match args.revert {
        Some(count) => revert(&admin, usize::from(count)).await,
        None => {
            let role = AppRole::new(&user, password).map_err(refused)?;
            migrate(&admin, &role, &mut credentials::system_random()).await
        }
    };
    let report = report.map_err(refused)?;
    match output {
        Output::Text => {
            let version = report.version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            let done = if args.revert.is_some() { "undone" } else { "applied" };
            let role = if report.role_created { "created" } else { "no change" };
            print(&format!("schema version {version}, {} migration(s) {done}; role: {role}", report.changed.len()));
        }
        Output::Json => print_json(&report),
    }
    Ok(Exit::Ok)
}

fn refused(error: SchemaError) -> Failure {
    let exit = match &error {
        SchemaError::TooMany { .. } | SchemaError::History(_) => Exit::Refused,
        SchemaError::RoleName | SchemaError::Password => Exit::No,
        SchemaError::Database(_) => Exit::Unreachable,
    };
    Failure::of(exit, error)
}
