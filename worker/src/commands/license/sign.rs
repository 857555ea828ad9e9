//! `license sign`: a licence without the service, for installations that cannot check in.

use super::input::{read, unusable};
use crate::cli::{Output, print_json};
use crate::exit::{Exit, Failure, OrExit as _};
use clap::Args;
use credentials::KeyId;
use license::signer::sign_license;
use license::signer_file::FileSigner;
use model::license::claims::{ISSUER, LicenseClaims, TenantId};
use model::license::edition::{Tier, Transport};
use serde::Deserialize;
use serde_json::json;
use std::io::{IsTerminal as _, Write as _};
use std::num::NonZeroU64;
use std::path::PathBuf;

/// Arguments of `license sign`.
#[derive(Debug, Args)]
pub(super) struct SignArgs {
    /// The private key: P-256 in PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Id of the key, under which its public key is published.
    #[arg(long, value_name = "KID", value_parser = kid)]
    kid: KeyId,
    /// What the licence says, as JSON.
    #[arg(long, value_name = "FILE")]
    claims: PathBuf,
}

/// A key id of the command line.
pub(super) fn kid(text: &str) -> Result<KeyId, &'static str> {
    KeyId::parse(text).ok_or("must be 1 to 32 of A-Z a-z 0-9 . _ -")
}

/// The file of claims. A member that is not known is refused: a misspelt `seats` would sell an unlimited licence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimsFile {
    iss: Option<String>,
    sub: String,
    cust: String,
    tier: String,
    seats: Option<NonZeroU64>,
    aud: TenantId,
    iat: Option<i64>,
    exp: Option<i64>,
    transport: Option<String>,
}

/// Runs the command.
pub(super) async fn run(args: &SignArgs, output: Output, now: i64) -> Result<Exit, Failure> {
    let claims = claims(&read(&args.claims, "could not read the file of --claims")?, now)?;
    let signer = FileSigner::read(&args.key, args.kid.clone());
    let signer = signer.map_err(|error| unusable(error, "cannot use the file of --key"))?;
    let token = sign_license(&signer, &claims).await.or_exit(Exit::Usage, "cannot sign what --claims says")?;
    match output {
        Output::Json => print_json(
            &json!({"jwt": token.expose(), "exp": claims.expires_at, "sub": claims.subject, "kid": args.kid.as_str()}),
        ),
        Output::Text => print_token(token.expose()),
    }
    Ok(Exit::Ok)
}

/// Prints the token alone; a file that it is written to holds exactly its bytes.
pub(super) fn print_token(token: &str) {
    let mut out = std::io::stdout().lock();
    let end = if out.is_terminal() { "\n" } else { "" };
    let _ = write!(out, "{token}{end}");
    let _ = out.flush();
}

/// Reads the file of claims. Its values do not enter the error: they name a customer.
fn claims(json: &[u8], now: i64) -> Result<LicenseClaims, Failure> {
    let wrong = |what: &str| Failure::new(Exit::Usage, format!("cannot use the file of --claims: {what}"));
    let file: ClaimsFile = serde_json::from_slice(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        wrong(&format!(
            "line {line}, column {column}: it must be one JSON object of sub, cust, tier, aud (a UUID), and if wanted seats, \
             iat, exp, transport, iss"
        ))
    })?;
    if file.iss.is_some_and(|issuer| issuer != ISSUER) {
        return Err(wrong(&format!("iss can only be {ISSUER}")));
    }
    let tier = Tier::parse(&file.tier).ok_or_else(|| wrong("tier must be pro"))?;
    let transport = file
        .transport
        .as_deref()
        .map(|word| Transport::parse(word).ok_or_else(|| wrong("transport must be connected or airgap")));
    let issued_at = file.iat.unwrap_or(now);
    let expires_at = match (file.exp, transport.transpose()?) {
        (Some(exp), None) => exp,
        (None, Some(transport)) => LicenseClaims::expiry(transport, issued_at),
        (Some(_), Some(_)) | (None, None) => return Err(wrong("it needs exactly one of exp and transport")),
    };
    Ok(LicenseClaims {
        subject: file.sub,
        customer: file.cust,
        tier,
        seats: file.seats,
        tenant: file.aud,
        issued_at,
        expires_at,
    })
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
