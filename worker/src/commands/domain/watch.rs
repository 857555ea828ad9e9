//! `watch`: the life of a domain as it happens.

use super::{Whose, context};
use crate::cli::{Output, print, print_json};
use crate::commands::timeline::{self, End};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use serde_json::json;
use std::io::Write as _;
use std::time::{Duration, Instant};

fn named(look: &timeline::Look) -> String {
    if look.reason.is_empty() { look.status.clone() } else { format!("{} [{}]", look.status, look.reason) }
}

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
    let last = timeline.last();
    let why = match end {
        End::Reached => return Ok(Exit::Ok),
        End::Gone => "the row is gone".to_owned(),
        End::TimedOut => format!("time is up; it is {}", named(&last)),
    };
    match until {
        Some(awaited) => Err(Failure::new(Exit::No, format!("not {awaited}: {why}; see tenantry domain explain"))),
        // Nothing was awaited: the time was all there was to see.
        None => Ok(Exit::No),
    }
}
