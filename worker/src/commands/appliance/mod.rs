//! `tenantry appliance`: redeem a code, apply a pasted licence, check in.

mod answer;
mod apply;
mod check_in;
mod place;
mod redeem;
mod stdin;

use crate::cli::Output;
use crate::config::Source;
use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `appliance`.
#[derive(Debug, Args)]
pub(crate) struct ApplianceArgs {
    #[command(subcommand)]
    command: ApplianceCommand,
}

#[derive(Debug, Subcommand)]
enum ApplianceCommand {
    /// Redeems an install code, which is read from standard input; goes on where an interrupted redemption stopped.
    ///
    /// With nothing on standard input a stored redemption is finished. Exit code 1: the operator has to correct the code; 4: the
    /// same command again, without a new code; 5: somebody has to look first. With --output json every failure exits with 1, and
    /// `remedy` says correct, retry or final.
    #[command(
        after_help = "Examples:\n  tenantry appliance redeem --state /var/lib/tenantry/redemption < code.txt\n  \
                            tenantry appliance redeem --installed --output json < code.txt\n  \
                            tenantry appliance redeem --workflow < code.txt"
    )]
    Redeem(RedeemArgs),
    /// Verifies a licence, which is read from standard input, and stores it. Needs the application's database. Exit codes are
    /// those of redeem.
    #[command(after_help = "Examples:\n  tenantry appliance apply < licence.jwt")]
    Apply(TrustArgs),
    /// Asks the licence service for a newer licence and stores it. Needs the application's database. Exit codes are those of redeem.
    #[command(after_help = "Examples:\n  tenantry appliance check-in --output json")]
    CheckIn(TrustArgs),
}

/// Arguments of `appliance redeem`.
#[derive(Debug, Args)]
struct RedeemArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Where the redemption is kept and the licence goes.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct PlaceArgs {
    /// During setup, without a database: the file that keeps the steps (mode 0600). The licence goes into Secrets.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// On an installed appliance: the application's database keeps the steps and the licence; the Secret follows.
    #[arg(long)]
    installed: bool,
    /// The same by the worker of this appliance: the code is sealed in the database, and the redemption is a workflow that
    /// outlives this command.
    #[arg(long)]
    workflow: bool,
}

/// Further keys, for the local stack and for private services.
#[derive(Debug, Clone, Args)]
struct TrustArgs {
    /// Licence keys to trust beside those built in: a JSON map from key id to SPKI. Else ALGA_LICENSE_TRUST_FILE.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Root keys of keyset statements, in the same form. Else ALGA_LICENSE_ROOTS_FILE.
    #[arg(long, value_name = "FILE")]
    roots: Option<PathBuf>,
}

/// Runs one of the commands.
pub(crate) async fn run(args: ApplianceArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    crate::telemetry::logs::install(
        source.value("LOG_LEVEL").unwrap_or("error"),
        crate::telemetry::logs::Reader::Person,
        None,
    );
    let ended = match &args.command {
        ApplianceCommand::Redeem(args) => Box::pin(redeem::run(source, args)).await,
        ApplianceCommand::Apply(trust) => Box::pin(apply::run(source, trust)).await,
        ApplianceCommand::CheckIn(trust) => Box::pin(check_in::run(source, trust)).await,
    };
    answer::report(ended, output)
}
