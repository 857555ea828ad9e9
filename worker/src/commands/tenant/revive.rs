//! A creation whose run has ended while its record is still open: who is asked, or what is started again.
//!
//! The database cannot see that a run has ended, for example because somebody terminated it; Temporal can. So the command that
//! decides about a repair looks first.

use crate::clients::tenant_again::Described;
use crate::clients::tenant_runs::TenantRuns;
use crate::exit::{Exit, Failure};
use model::tenant::names::repair_workflow_id;
use model::tenant::repair::Action;
use proto::v1::RecordCreationRequest;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use store::tenant::{CreationSummary, TenantStore};

/// Longest wait until a run that was started again waits for the decision.
const WAITS_WITHIN: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// What becomes of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// This run is open and takes it.
    Ask(String),
    /// This run, which waits from its beginning, is started again and then takes it.
    Waken(String),
    /// This run is started again: it goes on with what was committed.
    Rerun(String),
    /// No run can take it: the record alone says so.
    Record,
}

/// Chooses by what Temporal knows of the recorded run, and of the successor that a run of this tenant would hand over to.
pub(super) fn next(
    action: Action,
    recorded: (&str, Option<&Described>),
    successor: (&str, Option<&Described>),
) -> Next {
    let is_open = |run: Option<&Described>| run.is_some_and(|run| run.open);
    if is_open(recorded.1) {
        return Next::Ask(recorded.0.to_owned());
    }
    // It may not have noted yet that it waits.
    if is_open(successor.1) {
        return Next::Ask(successor.0.to_owned());
    }
    if successor.1.is_some_and(Described::is_repair) {
        return Next::Waken(successor.0.to_owned());
    }
    match (recorded.1, action) {
        (Some(run), _) if run.is_repair() => Next::Waken(recorded.0.to_owned()),
        (Some(_), Action::Retry) => Next::Rerun(recorded.0.to_owned()),
        (Some(_), Action::Abandon) | (None, Action::Retry | Action::Abandon) => Next::Record,
    }
}

/// Looks, for a creation that somebody decides about.
pub(super) async fn look(runs: &TenantRuns, creation: &CreationSummary, action: Action) -> Result<Next, Failure> {
    let recorded = runs.described(&creation.workflow_id).await?;
    let id = repair_workflow_id(&creation.tenant_id.to_string());
    let successor = if id == creation.workflow_id { None } else { runs.described(&id).await? };
    Ok(next(action, (&creation.workflow_id, recorded.as_ref()), (&id, successor.as_ref())))
}

/// Starts a run again that waits from its beginning, and waits until it does.
pub(super) async fn waken(runs: &TenantRuns, id: &str) -> Result<(), Failure> {
    runs.start_again(id).await?;
    let began = Instant::now();
    while began.elapsed() < WAITS_WITHIN {
        if runs.state(id).await?.is_some_and(|state| state.repair.is_some()) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(Failure::new(
        Exit::Unreachable,
        format!("{id} was started again, but no worker answers for it yet; decide again when one does"),
    ))
}

/// Writes a decision that no run can take into the creation's record.
pub(super) async fn record(
    store: &TenantStore,
    creation: &CreationSummary,
    action: Action,
    by: &str,
    note: &str,
) -> Result<(), Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let state = match action {
        Action::Retry => "open",
        Action::Abandon => "abandoned",
    };
    let request = RecordCreationRequest {
        origin_id: creation.origin_id.clone(),
        now_ms: i64::try_from(now).unwrap_or(i64::MAX),
        tenant_id: creation.tenant_id.to_string(),
        state: state.to_owned(),
        workflow_id: creation.workflow_id.clone(),
        step: creation.step.clone(),
        reason: creation.reason.clone(),
        by: by.trim().to_owned(),
        note: note.trim().to_owned(),
        ..RecordCreationRequest::default()
    };
    store.record(&request).await.map_err(|error| Failure::of(Exit::Unreachable, error))
}

/// What a person does about a creation whose recorded run has ended; `None` where it is over.
pub(super) async fn advice(runs: &TenantRuns, creation: &CreationSummary) -> Result<Option<String>, Failure> {
    if !matches!(creation.state.as_str(), "repair" | "open") {
        return Ok(None);
    }
    Ok(Some(remedy(creation, &look(runs, creation, Action::Retry).await?)))
}

fn remedy(creation: &CreationSummary, next: &Next) -> String {
    let command =
        format!("`tenantry tenant repair --tenant {} --action retry --by <you> --note <why>`", creation.tenant_id);
    match next {
        Next::Ask(id) => format!("another run goes on with it: `tenantry tenant status --workflow-id {id}`"),
        Next::Waken(_) | Next::Rerun(_) => {
            format!("the run has ended, and nobody goes on with the creation; {command} starts it again")
        }
        Next::Record => {
            format!("Temporal no longer knows the run, and nobody goes on with the creation; {command} says what to do")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::names::{TENANT_CREATION_WORKFLOW, TENANT_REPAIR_WORKFLOW};

    fn run(kind: &str, open: bool) -> Option<Described> {
        Some(Described { kind: kind.to_owned(), open })
    }

    #[test]
    fn a_status_says_who_goes_on_or_which_command_does() {
        let tenant_id = uuid::Uuid::nil();
        let text = String::new;
        let creation = CreationSummary {
            tenant_id,
            tenant_name: text(),
            product_code: text(),
            state: "repair".to_owned(),
            origin_id: text(),
            workflow_id: text(),
            step: text(),
            reason: text(),
            message: text(),
            opened_ms: 0,
            changed_ms: 0,
        };
        assert!(remedy(&creation, &Next::Ask("s".to_owned())).ends_with("`tenantry tenant status --workflow-id s`"));
        let command = format!("`tenantry tenant repair --tenant {tenant_id} --action retry");
        for next in [Next::Waken("s".to_owned()), Next::Rerun("r".to_owned()), Next::Record] {
            assert!(remedy(&creation, &next).contains(&command), "{next:?}");
        }
    }

    #[test]
    fn a_decision_goes_to_whoever_can_take_it() {
        let (creation, repair) = (TENANT_CREATION_WORKFLOW, TENANT_REPAIR_WORKFLOW);
        let ask = |id: &str| Next::Ask(id.to_owned());
        let (waken, rerun) = (Next::Waken("s".to_owned()), Next::Rerun("r".to_owned()));
        for (recorded, successor, on_retry, on_abandon) in [
            (run(creation, true), None, ask("r"), ask("r")),
            (run(repair, true), None, ask("r"), ask("r")),
            // It handed over, and the successor's note is on its way.
            (run(creation, false), run(repair, true), ask("s"), ask("s")),
            (run(creation, false), run(repair, false), waken.clone(), waken.clone()),
            (None, run(repair, false), waken.clone(), waken),
            (run(repair, false), None, Next::Waken("r".to_owned()), Next::Waken("r".to_owned())),
            // It was ended before it handed over.
            (run(creation, false), None, rerun, Next::Record),
            (None, None, Next::Record, Next::Record),
        ] {
            let next = |action| next(action, ("r", recorded.as_ref()), ("s", successor.as_ref()));
            assert_eq!(
                (next(Action::Retry), next(Action::Abandon)),
                (on_retry, on_abandon),
                "{recorded:?} {successor:?}"
            );
        }
    }
}
