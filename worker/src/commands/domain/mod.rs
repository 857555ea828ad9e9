//! `tenantry domain`: look at portal domains and act on them, as the runbook says.

mod change;
mod check;
mod context;
mod list;
mod removals;
mod show;
mod text;
mod watch;

use crate::cli::Output;
use crate::config::Source;
use crate::exit::{Exit, Failure};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
pub(crate) use context::Domains;
use model::portal::record::Status;
use std::time::Duration;
use uuid::Uuid;

/// Arguments of `domain`.
#[derive(Debug, Args)]
pub(crate) struct DomainArgs {
    #[command(subcommand)]
    command: DomainCommand,
}

/// A status, or the word for a row that is not there.
fn status_or_gone() -> PossibleValuesParser {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str).into_iter().chain([crate::commands::timeline::GONE]))
}

/// One of the nine statuses.
fn status() -> PossibleValuesParser {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str))
}

/// A UUID of a tenant or a row, with a hint where to find it.
pub(crate) fn uuid(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| "it is no UUID; `tenantry domain list` shows those of tenants and domains".to_owned())
}

/// A length of time, with an example where it is none.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "it is no length of time; write it as 90s, 5m or 1h30m".to_owned())
}

/// Whose domain.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Whose {
    /// The tenant's UUID.
    #[arg(long, value_name = "UUID", value_parser = uuid)]
    pub(crate) tenant: Uuid,
    /// The UUID of the row in portal_domains; found by the tenant when left out.
    #[arg(long, value_name = "UUID", value_parser = uuid)]
    pub(crate) domain_id: Option<Uuid>,
}

#[derive(Debug, Subcommand)]
enum DomainCommand {
    /// Registers a host name, as the settings page of the web application does.
    ///
    /// Needs the web application's database role (DB_USER_SERVER, or what DATABASE_URL gives); refused when only the worker's
    /// role is configured. A host that the tenant had before is replaced once the new one serves.
    #[command(after_help = "Examples:\n  tenantry domain register --tenant 11111111-2222-4333-8444-555555555555 \
                            portal.example.com\n  tenantry domain register --tenant … portal.example.com --wait active")]
    Register {
        #[command(flatten)]
        whose: Whose,
        /// The host name.
        host: String,
        /// Waits until this status is reached, and shows the way.
        #[arg(long, value_name = "STATUS", value_parser = status_or_gone(), hide_possible_values = true)]
        wait: Option<String>,
        /// Longest wait.
        #[arg(long, value_parser = duration, default_value = "5m")]
        timeout: Duration,
    },
    /// Makes the worker look at a domain now: signals its run, and starts one if none is open.
    #[command(after_help = "Examples:\n  tenantry domain reconcile --tenant 11111111-2222-4333-8444-555555555555 \
                            --domain-id 66666666-7777-4888-8999-aaaaaaaaaaaa")]
    Reconcile {
        #[command(flatten)]
        whose: Whose,
    },
    /// Orders a domain off: its objects are removed and verified gone, then its row goes.
    ///
    /// Needs the web application's database role (DB_USER_SERVER, or what DATABASE_URL gives).
    #[command(after_help = "Examples:\n  tenantry domain disable --tenant 11111111-2222-4333-8444-555555555555 \
                            --wait gone")]
    Disable {
        #[command(flatten)]
        whose: Whose,
        /// Waits until this status is reached; `gone` is the end of a removal.
        #[arg(long, value_name = "STATUS", value_parser = status_or_gone(), hide_possible_values = true)]
        wait: Option<String>,
        /// Longest wait.
        #[arg(long, value_parser = duration, default_value = "5m")]
        timeout: Duration,
    },
    /// Shows where a domain is, why, and who must act. Asks the run; shows the row when none answers.
    #[command(after_help = "Examples:\n  tenantry domain status --tenant 11111111-2222-4333-8444-555555555555\n  \
                            tenantry domain status --tenant … --output json | jq .status")]
    Status {
        #[command(flatten)]
        whose: Whose,
    },
    /// Shows every change of a domain as it happens, one line each.
    #[command(after_help = "Examples:\n  tenantry domain watch --tenant 11111111-2222-4333-8444-555555555555\n  \
                            tenantry domain watch --tenant … --until active --timeout 2m")]
    Watch {
        #[command(flatten)]
        whose: Whose,
        /// Ends with code 0 at this status, and with 1 when the row goes or time is up.
        #[arg(long, value_name = "STATUS", value_parser = status_or_gone(), hide_possible_values = true)]
        until: Option<String>,
        /// Longest time; for ever when left out.
        #[arg(long, value_parser = duration)]
        timeout: Option<Duration>,
    },
    /// Lists domains from the database.
    #[command(
        after_help = "Examples:\n  tenantry domain list\n  tenantry domain list --status dns_failed --host acme \
                            --output json"
    )]
    List(list::ListArgs),
    /// Shows whether all removals are held because too many rows vanished at once, and lets them go on.
    ///
    /// Code 1 while they are held.
    #[command(
        after_help = "Examples:\n  tenantry domain removals\n  tenantry domain removals --release --by 'on call' \
                            --note 'test tenants were deleted on purpose'"
    )]
    Removals(removals::RemovalsArgs),
    /// Checks a host name as a registration would, without any effect: host rules, DNS, edge, and what serves now.
    ///
    /// Uses DNS and the edge from this machine; the database is not asked. Code 0 when nothing stands in the way, 1 otherwise.
    #[command(after_help = "Examples:\n  tenantry domain check portal.example.com --target \
                            abcdef1.portal.app.example.com")]
    Check(check::CheckArgs),
    /// Shows everything about a domain: each axis, what was seen and by which server, what it means, and when we look again.
    #[command(after_help = "Examples:\n  tenantry domain explain --tenant 11111111-2222-4333-8444-555555555555")]
    Explain {
        #[command(flatten)]
        whose: Whose,
    },
}

/// Runs one of the commands.
pub(crate) async fn run(args: DomainArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    crate::telemetry::logs::install(
        source.value("LOG_LEVEL").unwrap_or("error"),
        crate::telemetry::logs::Reader::Person,
        None,
    );
    match args.command {
        DomainCommand::Register { whose, host, wait, timeout } => {
            change::register(source, whose, &host, wait.map(|status| (status, timeout)), output).await
        }
        DomainCommand::Reconcile { whose } => change::reconcile(source, whose, output).await,
        DomainCommand::Disable { whose, wait, timeout } => {
            change::disable(source, whose, wait.map(|status| (status, timeout)), output).await
        }
        DomainCommand::Status { whose } => show::status(source, whose, output).await,
        DomainCommand::Watch { whose, until, timeout } => watch::run(source, whose, until, timeout, output).await,
        DomainCommand::List(args) => list::run(source, args, output).await,
        DomainCommand::Removals(args) => removals::run(source, args, output).await,
        DomainCommand::Check(args) => check::run(source, args, output).await,
        DomainCommand::Explain { whose } => show::explain(source, whose, output).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_read_or_refused_with_an_example() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        for text in ["soon", "5", ""] {
            assert!(duration(text).is_err_and(|why| why.contains("90s")), "{text}");
        }
    }
}
