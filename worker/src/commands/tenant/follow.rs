//! Following a creation: one line per change, until it ends or waits for somebody.

use super::Which;
use crate::cli::{Output, print, print_json};
use crate::clients::tenant_runs::{Ended, TenantRuns};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use proto::v1::TenantCreationStatus;
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// How long the end is waited for between two looks.
const END_WAIT: Duration = Duration::from_millis(50);

/// How following ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Followed {
    /// With the result.
    Completed(Value),
    /// With a failure.
    Failed {
        /// Type of the failure.
        kind: String,
        /// What failed.
        text: String,
        /// What is needed to act on it.
        details: Option<Value>,
    },
    /// It waits for somebody's decision.
    Waiting(Box<TenantCreationStatus>),
    /// Time is up.
    TimedOut,
}

/// A change that was seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// Seconds since the start.
    pub(crate) seconds: f64,
    /// Where the creation stands.
    pub(crate) state: TenantCreationStatus,
}

/// The line of a change.
pub(crate) fn line(seen: &Seen) -> String {
    let state = &seen.state;
    let waiting = state.waiting_for.as_deref().map(|what| format!("  waits for {what}")).unwrap_or_default();
    let attempt = state.attempt.filter(|attempt| *attempt > 1).map(|n| format!("  try {n}")).unwrap_or_default();
    format!(
        "{:>7.1} s  {:>3} %  {:<28}{attempt}{waiting}",
        seen.seconds,
        state.progress.unwrap_or(0),
        state.step.as_deref().unwrap_or_default()
    )
}

/// Looks until the run ends, waits for somebody, or time is up.
///
/// # Errors
/// `NotFound`, `Unreachable`.
pub(crate) async fn follow(
    runs: &TenantRuns,
    id: &str,
    timeout: Option<Duration>,
    mut tell: impl FnMut(&Seen),
) -> Result<Followed, Failure> {
    let began = Instant::now();
    let mut last: Option<TenantCreationStatus> = None;
    loop {
        let ended = runs.end(id, END_WAIT).await?;
        if let Some(state) = runs.state(id).await? {
            let same =
                last.as_ref().is_some_and(|last| last.step == state.step && last.waiting_for == state.waiting_for);
            if !same {
                tell(&Seen { seconds: began.elapsed().as_secs_f64(), state: state.clone() });
            }
            let waits = state.repair.is_some() && ended.is_none();
            last = Some(state);
            if waits {
                return Ok(Followed::Waiting(Box::new(last.unwrap_or_default())));
            }
        }
        match ended {
            Some(Ended::Completed(value)) => return Ok(Followed::Completed(value)),
            Some(Ended::Failed { kind, text, details }) => return Ok(Followed::Failed { kind, text, details }),
            None => {}
        }
        if timeout.is_some_and(|timeout| began.elapsed() >= timeout) {
            return Ok(Followed::TimedOut);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What a creation that did not complete means for a script, and what a person does next.
pub(crate) fn not_completed(id: &str, followed: &Followed) -> Failure {
    match followed {
        Followed::Completed(_) => Failure::new(Exit::Ok, "completed"),
        Followed::Failed { kind, text, details } => {
            let details = details.as_ref().map(|details| format!(" {details}")).unwrap_or_default();
            let exit = match kind.as_str() {
                "ValidationError" => Exit::Usage,
                "DuplicateError" | "IdempotencyConflict" => Exit::Refused,
                "TenantNotFoundError" => Exit::NotFound,
                _ => Exit::No,
            };
            Failure::new(exit, format!("{id} failed with {kind}: {text}{details}"))
        }
        Followed::Waiting(state) => {
            let step = state.step.as_deref().unwrap_or_default();
            let reason = state.repair.as_ref().and_then(|repair| repair.reason.clone()).unwrap_or_default();
            Failure::new(
                Exit::No,
                format!(
                    "{id} waits for a repair of {step} ({reason}); mend the cause, then `tenantry tenant repair \
                     --workflow-id {id} --action retry --by <you> --note <why>`"
                ),
            )
        }
        Followed::TimedOut => Failure::new(
            Exit::No,
            format!("{id} goes on, but time is up; follow it with `tenantry tenant watch --workflow-id {id}`"),
        ),
    }
}

/// `tenant watch`.
pub(super) async fn watch(
    source: &Source,
    which: &Which,
    timeout: Option<Duration>,
    output: Output,
) -> Result<Exit, Failure> {
    let id = super::workflow_id(source, which).await?;
    let runs = super::runs(source).await?;
    let followed = follow(&runs, &id, timeout, |seen| {
        let _ = match output {
            Output::Text => writeln!(std::io::stderr().lock(), "{}", line(seen)),
            // One line per change, so that a program can read along.
            Output::Json => {
                writeln!(std::io::stdout().lock(), "{}", json!({ "seconds": seen.seconds, "state": seen.state }))
            }
        };
    })
    .await?;
    match &followed {
        Followed::Completed(result) => {
            match output {
                Output::Text => print(&super::create::text(&id, result)),
                Output::Json => print_json(&json!({ "workflowId": id, "result": result })),
            }
            Ok(Exit::Ok)
        }
        other @ (Followed::Failed { .. } | Followed::Waiting(_) | Followed::TimedOut) => Err(not_completed(&id, other)),
    }
}
