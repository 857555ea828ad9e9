//! `tenant status` and `tenant list`.

use super::Which;
use super::look::{Looks, Standing};
use super::revive;
use crate::cli::{Output, print, print_json};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use clap::Args;
use clap::builder::PossibleValuesParser;
use model::time::iso8601;
use proto::v1::TenantCreationStatus;
use serde_json::json;
use store::tenant::{CreationDetail, CreationEvent, CreationSummary};

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
        Output::Text => print(&table(&creations)),
    }
    Ok(Exit::Ok)
}

fn table(creations: &[CreationSummary]) -> String {
    let mut text = line("TENANT", "STATE", "PRODUCT", "OPENED", "NAME, AND WHAT WAITS");
    for creation in creations {
        let mut name = plain(&creation.tenant_name);
        if !creation.step.is_empty() {
            name.push_str(&format!("  {} ({})", creation.step, creation.reason));
        }
        if !creation.message.is_empty() {
            name.push_str(&format!(": {}", plain(&creation.message)));
        }
        let (id, opened) = (creation.tenant_id.to_string(), iso8601(creation.opened_ms));
        text.push('\n');
        text.push_str(&line(&id, &creation.state, &creation.product_code, &opened, &name));
    }
    text
}

fn line(tenant: &str, state: &str, product: &str, opened: &str, name: &str) -> String {
    format!("{tenant:<36}  {state:<10} {product:<9} {opened:<24}  {name}")
}

/// A name is a tenant's own text: control characters stay out of a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Shows where a creation stands: what the run says, and what the database knows.
pub(super) async fn status(source: &Source, which: &Which, output: Output) -> Result<Exit, Failure> {
    let id = super::workflow_id(source, which).await?;
    let standing = Looks::connect(source).await?.standing(&id).await?;
    let runs = super::runs(source).await?;
    let state = match standing {
        Standing::Absent => None,
        Standing::Open | Standing::Closed => {
            runs.creation(&id).await?;
            runs.state(&id).await?
        }
    };
    let tenant = which.tenant.or_else(|| state.as_ref()?.tenant_id.as_ref()?.parse().ok());
    let record = match tenant {
        None => None,
        Some(tenant) => {
            let found = super::records(source).await?.creation(tenant).await;
            found.map_err(|error| Failure::of(Exit::Unreachable, error))?
        }
    };
    if standing == Standing::Absent && record.is_none() {
        return Err(Failure::new(Exit::NotFound, format!("there is no run {id}")));
    }
    let next = match &record {
        Some(record) if standing != Standing::Open => revive::advice(&runs, &record.summary).await?,
        Some(_) | None => None,
    };
    // The run is there and says nothing: nobody knows where it stands, whatever the database knows.
    let silent = standing != Standing::Absent && state.is_none();
    match output {
        Output::Json => {
            let run = standing.word();
            print_json(
                &json!({ "workflowId": id, "run": run, "answers": state.is_some(), "state": state, "record": record, "next": next }),
            );
        }
        Output::Text => {
            let mut text = text(&id, standing, state.as_ref(), record.as_ref());
            if let Some(next) = &next {
                text.push_str(&format!("\nnext     {next}"));
            }
            print(&text);
        }
    }
    Ok(if silent { Exit::Unreachable } else { Exit::Ok })
}

fn text(id: &str, standing: Standing, state: Option<&TenantCreationStatus>, record: Option<&CreationDetail>) -> String {
    let mut text = format!("run      {id} ({})", standing.word());
    match state {
        None => {
            text.push_str(match standing {
                Standing::Absent => "\nstate    Temporal no longer knows the run",
                Standing::Open | Standing::Closed => {
                    "\nstate    no worker answers for the run; is one running for its queue?"
                }
            });
            if record.is_some() {
                text.push_str("; what follows is from the database");
            }
        }
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
                let tries = match repair.attempts.unwrap_or(0) {
                    1 => "1 try".to_owned(),
                    tries => format!("{tries} tries"),
                };
                text.push_str(&format!("\nrepair   {} after {tries}, since {}", of(&repair.reason), of(&repair.since)));
                if let Some(message) = &repair.message {
                    text.push_str(&format!("\nbecause  {message}"));
                }
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
            text.push_str(&format!("\n  {}  {}", iso8601(event.at_ms), said(event)));
        }
    }
    text
}

