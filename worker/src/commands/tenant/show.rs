//! `tenant status` and `tenant list`.

use super::Which;
use crate::cli::{Output, print, print_json};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use clap::Args;
use clap::builder::PossibleValuesParser;
use model::time::iso8601;
use proto::v1::TenantCreationStatus;
use serde_json::json;
use store::tenant::{CreationDetail, CreationSummary};

/// Arguments of `tenant list`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListArgs {
    /// Only creations in this state.
    #[arg(long, value_parser = PossibleValuesParser::new(["open", "repair", "completed", "abandoned"]))]
    state: Option<String>,
    /// Longest list.
    #[arg(long, default_value = "50", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// Lists creations.
pub(super) async fn list(source: &Source, args: &ListArgs, output: Output) -> Result<Exit, Failure> {
    let store = super::records(source).await?;
    let creations = store.creations(args.state.as_deref(), args.limit).await;
    let creations = creations.map_err(|error| Failure::of(Exit::Unreachable, error))?;
    match output {
        Output::Json => print_json(&creations),
        Output::Text if creations.is_empty() => print("no creations"),
        Output::Text => print(&creations.iter().map(row).collect::<Vec<_>>().join("\n")),
    }
    Ok(Exit::Ok)
}

fn row(creation: &CreationSummary) -> String {
    let waits =
        if creation.step.is_empty() { String::new() } else { format!("  {} ({})", creation.step, creation.reason) };
    format!(
        "{}  {:<10} {:<9} {}  {}{waits}",
        creation.tenant_id,
        creation.state,
        creation.product_code,
        iso8601(creation.opened_ms),
        plain(&creation.tenant_name),
    )
}

/// A name is a tenant's own text: control characters stay out of a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Shows where a creation stands: what the run says, and what the database knows.
pub(super) async fn status(source: &Source, which: &Which, output: Output) -> Result<Exit, Failure> {
    let id = super::workflow_id(source, which).await?;
    let state = super::runs(source).await?.state(&id).await?;
    let tenant = which.tenant.or_else(|| state.as_ref()?.tenant_id.as_ref()?.parse().ok());
    let record = match tenant {
        None => None,
        Some(tenant) => {
            let found = super::records(source).await?.creation(tenant).await;
            found.map_err(|error| Failure::of(Exit::Unreachable, error))?
        }
    };
    if state.is_none() && record.is_none() {
        return Err(Failure::new(Exit::NotFound, format!("there is no run {id}, or no worker answers for it")));
    }
    match output {
        Output::Json => print_json(&json!({ "workflowId": id, "state": state, "record": record })),
        Output::Text => print(&text(&id, state.as_ref(), record.as_ref())),
    }
    Ok(Exit::Ok)
}

fn text(id: &str, state: Option<&TenantCreationStatus>, record: Option<&CreationDetail>) -> String {
    let mut text = format!("run      {id}");
    match state {
        None => text.push_str("\nstate    the run does not answer; what follows is from the database"),
        Some(state) => {
            let step = state.step.as_deref().unwrap_or_default();
            text.push_str(&format!("\nstate    {step}, {} %", state.progress.unwrap_or(0)));
            for (name, value) in [("waits", &state.waiting_for), ("error", &state.error), ("tenant", &state.tenant_id)]
            {
                if let Some(value) = value {
                    text.push_str(&format!("\n{name:<9}{value}"));
                }
            }
            if let Some(repair) = &state.repair {
                let of = |text: &Option<String>| text.clone().unwrap_or_default();
                text.push_str(&format!(
                    "\nrepair   {} after {} tries, since {}",
                    of(&repair.reason),
                    repair.attempts.unwrap_or(0),
                    of(&repair.since)
                ));
                if let Some(other) = &repair.workflow_id {
                    text.push_str(&format!("\nwaits in {other}"));
                }
            }
        }
    }
    if let Some(record) = record {
        let summary = &record.summary;
        text.push_str(&format!("\nrecord   {} ({})", summary.state, plain(&summary.tenant_name)));
        text.push_str(&format!("\ndone     {}", record.done.join(", ")));
        for event in &record.log {
            let who =
                if event.decided_by.is_empty() { String::new() } else { format!(" by {}", plain(&event.decided_by)) };
            let note = if event.note.is_empty() { String::new() } else { format!(": {}", plain(&event.note)) };
            text.push_str(&format!("\n  {}  {} {}{who}{note}", iso8601(event.at_ms), event.state, event.step));
        }
    }
    text
}
