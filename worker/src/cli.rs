//! The command line: what can be asked, and where it goes.

use crate::commands::{
    appliance, challenge, codec_server, dev, domain, license, license_api, migrate, reasons, replay, tenant,
};
use crate::config::Source;
use crate::exit::{Exit, Failure, help_table};
use crate::run;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};
use std::sync::OnceLock;

/// Durable workflows for a multi-tenant product: tenants, from order to welcome mail, and their own host names, from DNS to
/// live HTTPS.
#[derive(Debug, Parser)]
#[command(name = "tenantry", version, propagate_version = true, disable_help_subcommand = true)]
struct Cli {
    /// Form of the answer on standard output; progress and logs go to standard error.
    #[arg(long, value_enum, default_value = "text", global = true)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

/// Form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One JSON document, for programs.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Polls the task queues and works; health on HEALTH_CHECK_PORT, metrics on METRICS_PORT.
    ///
    /// Everything is set by environment variables. A wrong one stops the start with a list of all that is wrong.
    Worker,
    /// Creates tenants, follows them, and decides about repairs.
    Tenant(tenant::TenantArgs),
    /// Looks at portal domains and acts on them.
    Domain(domain::DomainArgs),
    /// Verifies and signs licences by hand, and works on the registry through the licence API.
    License(license::LicenseArgs),
    /// Redeems install codes, applies licences and checks in, on an appliance.
    Appliance(appliance::ApplianceArgs),
    /// Brings the schema, the database roles and Temporal's search attributes up to date. Safe to repeat.
    Migrate(migrate::MigrateArgs),
    /// Answers HTTP-01 challenges and preflight tokens, with an identity of its own.
    ChallengeResponder,
    /// Serves the licence API: registration, install codes, redemption, check-in.
    LicenseApi(license_api::LicenseApiArgs),
    /// Shows the Temporal UI and CLI what is encrypted (PAYLOAD_CODEC=sensitive).
    CodecServer(codec_server::CodecServerArgs),
    /// Replays histories against this build: the gate before a deploy.
    Replay(replay::ReplayArgs),
    /// Lists the reason codes, explains one, or writes their pages.
    Reasons(reasons::ReasonsArgs),
    /// The local stack with real parts: one command from nothing to a live domain.
    Dev(dev::DevArgs),
}

/// Parses, runs, and says on standard error what went wrong.
pub(crate) fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let parser = with_exit_codes(Cli::command());
    let parsed = parser.try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; they go to standard output with code 0.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            let _ = error.print();
            return exit;
        }
    };
    // A replay is one computation after the other: more threads would only wake each other.
    let mut builder = match matches!(cli.command, Command::Replay(_)) {
        true => tokio::runtime::Builder::new_current_thread(),
        false => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = match builder.worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::of(Exit::Internal, error)),
    };
    let outcome = runtime.block_on(run_command(cli, &Source::of_process()));
    // Work that does not end, such as a lookup in a blocking thread, must not hold the process.
    runtime.shutdown_background();
    let exit = outcome.unwrap_or_else(|failure| report(&failure));
    match UNWRITTEN.get() {
        // Whoever reads the answer must not take half of it for the whole.
        Some(why) if exit == Exit::Ok => report(&Failure::new(Exit::No, format!("could not write the answer: {why}"))),
        Some(_) | None => exit,
    }
}

fn report(failure: &Failure) -> Exit {
    let _ = writeln!(std::io::stderr().lock(), "tenantry: {failure}");
    failure.exit
}

/// Every help page ends with the exit codes.
fn with_exit_codes(command: clap::Command) -> clap::Command {
    let after = match command.get_after_help() {
        Some(examples) => format!("{examples}\n\n{}", help_table()),
        None => help_table(),
    };
    command.after_help(after).mut_subcommands(with_exit_codes)
}

async fn run_command(cli: Cli, source: &Source) -> Result<Exit, Failure> {
    match cli.command {
        Command::Worker => Box::pin(run::run(source)).await,
        Command::Tenant(args) => Box::pin(tenant::run(args, cli.output, source)).await,
        Command::Domain(args) => Box::pin(domain::run(args, cli.output, source)).await,
        Command::License(args) => Box::pin(license::run(args, cli.output, source)).await,
        Command::Appliance(args) => Box::pin(appliance::run(args, cli.output, source)).await,
        Command::Migrate(args) => Box::pin(migrate::run(args, cli.output, source)).await,
        Command::ChallengeResponder => Box::pin(challenge::run(source)).await,
        Command::LicenseApi(args) => Box::pin(license_api::run(args, cli.output, source)).await,
        Command::CodecServer(args) => Box::pin(codec_server::run(args, source)).await,
        Command::Replay(args) => Box::pin(replay::run(args, cli.output, source)).await,
        Command::Reasons(args) => reasons::run(&args, cli.output),
        Command::Dev(args) => Box::pin(dev::run(args, cli.output, source)).await,
    }
}

