//! `dev`: the local stack with real parts, and the sample domain that shows it.

mod background;
mod dns;
mod mail;
mod sample;
mod show;

use crate::cli::Output;
use crate::config::Source;
use crate::exit::{Exit, Failure, OrExit as _};
use clap::{Args, Subcommand};
use devstack::{Options, find_project};
use std::path::{Path, PathBuf};

/// Arguments of `dev`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  tenantry dev\n  tenantry dev --once --output json\n  tenantry dev up && eval \"$(tenantry dev env)\"\n  \
                  tenantry dev dns set portal.acme-customer.test CNAME elsewhere.example\n  tenantry dev down"
)]
pub(crate) struct DevArgs {
    /// Ends as soon as the sample domain is active and its HTTPS answer was checked: 0 when it is, 1 with the reason otherwise.
    #[arg(long)]
    once: bool,
    /// Migrates and seeds also a database or cluster that the environment points to.
    #[arg(long)]
    use_external: bool,
    #[command(subcommand)]
    command: Option<DevCommand>,
}

#[derive(Debug, Subcommand)]
enum DevCommand {
    /// Starts the stack in the background and keeps its data; for daily work and for tests.
    Up {
        /// Migrates and seeds also a database or cluster that the environment points to.
        #[arg(long)]
        use_external: bool,
        /// Removes what an earlier stack of this checkout kept, and begins with empty data.
        #[arg(long)]
        fresh: bool,
    },
    /// Ends the stack and what a crash left of it.
    Down,
    /// Shows the parts of the running stack.
    Status,
    /// Prints the variables of the running stack for a shell.
    #[command(
        after_help = "Examples:\n  eval \"$(tenantry dev env)\"\n  eval \"$(tenantry dev env --appliance)\"; tenantry worker"
    )]
    Env {
        /// Those of the sample appliance: its database, its Temporal namespace, and its one queue.
        #[arg(long)]
        appliance: bool,
    },
    /// Runs one of our own parts; the stack calls this.
    #[command(hide = true)]
    Part {
        /// The part.
        name: String,
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Edits the sample zones, to break and repair DNS.
    Dns(dns::DnsArgs),
    /// Shows the mails that the stack delivered to its mailbox.
    Mail(mail::MailArgs),
}

/// Runs one of the commands.
pub(crate) async fn run(args: DevArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    match args.command {
        Some(DevCommand::Part { name, arguments }) => {
            crate::telemetry::logs::install(
                source.value("LOG_LEVEL").unwrap_or("info"),
                crate::telemetry::logs::Reader::Machine,
                None,
            );
            devstack::run_part(&name, &arguments).await.or_exit(Exit::Internal, "a part of the stack failed")?;
            Ok(Exit::Ok)
        }
        Some(DevCommand::Up { use_external, fresh }) => background::up(use_external, fresh, output).await,
        Some(DevCommand::Down) => background::down(output).await,
        Some(DevCommand::Status) => background::status(output),
        Some(DevCommand::Env { appliance }) => background::env(appliance, output),
        Some(DevCommand::Dns(args)) => dns::run(args, output, source),
        Some(DevCommand::Mail(args)) => mail::run(&args, output, source),
        None => show::run(args.once, args.use_external, output).await,
    }
}

/// How this program is called where its folder is not in the PATH.
fn program() -> String {
    std::env::current_exe().map_or_else(|_| "tenantry".to_owned(), |path| path.display().to_string())
}

/// Where the stacks of a checkout keep their data: `dev` its fresh one, `dev up` the kept one.
struct Folders {
    project: PathBuf,
}

impl Folders {
    fn find() -> Result<Self, Failure> {
        Ok(Self { project: find_project().map_err(|error| Failure::of(Exit::NotFound, error))? })
    }

    fn shown(&self) -> PathBuf {
        self.project.join(".dev/run")
    }

    fn kept(&self) -> PathBuf {
        self.project.join(".dev/up")
    }

    /// The running stack; that of `dev up` first.
    fn running(&self) -> Result<devstack::Stack, Failure> {
        devstack::attach(&self.kept()).or_else(|| devstack::attach(&self.shown())).ok_or_else(|| {
            let program = program();
            let text = format!("no stack is running; start one with `{program} dev` or `{program} dev up`");
            Failure::new(Exit::NotFound, text)
        })
    }

    /// Options that both kinds of stack share. The sample tables are the product's own, so ours need them first.
    fn options(&self, root: &Path, use_external: bool) -> Result<Options, Failure> {
        let binary = std::env::current_exe().or_exit(Exit::Internal, "could not find this executable")?;
        let mut sql_files: Vec<PathBuf> = std::fs::read_dir(self.project.join("devstack/product-schema"))
            .or_exit(Exit::NotFound, "could not read devstack/product-schema")?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
            .collect();
        sql_files.sort();
        Ok(Options { use_external, sql_files, ..Options::new(root, binary, &self.project) })
    }
}
