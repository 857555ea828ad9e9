//! `license verify`.

use super::input::read;
use super::time;
use crate::cli::{Output, print, print_json};
use crate::exit::{Exit, Failure, OrExit as _};
use clap::Args;
use license::verifier::Verifier;
use model::license::claims::{ISSUER, TenantId};
use model::license::token::{Audience, Terms, UncheckedToken, VerifiedLicense, VerifyFailure};
use model::license::token_keys::TrustSet;
use serde::Serialize;
use std::num::NonZeroU64;
use std::path::PathBuf;

/// Arguments of `license verify`.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The trusted keys: a JSON object from key id to SPKI.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The licence, exactly: a token has no line end.
    #[arg(long, value_name = "FILE")]
    token: PathBuf,
    /// The tenant that the licence must be bound to.
    #[arg(long, value_name = "UUID", value_parser = TenantId::parse)]
    tenant: Option<TenantId>,
    /// The time of the verification; now when left out. RFC 3339, or unix seconds.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<i64>,
}

/// The answer (licensing contract, section 14).
#[derive(Debug, Serialize)]
struct Answer<'a> {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Claims<'a>>,
    audience: &'static str,
}

/// Verified claims under their names in the token.
#[derive(Debug, Serialize)]
struct Claims<'a> {
    iss: &'static str,
    sub: &'a str,
    cust: &'a str,
    tier: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<NonZeroU64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    iat: i64,
    exp: i64,
}

/// Runs the command.
pub(super) fn run(args: &VerifyArgs, output: Output, now: i64) -> Result<Exit, Failure> {
    let trust = TrustSet::parse_map(&read(&args.keys, "could not read the file of --keys")?)
        .or_exit(Exit::Usage, "cannot use the file of --keys")?;
    let bytes = read(&args.token, "could not read the file of --token")?;
    // What is no UTF-8 is no token: its parts are ASCII. The replacement keeps it malformed.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text.trim() != text {
        eprintln!("tenantry: the file of --token has white space around the token; a token has none");
    }
    let audience = args.tenant.as_ref().map_or(Audience::NotChecked, Audience::Tenant);
    let terms = Terms { now: args.at.unwrap_or(now), audience };
    let found = UncheckedToken::new(text).verify(&trust, &Verifier::new(0), terms);
    let answer = answer(&found, args.tenant.is_some());
    match output {
        Output::Json => print_json(&answer),
        Output::Text => print(&sentence(&found, &answer)),
    }
    Ok(if answer.valid { Exit::Ok } else { Exit::No })
}

fn answer(found: &Result<VerifiedLicense, VerifyFailure>, checked: bool) -> Answer<'_> {
    let license = found.as_ref().ok();
    Answer {
        valid: license.is_some(),
        reason: found.as_ref().err().map(|failure| failure.as_str()),
        claims: license.map(|license| Claims {
            iss: ISSUER,
            sub: license.subject(),
            cust: license.customer(),
            tier: license.tier().as_str(),
            seats: license.seats(),
            aud: license.audience(),
            iat: license.issued_at(),
            exp: license.expires_at(),
        }),
        audience: if checked { "checked" } else { "not_checked" },
    }
}

fn sentence(found: &Result<VerifiedLicense, VerifyFailure>, answer: &Answer<'_>) -> String {
    let license = match found {
        Err(failure) => return format!("not valid: {failure}"),
        Ok(license) => license,
    };
    let seats = license.seats().map_or_else(|| "unlimited seats".to_owned(), |seats| format!("{seats} seats"));
    let end = if license.is_perpetual() {
        "without an end".to_owned()
    } else {
        format!("until {}", model::time::iso8601(license.expires_at().saturating_mul(1_000)))
    };
    format!(
        "valid: {} with {seats}, {end}\n  customer  {}\n  subject   {}\n  tenant    {} ({})\n  key       {}",
        license.tier(),
        license.customer(),
        license.subject(),
        license.audience().unwrap_or("none"),
        answer.audience.replace('_', " "),
        license.kid(),
    )
}