/// Why an answer could not be written.
static UNWRITTEN: OnceLock<ErrorKind> = OnceLock::new();

/// Prints an answer on standard output. A reader that went away is no error; that the answer cannot be written is one, and told
/// when the command ends.
pub(crate) fn print(text: &str) {
    if let Err(error) = write_to(std::io::stdout().lock(), text) {
        let _ = UNWRITTEN.set(error.kind());
    }
}

fn write_to(mut out: impl std::io::Write, text: &str) -> std::io::Result<()> {
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints a value as one JSON document.
pub(crate) fn print_json(value: &impl serde::Serialize) {
    print(&serde_json::to_string_pretty(value).expect("our own structs serialise"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        with_exit_codes(Cli::command()).debug_assert();
    }

    /// Refuses whatever is written.
    struct Full(ErrorKind);

    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_answer_that_cannot_be_written_is_an_error_and_a_reader_that_left_is_none() {
        let full = write_to(Full(ErrorKind::StorageFull), "x").expect_err("full");
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        assert!(write_to(Full(ErrorKind::BrokenPipe), "x").is_ok());
        let mut out = Vec::new();
        write_to(&mut out, "x\n\n").expect("written");
        assert_eq!(out, b"x\n");
    }

    #[track_caller]
    fn check(line: &str, accepted: bool) {
        let words = line.split(' ');
        assert_eq!(Cli::try_parse_from(words).is_ok(), accepted, "{line}");
    }

    #[test]
    fn lines_of_the_runbook_are_understood() {
        let tenant = "11111111-2222-4333-8444-555555555555";
        check(&format!("tenantry domain reconcile --tenant {tenant} --domain-id {tenant}"), true);
        check(&format!("tenantry domain register --tenant {tenant} portal.example.com"), true);
        check(&format!("tenantry domain disable --tenant {tenant} --output json"), true);
        check(&format!("tenantry domain status --tenant {tenant}"), true);
        check(&format!("tenantry domain watch --tenant {tenant} --until active --timeout 90s"), true);
        check("tenantry domain list --status pending_dns", true);
        check("tenantry domain check portal.example.com", true);
        check(&format!("tenantry --output json domain explain --tenant {tenant}"), true);
        check("tenantry replay a.json b.bin", true);
        check("tenantry tenant create --file input.json --output json", true);
        check(&format!("tenantry tenant repair --tenant {tenant} --action retry --by me"), true);
        check(&format!("tenantry tenant repair --tenant {tenant} --workflow-id x --action retry --by me"), false);
        check("tenantry tenant status", false);
        check("tenantry tenant status --workflow-id=", false);
        check(&format!("tenantry tenant watch --workflow-id {}", "x".repeat(1001)), false);
        check("tenantry tenant create --workflow-id=", false);
        check("tenantry tenant create --name Acme --licenses -1", true);
        check("tenantry tenant list --state repair", true);
        check("tenantry license verify --keys k.json --token t.jwt --output json", true);
        check(&format!("tenantry license verify --keys k --token t --tenant {tenant} --at 2027-01-15T00:00:00Z"), true);
        check("tenantry license sign --key k.pem --kid v3 --claims c.json", true);
        check("tenantry license presign --at 2013-05-24T00:00:00Z", true);
        check("tenantry license verify --token t.jwt", false);
        check("tenantry appliance redeem --state /tmp/redemption --output json", true);
        check("tenantry appliance redeem --installed --trust keys.json", true);
        check("tenantry appliance redeem", false);
        check("tenantry appliance redeem --installed --state x", false);
        check("tenantry appliance redeem --installed K7QPM2RX", false);
        check("tenantry appliance apply", true);
        check("tenantry appliance check-in --output json", true);
        check("tenantry license-api", true);
        check("tenantry license-api migrate --revert 1 --output json", true);
        check("tenantry license-api migrate --revert 0", false);
        check("tenantry license-api openapi", true);
        check("tenantry codec-server --origin https://temporal.example.com", true);
        check("tenantry dev --once --output json", true);
        check("tenantry dev dns set portal.acme-customer.test CNAME x.tenantry.test", true);
        check("tenantry dev dns set portal.acme-customer.test --fault servfail", true);
        check("tenantry dev part dns /tmp/dns.json", true);
        check("tenantry domain status --tenant not-a-uuid", false);
        check("tenantry domain status", false);
        check("tenantry replay", false);
        check("tenantry", false);
    }

    #[test]
    fn every_help_page_names_the_exit_codes() {
        let mut command = with_exit_codes(Cli::command());
        command.build();
        let domain = command.find_subcommand_mut("domain").expect("exists");
        let watch = domain.find_subcommand_mut("watch").expect("exists").render_long_help().to_string();
        assert!(watch.contains("Exit codes:") && watch.contains("  70  "), "{watch}");
        assert!(watch.contains("Examples:"), "{watch}");
    }
}
