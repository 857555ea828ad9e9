//! `tenant repair`.

use super::Which;
use super::revive::{self, Next};
use crate::cli::{Output, print, print_json};
use crate::clients::tenant_runs::TenantRuns;
use crate::config::Source;
use crate::exit::{Exit, Failure};
use clap::Args;
use clap::builder::PossibleValuesParser;
use model::tenant::repair::{Action, parse};
use proto::v1::RepairRequest;
use serde_json::json;
use uuid::Uuid;

/// Arguments of `tenant repair`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RepairArgs {
    #[command(flatten)]
    which: Which,
    /// What to do.
    #[arg(long, value_parser = PossibleValuesParser::new(Action::ALL.iter().map(|action| action.as_str())))]
    action: String,
    /// Who decides; kept with the creation.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// Sends the decision.
pub(super) async fn run(source: &Source, args: &RepairArgs, output: Output) -> Result<Exit, Failure> {
    parse(&args.action, &args.by, &args.note).map_err(|fault| Failure::new(Exit::Usage, format!("--{fault}")))?;
    let runs = super::runs(source).await?;
    let id = match args.which.tenant {
        None => {
            let id = super::workflow_id(source, &args.which).await?;
            if !runs.creation(&id).await?.open {
                return Err(ended(&id));
            }
            id
        }
        Some(tenant) => match decided_by(source, &runs, tenant, args, output).await? {
            Some(id) => id,
            None => return Ok(Exit::Ok),
        },
    };
    let request = RepairRequest { action: args.action.clone(), by: args.by.clone(), note: args.note.clone() };
    let reply = runs.repair(&id, &request).await?;
    let accepted = reply.accepted == Some(true);
    let code = reply.code.unwrap_or_default();
    match output {
        Output::Json => print_json(&json!({ "workflowId": id, "accepted": accepted, "code": code })),
        Output::Text if accepted => {
            print(&format!("{id}: {} accepted; follow it with `tenantry tenant watch --workflow-id {id}`", args.action))
        }
        Output::Text => print(&format!("{id}: not accepted: {code} ({})", meaning(&code))),
    }
    Ok(if accepted { Exit::Ok } else { Exit::No })
}

/// The run of a tenant that takes the decision; one that has ended is started again. `None`: nobody is left to ask, it is done.
async fn decided_by(
    source: &Source,
    runs: &TenantRuns,
    tenant: Uuid,
    args: &RepairArgs,
    output: Output,
) -> Result<Option<String>, Failure> {
    let store = super::records(source).await?;
    let found = store.creation(tenant).await.map_err(|error| Failure::of(Exit::Unreachable, error))?;
    let Some(creation) = found.map(|found| found.summary) else { return Err(super::unknown(tenant)) };
    let action = Action::parse(&args.action).unwrap_or(Action::Retry);
    // Of a creation that is over there is nothing to start.
    let next = match creation.state.as_str() {
        "repair" | "open" => revive::look(runs, &creation, action).await?,
        _ => Next::Ask(creation.workflow_id.clone()),
    };
    let done = match next {
        Next::Ask(id) => return Ok(Some(id)),
        Next::Waken(id) => {
            revive::waken(runs, &id).await?;
            return Ok(Some(id));
        }
        Next::Rerun(id) => {
            runs.start_again(&id).await?;
            format!("{id} had ended; it was started again and goes on: `tenantry tenant watch --workflow-id {id}`")
        }
        Next::Record => {
            revive::record(&store, &creation, action, &args.by, &args.note).await?;
            match action {
                Action::Retry => format!(
                    "nobody waits any more, and Temporal no longer has a run to start again: the record says so now; start it with \
                     its input: `tenantry tenant create --workflow-id {} --file input.json`",
                    creation.origin_id
                ),
                Action::Abandon => format!(
                    "{} had ended; the record says now that the creation is abandoned; the shop was not told",
                    creation.workflow_id
                ),
            }
        }
    };
    match output {
        Output::Json => print_json(&json!({ "workflowId": creation.workflow_id, "accepted": true, "message": done })),
        Output::Text => print(&done),
    }
    Ok(None)
}

/// A run that was named and has ended takes no decision; which tenant's it was, the record knows.
fn ended(id: &str) -> Failure {
    Failure::new(
        Exit::NotFound,
        format!(
            "the run {id} has ended; name the tenant instead: `tenantry tenant repair --tenant <uuid>` finds the run that waits, or \
                 starts it again"
        ),
    )
}

fn meaning(code: &str) -> &'static str {
    match code {
        "NOT_WAITING" => "the run does not wait for a decision",
        "CANCELLED" => "it was cancelled, which is final: it can only be abandoned",
        "ALREADY_DECIDED" => "somebody decided a moment ago",
        _ => "see docs/runbook-tenants.md",
    }
}
