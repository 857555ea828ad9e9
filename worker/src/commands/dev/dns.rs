//! `dev dns`: breaks and repairs the sample zones of the running stack.

use super::Folders;
use crate::cli::{Output, print, print_json};
use crate::config::Source;
use crate::exit::{Exit, Failure, OrExit as _};
use clap::{Args, Subcommand, ValueEnum};
use dns_server::Config;
use dns_server::edit::{self, EditError};
use dns_server::faults::{self, Fault, FaultKind};
use serde_json::json;
use std::net::IpAddr;
use std::path::Path;

/// Arguments of `dev dns`.
#[derive(Debug, Args)]
pub(super) struct DnsArgs {
    #[command(subcommand)]
    command: DnsCommand,
}

#[derive(Debug, Subcommand)]
enum DnsCommand {
    /// Gives a host this one record of its type, or a fault.
    #[command(after_help = "Examples:\n  tenantry dev dns set portal.acme-customer.test CNAME elsewhere.example\n  \
                            tenantry dev dns set portal.acme-customer.test A 127.0.0.99\n  \
                            tenantry dev dns set portal.acme-customer.test --fault servfail")]
    Set {
        /// The host, or with --fault also a zone.
        host: String,
        /// CNAME, A, AAAA, TXT, CAA or MX.
        #[arg(requires = "value", conflicts_with = "fault", required_unless_present = "fault")]
        kind: Option<String>,
        /// The record's data.
        value: Option<String>,
        /// What goes wrong with every question about the host.
        #[arg(long, value_enum)]
        fault: Option<FaultWord>,
        /// Only at this name server.
        #[arg(long, value_name = "IP", requires = "fault")]
        server: Option<IpAddr>,
    },
    /// Takes records or faults of a host away.
    #[command(after_help = "Examples:\n  tenantry dev dns unset portal.acme-customer.test\n  \
                            tenantry dev dns unset portal.acme-customer.test CNAME\n  \
                            tenantry dev dns unset portal.acme-customer.test --fault")]
    Unset {
        /// The host.
        host: String,
        /// Only this type.
        kind: Option<String>,
        /// Only this value.
        #[arg(requires = "kind")]
        value: Option<String>,
        /// Takes the faults away, and leaves the records.
        #[arg(long, conflicts_with = "kind")]
        fault: bool,
    },
    /// Shows every record and every fault.
    List,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FaultWord {
    /// The server says that it failed.
    Servfail,
    /// No answer.
    Timeout,
    /// Truncated answers over UDP.
    Truncate,
    /// Answers without authority.
    Lame,
    /// The server refuses.
    Refuse,
    /// The records as they are now, whatever changes later.
    Old,
}

impl From<FaultWord> for FaultKind {
    fn from(word: FaultWord) -> Self {
        match word {
            FaultWord::Servfail => Self::Servfail,
            FaultWord::Timeout => Self::Timeout,
            FaultWord::Truncate => Self::Truncate,
            FaultWord::Lame => Self::Lame,
            FaultWord::Refuse => Self::Refuse,
            FaultWord::Old => Self::Old,
        }
    }
}

/// Runs one of the commands against the zones of the shell's stack (`dev env`), else of the running one.
pub(super) fn run(args: DnsArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    let path = match source.value("TENANTRY_DEV_DNS") {
        Some(path) => path.to_owned(),
        None => Folders::find()?
            .running()?
            .environment()
            .get("TENANTRY_DEV_DNS")
            .cloned()
            .ok_or_else(|| Failure::new(Exit::NotFound, "the running stack serves no sample zones"))?,
    };
    let config = Config::read(Path::new(&path)).or_exit(Exit::NotFound, "could not read the sample zones")?;
    let text = match args.command {
        DnsCommand::Set { host, kind: Some(kind), value: Some(value), .. } => {
            let edited = edit::set(&config, &host, &kind, &value).map_err(refused)?;
            format!("{host} {} {value} (zone {}, serial {})", kind.to_uppercase(), edited.zone, edited.serial)
        }
        DnsCommand::Set { host, fault, server, .. } => {
            let Some(word) = fault else {
                return Err(Failure::new(Exit::Usage, "name a record type and a value, or a fault"));
            };
            let mut fault = place(&config, &host, word.into());
            if let Some(server) = server {
                fault = fault.at(server);
            }
            faults::set(&config, fault).map_err(refused)?;
            format!("{host}: {word:?} from now on")
        }
        DnsCommand::Unset { host, fault: true, .. } => {
            // The kind is no part of the place.
            faults::clear(&config, Some(&place(&config, &host, FaultKind::Servfail))).map_err(refused)?;
            format!("{host}: no fault any more")
        }
        DnsCommand::Unset { host, kind, value, .. } => {
            let edited = edit::unset(&config, &host, kind.as_deref(), value.as_deref()).map_err(refused)?;
            if !edited.changed {
                return Err(Failure::new(
                    Exit::NotFound,
                    format!("{host} has no such record; `tenantry dev dns list` shows all"),
                ));
            }
            format!("{host}: {} record(s) left (zone {}, serial {})", edited.records.len(), edited.zone, edited.serial)
        }
        DnsCommand::List => return list(&config, output),
    };
    match output {
        Output::Text => print(&text),
        Output::Json => print_json(&json!({"done": text})),
    }
    Ok(Exit::Ok)
}

/// A fault of a whole zone when its name was given, else of a host.
fn place(config: &Config, host: &str, kind: FaultKind) -> Fault {
    let is_zone = config.zone_of(host).is_some_and(|zone| zone.name.trim_end_matches('.').eq_ignore_ascii_case(host));
    if is_zone { Fault::new(kind).in_zone(host) } else { Fault::new(kind).for_host(host) }
}

fn list(config: &Config, output: Output) -> Result<Exit, Failure> {
    let records = edit::read(config).map_err(refused)?;
    let faults = faults::read(config).map_err(refused)?;
    let records = serde_json::to_value(&records).or_exit(Exit::Internal, "could not write the records")?;
    let faults = serde_json::to_value(&faults).or_exit(Exit::Internal, "could not write the faults")?;
    match output {
        Output::Json => print_json(&json!({"zones": records, "faults": faults})),
        Output::Text => {
            print(&serde_json::to_string_pretty(&records).expect("a value"));
            if faults.as_array().is_some_and(|faults| !faults.is_empty()) {
                print(&format!("faults: {faults}"));
            }
        }
    }
    Ok(Exit::Ok)
}

fn refused(error: EditError) -> Failure {
    let exit = match &error {
        EditError::NoZone { .. } => Exit::NotFound,
        EditError::Record(_) => Exit::Usage,
        EditError::File { .. } | EditError::Json { .. } => Exit::Internal,
    };
    Failure::of(exit, error)
}
