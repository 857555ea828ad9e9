//! `watch`: the life of a domain as it happens.

use super::{Whose, context};
use crate::cli::{Output, print, print_json};
use crate::commands::timeline::{self, End};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use serde_json::json;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// The nine statuses, and the word for a row that is not there.
const WORDS: [&str; 10] = [
    "pending_dns",
    "verifying_dns",
    "dns_failed",
    "pending_certificate",
    "certificate_issuing",
    "certificate_failed",
    "deploying",
    "active",
    "disabled",
    timeline::GONE,
];

/// `tenantry domain watch`.
pub(super) async fn run(
    source: &Source,
    whose: Whose,
    until: Option<String>,
    timeout: Option<Duration>,
    output: Output,
) -> Result<Exit, Failure> {
    let domains = Box::pin(context::Domains::connect(source)).await?;
    self::until(&domains, whose, until, timeout, output).await
}

/// Follows a domain until a status; shared with the commands that wait.
pub(super) async fn until(
    domains: &context::Domains,
    whose: Whose,
    until: Option<String>,
    timeout: Option<Duration>,
    output: Output,
) -> Result<Exit, Failure> {
    if let Some(word) = &until
        && !WORDS.contains(&word.as_str())
    {
        return Err(Failure::new(Exit::Usage, format!("no status is called {word}; there are {}", WORDS.join(", "))));
    }
    let awaits_end = until.as_deref() == Some(timeline::GONE);
    if !awaits_end {
        domains.required_row(whose).await?;
    }
    let tell = |change: &timeline::Change| match output {
        Output::Text => print(&timeline::line(change)),
        Output::Json => {
            let _ = writeln!(std::io::stderr().lock(), "{}", timeline::line(change));
        }
    };
    let look = || domains.look(whose);
    let (timeline, end) = timeline::follow(Instant::now(), until.as_deref(), timeout, look, tell).await?;
    if output == Output::Json {
        print_json(&json!({
            "status": timeline.last().status, "stages": timeline.stages(), "changes": timeline.changes,
            "reached": end == End::Reached,
        }));
    }
    Ok(match end {
        End::Reached => Exit::Ok,
        End::Gone | End::TimedOut => Exit::No,
    })
}
