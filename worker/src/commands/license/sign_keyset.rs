//! `license sign-keyset`: the statement of licence keys that a rotation publishes, signed offline with a root key.

use super::input::{read, unusable};
use super::sign::{kid, print_token};
use super::time;
use crate::cli::{Output, print_json};
use crate::exit::{Exit, Failure, OrExit as _};
use clap::Args;
use credentials::KeyId;
use license::built_in::{TEST_KEYS, built_in};
use license::signer::{LicenseSigner as _, sign_keyset};
use license::signer_file::FileSigner;
use license::verifier::Verifier;
use model::license::keyset::{Keyset, KeysetClaims, RootKeys, Source};
use model::license::token_keys::{PublicKey, TestKeys, TrustSet, TrustedKey};
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `license sign-keyset`.
#[derive(Debug, Args)]
pub(super) struct SignKeysetArgs {
    /// The private root key: P-256 in PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Id of the root key, under which builds carry its public key.
    #[arg(long, value_name = "KID", value_parser = kid)]
    kid: KeyId,
    /// The keys that it states, as a JSON list.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Version of the statement: one more than that of the statement before.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64))]
    version: u64,
    /// Until when the statement may be delivered. RFC 3339, or unix seconds.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: i64,
}

/// A key in the file, as the statement holds it. A member that is not known is refused: a misspelt `revoked` would leave a
/// stolen key in force.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatedKey {
    kid: String,
    spki: String,
    not_before: Option<i64>,
    not_after: Option<i64>,
    #[serde(default)]
    revoked: bool,
}

/// Runs the command. What is printed has been verified as an appliance does it.
pub(super) async fn run(args: &SignKeysetArgs, output: Output, now: i64) -> Result<Exit, Failure> {
    let keys = keys(&read(&args.keys, "could not read the file of --keys")?)?;
    if args.until <= now {
        return Err(Failure::new(Exit::Usage, "--until: must be in the future"));
    }
    let claims = KeysetClaims { version: args.version, issued_at: now, expires_at: args.until, keys };
    let signer = FileSigner::read(&args.key, args.kid.clone());
    let signer = signer.map_err(|error| unusable(error, "cannot use the file of --key"))?;
    let statement = sign_keyset(&signer, &claims).await.or_exit(Exit::Usage, "cannot sign what --keys says")?;
    let known = built_in(TEST_KEYS);
    let root = || [(args.kid.to_string(), TrustedKey::always(signer.public_key()))];
    Keyset::verify(
        &statement,
        &RootKeys::new(TrustSet::new(root(), TestKeys::Accepted)),
        &Verifier::new(0),
        Source::Delivered,
        now,
    )
    .and_then(|keyset| keyset.adopt(args.version - 1, &known))
    .or_exit(Exit::Usage, "no appliance would take this statement")?;
    let carried = known.roots.keys().entry(args.kid.as_str()).is_some_and(|root| root.key == signer.public_key());
    if !carried {
        eprintln!("tenantry: this build does not carry the root key {}: its appliances refuse the statement", args.kid);
    }
    match output {
        Output::Json => print_json(&json!({ "keyset": statement, "version": args.version, "exp": args.until })),
        Output::Text => print_token(&statement),
    }
    Ok(Exit::Ok)
}

/// Reads the list of keys.
fn keys(json: &[u8]) -> Result<Vec<(String, TrustedKey)>, Failure> {
    let wrong = |what: &str| Failure::new(Exit::Usage, format!("cannot use the file of --keys: {what}"));
    let keys: Vec<StatedKey> = serde_json::from_slice(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        wrong(&format!(
            "line {line}, column {column}: it must be a JSON list of objects of kid and spki, and if wanted not_before, \
             not_after (unix seconds) and revoked"
        ))
    })?;
    keys.into_iter()
        .map(|stated| {
            let key =
                PublicKey::parse(&stated.spki).map_err(|error| wrong(&format!("the key {}: {error}", stated.kid)))?;
            let StatedKey { kid, not_before, not_after, revoked, .. } = stated;
            Ok((kid, TrustedKey { key, not_before, not_after, revoked }))
        })
        .collect()
}

#[cfg(test)]
#[path = "sign_keyset_tests.rs"]
mod tests;
