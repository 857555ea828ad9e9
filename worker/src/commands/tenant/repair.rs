//! `tenant repair`.

use super::Which;
use crate::cli::{Output, print, print_json};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use clap::Args;
use clap::builder::PossibleValuesParser;
use model::tenant::repair::{Action, parse};
use proto::v1::RepairRequest;
use serde_json::json;

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
    let id = super::workflow_id(source, &args.which).await?;
    let request = RepairRequest { action: args.action.clone(), by: args.by.clone(), note: args.note.clone() };
    let reply = super::runs(source).await?.repair(&id, &request).await?;
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

fn meaning(code: &str) -> &'static str {
    match code {
        "NOT_WAITING" => "the run does not wait for a decision",
        "CANCELLED" => "it was cancelled, which is final: it can only be abandoned",
        "ALREADY_DECIDED" => "somebody decided a moment ago",
        _ => "see docs/runbook-tenants.md",
    }
}