/// A line of the log: a state that began, or what somebody decided about a step that waited.
fn said(event: &CreationEvent) -> String {
    let mut text = match (event.decided_by.as_str(), event.state.as_str()) {
        ("", state) => state.to_owned(),
        (by, state) => {
            let decision = match state {
                "open" => "retry",
                "abandoned" => "abandon",
                other => other,
            };
            format!("{} decided: {decision}", plain(by))
        }
    };
    if !event.step.is_empty() {
        text.push_str(&format!(" {} ({})", event.step, event.reason));
    }
    if !event.note.is_empty() {
        text.push_str(&format!(": {}", plain(&event.note)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1::RepairState;
    use uuid::Uuid;

    const MOUNT: &str = "adminUser.passwordRef: names no mounted secret; mount it, then retry";

    fn summary() -> CreationSummary {
        CreationSummary {
            tenant_id: Uuid::nil(),
            tenant_name: "Birch Ltd".to_owned(),
            product_code: "psa".to_owned(),
            state: "repair".to_owned(),
            origin_id: "run".to_owned(),
            workflow_id: "run".to_owned(),
            step: "creating_admin_user".to_owned(),
            reason: "ConfigurationError".to_owned(),
            message: MOUNT.to_owned(),
            opened_ms: 1_800_000_000_000,
            changed_ms: 1_800_000_000_000,
        }
    }

    fn event(state: &str, decided_by: &str, note: &str) -> CreationEvent {
        CreationEvent {
            at_ms: 0,
            state: state.to_owned(),
            step: "creating_admin_user".to_owned(),
            reason: "ConfigurationError".to_owned(),
            workflow_id: "run".to_owned(),
            decided_by: decided_by.to_owned(),
            note: note.to_owned(),
        }
    }

    #[test]
    fn a_list_has_a_header_and_says_what_each_wait_needs() {
        let text = table(&[summary()]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        for (word, value) in [("TENANT", "0000"), ("STATE", "repair"), ("OPENED", "2027"), ("NAME", "Birch Ltd")] {
            assert_eq!(lines[0].find(word), lines[1].find(value), "{text}");
        }
        assert!(lines[1].ends_with(&format!("creating_admin_user (ConfigurationError): {MOUNT}")), "{text}");
    }

    #[test]
    fn a_status_says_why_it_waits_what_is_done_and_who_decided_what() {
        let repair = RepairState {
            reason: Some("ConfigurationError".to_owned()),
            attempts: Some(1),
            message: Some(MOUNT.to_owned()),
            ..RepairState::default()
        };
        let state = TenantCreationStatus { repair: Some(repair), ..TenantCreationStatus::default() };
        let log = vec![event("repair", "", MOUNT), event("open", "on call", "mounted"), event("abandoned", "ann", "")];
        let record = CreationDetail { summary: summary(), done: vec!["createTenant".to_owned()], log };
        let text = text("run", Standing::Open, Some(&state), Some(&record));
        for part in [
            "run      run (open)\n",
            "\nrepair   ConfigurationError after 1 try, since ",
            &format!("\nbecause  {MOUNT}\n"),
            "\ndone     createTenant\n",
            &format!("repair creating_admin_user (ConfigurationError): {MOUNT}\n"),
            "on call decided: retry creating_admin_user (ConfigurationError): mounted\n",
            "ann decided: abandon creating_admin_user (ConfigurationError)",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_run_that_is_there_and_one_that_is_forgotten_are_told_apart() {
        let without_worker = text("run", Standing::Open, None, None);
        assert!(without_worker.contains("no worker answers for the run") && !without_worker.contains("database"));
        let record = CreationDetail { summary: summary(), done: Vec::new(), log: Vec::new() };
        let forgotten = text("run", Standing::Absent, None, Some(&record));
        assert!(forgotten.contains("no longer knows the run; what follows is from the database"), "{forgotten}");
    }
}
