//! `tenantry tenant`: create tenants, follow them, decide about repairs, and send the welcome mail again.

mod create;
mod follow;
mod input;
mod look;
mod problem;
mod repair;
mod resend;
mod revive;
mod show;

use crate::cli::{Output, print_json};
use crate::clients::tenant_runs::TenantRuns;
use crate::clients::{database, temporal};
use crate::commands::domain::duration;
use crate::config::{ClientSettings, Role, Source};
use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand};
pub(crate) use create::start;
pub(crate) use follow::{Followed, follow, line, not_completed};
use store::tenant::{TenantSettings, TenantStore};
use uuid::Uuid;

/// Arguments of `tenant`.
#[derive(Debug, Args)]
pub(crate) struct TenantArgs {
    #[command(subcommand)]
    command: TenantCommand,
}

/// Longest id of a run, in bytes: the server's own limit (`limit.maxIDLength`).
const RUN_ID_MAX: usize = 1000;

/// The id of a run.
fn run_id(text: &str) -> Result<String, String> {
    let id = text.trim();
    if id.is_empty() {
        return Err("it must not be empty".to_owned());
    }
    if id.len() > RUN_ID_MAX {
        return Err(format!("it must have at most {RUN_ID_MAX} bytes"));
    }
    if id.contains(char::is_control) {
        return Err("it must hold no control character".to_owned());
    }
    Ok(id.to_owned())
}

/// A UUID of a tenant or a user, with a hint where to find it.
fn uuid(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| "it is no UUID; `tenantry tenant list` shows those of tenants".to_owned())
}

/// Which creation.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// The tenant's UUID.
    #[arg(long, value_name = "UUID", value_parser = uuid)]
    tenant: Option<Uuid>,
    /// The id of the run.
    #[arg(long, value_name = "ID", value_parser = run_id)]
    workflow_id: Option<String>,
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    /// Creates a tenant and shows the way, step by step.
    ///
    /// The input is checked before anything is started; all that is wrong with it is told at once. A second start for the same
    /// subscription, checkout, Apple transaction or tenant id finds the first. A password never stands in an argument: use a
    /// file, a hash, or the name of a mounted secret. The fields of the file stand in docs/runbook-tenants.md, with a sample.
    #[command(
        after_help = "Examples:\n  tenantry tenant create --file input.json\n  tenantry tenant create --name 'Acme' \
                            --admin-first-name Ada --admin-last-name Byron --admin-email ada@acme.example --licenses 5"
    )]
    Create(Box<create::CreateArgs>),
    /// Shows where a creation stands, what it waits for, and what is done.
    #[command(after_help = "Examples:\n  tenantry tenant status --tenant 11111111-2222-4333-8444-555555555555\n  \
                            tenantry tenant status --workflow-id tenant-creation-checkout-cs_1 --output json")]
    Status {
        #[command(flatten)]
        which: Which,
    },
    /// Shows every step of a creation as it happens, until it ends.
    #[command(after_help = "Examples:\n  tenantry tenant watch --workflow-id tenant-creation-checkout-cs_1")]
    Watch {
        #[command(flatten)]
        which: Which,
        /// Longest time; for ever when left out.
        #[arg(long, value_name = "TIME", value_parser = duration)]
        timeout: Option<std::time::Duration>,
    },
    /// Decides about a step that failed: try it again, or end the creation and leave its rows to an operator.
    #[command(
        after_help = "Examples:\n  tenantry tenant repair --tenant 11111111-2222-4333-8444-555555555555 --action \
                            retry --by 'on call' --note 'imported the price'"
    )]
    Repair(repair::RepairArgs),
    /// Makes a new credential for an administrator and sends the welcome mail again; the old password holds until the mail is
    /// accepted. At most three times an hour.
    #[command(
        after_help = "Examples:\n  tenantry tenant resend-welcome --tenant 11111111-2222-4333-8444-555555555555 \
                            --by 'on call'"
    )]
    ResendWelcome(resend::ResendArgs),
    /// Lists creations, newest first.
    #[command(after_help = "Examples:\n  tenantry tenant list\n  tenantry tenant list --state repair --output json")]
    List(show::ListArgs),
}

/// Runs one of the commands.
pub(crate) async fn run(args: TenantArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    crate::telemetry::logs::install(
        source.value("LOG_LEVEL").unwrap_or("error"),
        crate::telemetry::logs::Reader::Person,
        None,
    );
    let done = answer(args.command, output, source).await;
    if let (Err(failure), Output::Json) = (&done, output) {
        // A program reads standard output alone, also when there is no answer.
        print_json(&problem::document(failure));
    }
    done
}

async fn answer(command: TenantCommand, output: Output, source: &Source) -> Result<Exit, Failure> {
    match command {
        TenantCommand::Create(args) => create::run(source, &args, output).await,
        TenantCommand::Status { which } => show::status(source, &which, output).await,
        TenantCommand::Watch { which, timeout } => follow::watch(source, &which, timeout, output).await,
        TenantCommand::Repair(args) => repair::run(source, &args, output).await,
        TenantCommand::ResendWelcome(args) => resend::run(source, &args, output).await,
        TenantCommand::List(args) => show::list(source, &args, output).await,
    }
}

/// The runs.
pub(crate) async fn runs(source: &Source) -> Result<TenantRuns, Failure> {
    let settings = ClientSettings::parse(source, &[]).map_err(|problems| Failure::of(Exit::No, problems))?;
    Ok(TenantRuns::new(temporal::connect(&settings.temporal).await?))
}

/// The record of creations.
async fn records(source: &Source) -> Result<TenantStore, Failure> {
    let settings =
        ClientSettings::parse(source, &[Role::Worker]).map_err(|problems| Failure::of(Exit::No, problems))?;
    if let Some(options) = settings.database.options(Role::Worker) {
        let (host, port) = (options.get_host(), options.get_port());
        problem::listens(host, port).await.map_err(|error| {
            let place = format!("{host}:{port} (DATABASE_URL, or DB_HOST and DB_PORT)");
            Failure::new(Exit::Unreachable, format!("could not reach the database at {place}: {error}"))
        })?;
    }
    let pool = database::pool(&settings.database, Role::Worker).await?;
    Ok(TenantStore::new(pool, TenantSettings::default()))
}

/// The run that works on a tenant's creation, or waits.
async fn workflow_id(source: &Source, which: &Which) -> Result<String, Failure> {
    if let Some(id) = &which.workflow_id {
        return Ok(id.clone());
    }
    let tenant = which.tenant.unwrap_or_default();
    let found = records(source).await?.creation(tenant).await.map_err(|error| Failure::of(Exit::Unreachable, error))?;
    found.map(|creation| creation.summary.workflow_id).ok_or_else(|| unknown(tenant))
}

fn unknown(tenant: Uuid) -> Failure {
    Failure::new(Exit::NotFound, format!("tenant {tenant} was not created here: see `tenantry tenant list`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_a_run_has_some_and_not_too_many_characters() {
        for bad in ["", "  ", &"x".repeat(1001), "a\0b", "a\nb"] {
            assert!(run_id(bad).is_err(), "{bad:?}");
        }
        assert_eq!(run_id(" tenant-creation-1 "), Ok("tenant-creation-1".to_owned()));
    }

    #[test]
    fn what_is_no_tenant_is_sent_to_the_list_of_tenants() {
        assert!(uuid("birch").is_err_and(|why| why.contains("`tenantry tenant list`")));
        assert!(uuid("11111111-2222-4333-8444-555555555555").is_ok());
    }
}
