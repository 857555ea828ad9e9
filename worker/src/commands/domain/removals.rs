//! `removals`: whether removals are held, and letting them go on.

use super::{context, text};
use crate::cli::{Output, print, print_json};
use crate::clients::database;
use crate::config::{Role, Source};
use crate::exit::{Exit, Failure};
use clap::Args;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};
use store::RemovalHold;

/// Holds that are shown.
const SHOWN: u32 = 10;
/// Longest name and note, in characters.
const TEXT_MAX: usize = 500;

/// Arguments of `removals`.
#[derive(Debug, Args)]
pub(super) struct RemovalsArgs {
    /// Lets removals go on; the rows that vanished until now are then removed like any other.
    #[arg(long, requires = "by", requires = "note")]
    release: bool,
    /// Who decides.
    #[arg(long, value_name = "NAME", requires = "release", value_parser = said)]
    by: Option<String>,
    /// Why it is right that the rows are gone.
    #[arg(long, value_name = "TEXT", requires = "release", value_parser = said)]
    note: Option<String>,
}

fn said(value: &str) -> Result<String, String> {
    let value = value.trim();
    match value.chars().count() {
        0 => Err("it is empty; say something that helps who reads it next year".to_owned()),
        n if n > TEXT_MAX => Err(format!("it has {n} characters; at most {TEXT_MAX}")),
        _ => Ok(value.to_owned()),
    }
}

/// `tenantry domain removals`. Code 1 while removals are held.
pub(super) async fn run(source: &Source, args: RemovalsArgs, output: Output) -> Result<Exit, Failure> {
    let settings = context::settings(source, &[Role::Worker])?;
    let pool = database::pool(&settings.database, Role::Worker).await?;
    let unreachable = |error| Failure::of(Exit::Unreachable, error);
    if let (true, Some(by), Some(note)) = (args.release, &args.by, &args.note) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let now_ms = i64::try_from(now).unwrap_or(i64::MAX);
        if !store::release_removals(&pool, by, note, now_ms).await.map_err(unreachable)? {
            return Err(Failure::new(Exit::NotFound, "removals are not held; there is nothing to release"));
        }
    }
    let holds = store::removal_holds(&pool, SHOWN).await.map_err(unreachable)?;
    let held = holds.iter().any(|hold| hold.released_us < 0);
    match output {
        Output::Text => print(&table(&holds, held)),
        Output::Json => print_json(&json!({"held": held, "holds": holds})),
    }
    Ok(if held { Exit::No } else { Exit::Ok })
}

fn table(holds: &[RemovalHold], held: bool) -> String {
    let mut lines = String::from(if held {
        "removals are HELD: find out why rows vanished, then `tenantry domain removals --release --by NAME --note WHY`\n"
    } else {
        "removals run\n"
    });
    for hold in holds {
        lines.push_str(&format!(
            "  {}  {} rows vanished within an hour, {} claims were open",
            text::instant_us(hold.began_us),
            hold.vanished,
            hold.fleet
        ));
        if hold.released_us >= 0 {
            let at = text::instant_us(hold.released_us);
            lines.push_str(&format!("; released {at} by {}: {}", hold.released_by, hold.note));
        }
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_to_do_and_who_did() {
        let open = RemovalHold {
            began_us: 1_764_100_800_000_000,
            vanished: 11,
            fleet: 501,
            released_us: -1,
            released_by: String::new(),
            note: String::new(),
        };
        let text = table(std::slice::from_ref(&open), true);
        assert!(text.contains("--release") && text.contains("11 rows vanished"), "{text}");
        let released =
            RemovalHold { released_us: 1, released_by: "op".to_owned(), note: "restored".to_owned(), ..open };
        assert!(table(&[released], false).contains("by op: restored"));
        assert_eq!(table(&[], false), "removals run\n");
    }

    #[test]
    fn names_and_notes_are_said_and_bounded() {
        assert!(said("  ").is_err() && said(&"x".repeat(501)).is_err());
        assert_eq!(said(" a b ").as_deref(), Ok("a b"));
    }
}
