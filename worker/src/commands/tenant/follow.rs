//! Following a creation: one line per change, until it ends or waits for somebody.

use super::Which;
use super::problem::{Problem, exit_of};
use crate::cli::{Output, print, print_json};
use crate::clients::tenant_runs::{Ended, TenantRuns};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use model::tenant::repair::CANCELLED;
use proto::v1::TenantCreationStatus;
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// How long the end is waited for between two looks.
const END_WAIT: Duration = Duration::from_millis(50);

/// What a run waits for that no worker answers for.
const NO_WORKER: &str = "a worker: none answers; is one running for this queue, and with the keys of the payloads?";

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
/// A run that no worker answers for is told once, as one that waits for a worker.
///
/// # Errors
/// `NotFound`, `Unreachable`; the latter also when time is up and no worker answers.
pub(crate) async fn follow(
    runs: &TenantRuns,
    id: &str,
    timeout: Option<Duration>,
    mut tell: impl FnMut(&Seen),
) -> Result<Followed, Failure> {
    runs.creation(id).await?;
    let began = Instant::now();
    let mut last: Option<TenantCreationStatus> = None;
    let mut silent = false;
    loop {
        let ended = runs.end(id, END_WAIT).await?;
        let state = runs.state(id).await?;
        let was_silent = std::mem::replace(&mut silent, state.is_none() && ended.is_none());
        if silent && !was_silent {
            let state = unanswered(last.as_ref());
            tell(&Seen { seconds: began.elapsed().as_secs_f64(), state: state.clone() });
            last = Some(state);
        }
        if let Some(state) = state {
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
            Some(Ended::Completed(value)) => return completed(id, value),
            Some(Ended::Failed { kind, text, details }) => return Ok(Followed::Failed { kind, text, details }),
            None => {}
        }
        if timeout.is_some_and(|timeout| began.elapsed() >= timeout) {
            return if silent { Err(no_worker(id)) } else { Ok(Followed::TimedOut) };
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A result names the tenant and its administrator; another one is no creation's.
fn completed(id: &str, result: Value) -> Result<Followed, Failure> {
    let missing =
        ["tenantId", "adminUserId"].into_iter().find(|field| result[*field].as_str().is_none_or(str::is_empty));
    match missing {
        None => Ok(Followed::Completed(result)),
        Some(field) => Err(Failure::new(
            Exit::Internal,
            format!("{id} completed, but its result has no {field}: this build cannot read it"),
        )),
    }
}

/// What is shown of a run that no worker answers for: what was last seen, and that.
fn unanswered(last: Option<&TenantCreationStatus>) -> TenantCreationStatus {
    TenantCreationStatus { waiting_for: Some(NO_WORKER.to_owned()), ..last.cloned().unwrap_or_default() }
}

/// The run is there, and nobody works on it.
pub(super) fn no_worker(id: &str) -> Failure {
    let text = format!(
        "the run {id} is there, but no worker answers for it; look at the workers of its queue, then `tenantry tenant watch \
         --workflow-id {id}`"
    );
    Problem::new("NO_WORKER", text).with("workflowId", Some(id)).exit(Exit::Unreachable)
}

/// What a creation that did not complete means for a script, and what a person does next.
pub(crate) fn not_completed(id: &str, followed: &Followed) -> Failure {
    match followed {
        Followed::Completed(_) => Failure::new(Exit::Ok, "completed"),
        Followed::Failed { kind, text, details } => {
            let shown = details.as_ref().map(|details| format!(" {details}")).unwrap_or_default();
            // Those of a ValidationError are the faults.
            let name = if details.as_ref().is_some_and(Value::is_array) { "faults" } else { "details" };
            Problem::new(kind, format!("{id} failed with {kind}: {text}{shown}"))
                .with("workflowId", Some(id))
                .with(name, details.clone())
                .exit(exit_of(kind))
        }
        Followed::Waiting(state) => {
            let step = state.step.as_deref().unwrap_or_default();
            let repair = state.repair.clone().unwrap_or_default();
            let (reason, message) = (repair.reason.unwrap_or_default(), repair.message.unwrap_or_default());
            let because = if message.is_empty() { String::new() } else { format!(": {message}") };
            let remedy = match reason == CANCELLED {
                true => "decide with `tenantry tenant repair --action abandon",
                false => "mend the cause, then `tenantry tenant repair --action retry",
            };
            let text = format!(
                "{id} waits for a repair of {step} ({reason}){because}\n  {remedy} --workflow-id {id} --by <you> --note <why>`"
            );
            Problem::new("REPAIR", text)
                .with("workflowId", Some(id))
                .with("step", Some(step))
                .with("reason", Some(reason))
                .with("because", Some(message))
                .exit(Exit::No)
        }
        Followed::TimedOut => {
            let text =
                format!("{id} goes on, but time is up; follow it with `tenantry tenant watch --workflow-id {id}`");
            Problem::new("TIME_IS_UP", text).with("workflowId", Some(id)).exit(Exit::No)
        }
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
        match output {
            Output::Text => drop(writeln!(std::io::stderr().lock(), "{}", line(seen))),
            // One line per change, so that a program can read along.
            Output::Json => print(&json!({ "seconds": seen.seconds, "state": seen.state }).to_string()),
        }
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

#[cfg(test)]
mod tests {
    use super::super::problem::document;
    use super::*;
    use proto::v1::RepairState;

    fn waiting(reason: &str, message: &str) -> Followed {
        let repair = RepairState {
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()).filter(|message| !message.is_empty()),
            ..RepairState::default()
        };
        let step = Some("creating_admin_user".to_owned());
        Followed::Waiting(Box::new(TenantCreationStatus {
            step,
            repair: Some(repair),
            ..TenantCreationStatus::default()
        }))
    }

    #[test]
    fn a_result_without_a_tenant_is_no_success() {
        let result = serde_json::json!({ "tenantId": "t", "adminUserId": "u" });
        assert_eq!(completed("run", result.clone()).expect("one"), Followed::Completed(result));
        for odd in [
            Value::Null,
            serde_json::json!({ "tenantId": "t" }),
            serde_json::json!({ "tenantId": "", "adminUserId": "u" }),
        ] {
            assert_eq!(completed("run", odd).expect_err("none").exit, Exit::Internal);
        }
    }

    #[test]
    fn a_wait_says_what_failed_and_what_to_do() {
        let mount = "adminUser.passwordRef: names no mounted secret; mount it, then retry";
        let failure = not_completed("run", &waiting("ConfigurationError", mount));
        let text = failure.to_string();
        assert!(text.contains(&format!("creating_admin_user (ConfigurationError): {mount}\n")), "{text}");
        assert!(text.contains("repair --action retry --workflow-id run"), "{text}");
        let document = document(&failure);
        assert_eq!(
            (document["error"]["code"].as_str(), document["error"]["because"].as_str()),
            (Some("REPAIR"), Some(mount))
        );
        // A cancelled one can only be abandoned, and a worker of an earlier build gives no message.
        let text = not_completed("run", &waiting("cancelled", "")).to_string();
        assert!(text.contains("(cancelled)\n") && text.contains("--action abandon"), "{text}");
    }

    #[test]
    fn a_failure_keeps_its_type_and_details_for_programs() {
        let details = Some(serde_json::json!({ "existingTenantId": "t" }));
        let failed = |kind: &str, details| Followed::Failed { kind: kind.to_owned(), text: "why".to_owned(), details };
        let error = document(&not_completed("run", &failed("DuplicateError", details)))["error"].clone();
        assert_eq!((error["code"].as_str(), error["exit"].as_u64()), (Some("DuplicateError"), Some(5)));
        assert_eq!(error["details"]["existingTenantId"], "t");
        let faults = Some(serde_json::json!([{ "field": "plan", "code": "UNKNOWN_WORD" }]));
        let error = document(&not_completed("run", &failed("ValidationError", faults)))["error"].clone();
        assert_eq!((error["faults"][0]["field"].as_str(), error["exit"].as_u64()), (Some("plan"), Some(2)));
    }

    #[test]
    fn a_run_without_a_worker_is_shown_as_one_that_waits_for_it() {
        let line = line(&Seen { seconds: 5.1, state: unanswered(None) });
        assert!(line.contains("waits for a worker: none answers"), "{line}");
        let last = TenantCreationStatus { step: Some("creating_tenant".to_owned()), ..TenantCreationStatus::default() };
        assert_eq!(unanswered(Some(&last)).step, last.step);
        assert_eq!(no_worker("run").exit, Exit::Unreachable);
    }
}
