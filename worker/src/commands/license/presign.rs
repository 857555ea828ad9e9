//! `license presign`: a download of the appliance's image.

use super::time;
use crate::cli::{Output, print, print_json};
use crate::config::{Reader, Source};
use crate::exit::{Exit, Failure, OrExit as _};
use clap::Args;
use license::object_store::ObjectStore;
use license::presign::LIFE_MAX_SECONDS;
use secrecy::SecretString;
use serde_json::json;
use std::time::{Duration, SystemTime};

/// Arguments of `license presign`.
#[derive(Debug, Args)]
pub(super) struct PresignArgs {
    /// When the link begins to hold; now when left out. RFC 3339, or unix seconds.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<i64>,
    /// How long it holds, in seconds; seven days at most.
    #[arg(long, value_name = "SECONDS", default_value_t = LIFE_MAX_SECONDS,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(LIFE_MAX_SECONDS)))]
    expires: u32,
}

/// Runs the command. Without settings there is no link, and a script must not take an empty line for one.
pub(super) fn run(args: &PresignArgs, output: Output, source: &Source, now: i64) -> Result<Exit, Failure> {
    let mut reader = Reader::new(source);
    let store = ObjectStore::from_settings(|name| match name {
        "OBJECT_STORE_SECRET_KEY" => reader.secret(name).map(|secret| SecretString::from(secret.expose())),
        other => source.value(other).map(SecretString::from),
    });
    reader.finish(()).map_err(|problems| Failure::of(Exit::No, problems))?;
    let store = store.or_exit(Exit::No, "the settings of the object store are not valid")?;
    let seconds = u64::try_from(args.at.unwrap_or(now)).or_exit(Exit::Usage, "--at must be 1970 or later")?;
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    let at = at.filter(|_| seconds < YEAR_10000).ok_or_else(|| Failure::new(Exit::Usage, "--at is too far ahead"))?;
    let none = || {
        Failure::new(
            Exit::No,
            "no object store is configured (OBJECT_STORE_ENDPOINT and so on): downloads have no link",
        )
    };
    let link = store.ok_or_else(none)?.link(i64::from(args.expires), at.into());
    match output {
        Output::Json => print_json(&json!({ "download_url": link })),
        Output::Text => print(&link),
    }
    Ok(Exit::Ok)
}

/// The first instant, in unix seconds, whose year has five digits, which the scheme does not know.
const YEAR_10000: u64 = 253_402_300_800;
