//! `tenantry license`: licences by hand (look at one, sign one offline, presign a download), and the registry through the
//! licence API.

mod input;
mod presign;
mod registry;
mod registry_args;
mod service;
mod sign;
mod sign_keyset;
mod verify;

use crate::cli::Output;
use crate::config::Source;
use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand};
use std::time::{SystemTime, UNIX_EPOCH};

/// Arguments of `license`.
#[derive(Debug, Args)]
pub(crate) struct LicenseArgs {
    #[command(subcommand)]
    command: LicenseCommand,
}

#[derive(Debug, Subcommand)]
enum LicenseCommand {
    /// Verifies a licence against the keys of a file: exit code 0 valid, 1 not valid, 2 wrong arguments, 3 no such file.
    ///
    /// The file of keys is a JSON object from key id to SPKI, in PEM or base64, and is all that is trusted. Without --tenant
    /// everything but the audience is checked, and the answer says so.
    #[command(
        after_help = "Examples:\n  tenantry license verify --keys keys.json --token license.jwt --output json\n  \
                            tenantry license verify --keys keys.json --token license.jwt --tenant \
                            11111111-2222-4333-8444-555555555555 --at 2027-01-15T00:00:00Z"
    )]
    Verify(verify::VerifyArgs),
    /// Signs a licence offline, for an installation that cannot check in. Prints the token and nothing else.
    ///
    /// The file of claims is a JSON object: sub, cust, tier and aud; seats when they are limited; iat, or now; exp, or
    /// transport ("airgap" for 365 days, "connected" for 31).
    #[command(
        after_help = "Examples:\n  tenantry license sign --key v3.pem --kid v3 --claims claims.json > license.jwt"
    )]
    Sign(sign::SignArgs),
    /// Signs a statement of licence keys offline, with a root key: the first step of a rotation, or the end of a stolen key.
    ///
    /// The file of keys is a JSON list of objects: kid and spki; not_before and not_after in unix seconds where the key has
    /// bounds, and "revoked": true for one that was stolen. Prints the statement and nothing else, once it has verified it as
    /// appliances do.
    // `--version` is the statement's own here.
    #[command(
        disable_version_flag = true,
        after_help = "Examples:\n  tenantry license sign-keyset --key root1.pem --kid root1 --keys keys.json --version 2 \
                      --until 2027-11-26T00:00:00Z > keyset.jwt"
    )]
    SignKeyset(sign_keyset::SignKeysetArgs),
    /// Presigns a download of the appliance's image, with the settings OBJECT_STORE_* and APPLIANCE_ISO_KEY.
    #[command(
        after_help = "Examples:\n  tenantry license presign\n  tenantry license presign --at 2026-11-26T10:00:00Z"
    )]
    Presign(presign::PresignArgs),
    /// Registers a tenant with the licence API, and prints its install code.
    #[command(
        after_help = "Examples:\n  tenantry license register-tenant --company Acme --email it@acme.example --submission order-4711-essentials\n  \
                            tenantry license register-tenant --company Acme --email it@acme.example --edition pro \
                            --subscription sub_1 --seats 25\n  \
                            tenantry license register-tenant --company Acme --email it@acme.example --submission \
                            order-4711-essentials --mail"
    )]
    RegisterTenant(registry_args::RegisterArgs),
    /// Gives a registered tenant a new install code; an older one that was not used is refused from then on.
    #[command(after_help = "Examples:\n  tenantry license reissue --tenant 11111111-2222-4333-8444-555555555555\n  \
                            tenantry license reissue --tenant 11111111-2222-4333-8444-555555555555 --mail")]
    Reissue(registry_args::ReissueArgs),
    /// Makes an activation code for a subscription, to upgrade an installed appliance; older ones of it end.
    #[command(after_help = "Examples:\n  tenantry license claim-code --subscription sub_4711")]
    ClaimCode(registry_args::ClaimCodeArgs),
    /// Changes what a subscription grants, seats above all; its appliances get the new licence at their next check-in.
    ///
    /// The subscription is made when it is not there. Prints the licence where the service signs one at once.
    #[command(
        after_help = "Examples:\n  tenantry license entitle --subscription sub_4711 --customer 'Acme' --seats 30 \
                            --tenant 11111111-2222-4333-8444-555555555555"
    )]
    Entitle(registry_args::EntitleArgs),
    /// Ends a subscription: no licence is signed for it any more, and its unused codes are refused. May be repeated.
    #[command(after_help = "Examples:\n  tenantry license revoke --subscription sub_4711")]
    Revoke(registry_args::RevokeArgs),
    /// Prints the statement of licence keys that appliances get.
    Keys,
    /// Looks at registered tenants, and sets their status.
    Tenants {
        #[command(subcommand)]
        command: registry_args::TenantsCommand,
    },
    /// Ends one appliance.
    Appliance {
        #[command(subcommand)]
        command: registry_args::ApplianceCommand,
    },
}

/// Runs one of the commands.
pub(crate) async fn run(args: LicenseArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    let now = now_seconds();
    match args.command {
        LicenseCommand::Verify(args) => verify::run(&args, output, now),
        LicenseCommand::Sign(args) => sign::run(&args, output, now).await,
        LicenseCommand::SignKeyset(args) => sign_keyset::run(&args, output, now).await,
        LicenseCommand::Presign(args) => presign::run(&args, output, source, now),
        LicenseCommand::RegisterTenant(args) => registry::register(&args, output, source).await,
        LicenseCommand::Reissue(args) => registry::reissue(&args, output, source).await,
        LicenseCommand::ClaimCode(args) => registry::claim_code(&args, output, source).await,
        LicenseCommand::Entitle(args) => registry::entitle(&args, output, source).await,
        LicenseCommand::Revoke(args) => registry::revoke(&args, output, source).await,
        LicenseCommand::Keys => registry::keys(output, source).await,
        LicenseCommand::Tenants { command } => registry::tenants(&command, output, source).await,
        LicenseCommand::Appliance { command } => registry::appliance(&command, output, source).await,
    }
}

/// The system's clock in unix seconds.
fn now_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Reads a time of the command line: RFC 3339 in UTC, or unix seconds.
fn time(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let time = humantime::parse_rfc3339_weak(text)
        .map_err(|_| "must be a time such as 2026-11-26T10:00:00Z, or unix seconds")?;
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| "must be 1970 or later")?;
    i64::try_from(since.as_secs()).map_err(|_| "is too far ahead".to_owned())
}

#[cfg(test)]
#[path = "license_tests.rs"]
mod tests;
