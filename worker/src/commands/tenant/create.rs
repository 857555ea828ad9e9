//! `tenant create`.

use super::follow::{self, Followed};
use super::input::InputArgs;
use crate::cli::{Output, print, print_json};
use crate::clients::tenant_runs::{Started, TenantRuns};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use clap::Args;
use model::tenant::fault::{self, Fault};
use model::tenant::input::{self, NewTenant};
use model::tenant::names::{Purchase, creation_workflow_id};
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::Duration;
use uuid::Uuid;

/// Arguments of `tenant create`.
#[derive(Debug, Clone, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    input: InputArgs,
    /// The id of the run; one that belongs to the purchase is chosen when left out.
    #[arg(long, value_name = "ID")]
    workflow_id: Option<String>,
    /// Starts and does not wait.
    #[arg(long)]
    detach: bool,
    /// Longest wait.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "30m")]
    timeout: Duration,
}

/// Checks, starts, and follows.
pub(super) async fn run(source: &Source, args: &CreateArgs, output: Output) -> Result<Exit, Failure> {
    let value = args.input.read()?;
    let tenant = checked(&value)?;
    let id = args.workflow_id.clone().unwrap_or_else(|| id_of(&tenant));
    let runs = super::runs(source).await?;
    let started = start(&runs, &id, &value).await?;
    if started == Started::Existing {
        tell(&format!("a run {id} is there already: this is it"));
    }
    if args.detach {
        match output {
            Output::Text => print(&format!("{id}\nfollow it with `tenantry tenant watch --workflow-id {id}`")),
            Output::Json => print_json(&json!({ "workflowId": id, "started": started })),
        }
        return Ok(Exit::Ok);
    }
    let followed = follow::follow(&runs, &id, Some(args.timeout), |change| tell(&follow::line(change))).await?;
    answer(&id, started, &followed, output)
}

/// Starts the workflow that the product asks for.
///
/// # Errors
/// `Usage` with every fault of the input; `Unreachable`.
pub(crate) async fn start(runs: &TenantRuns, id: &str, input: &Value) -> Result<Started, Failure> {
    let tenant = checked(input)?;
    runs.create(id, tenant.product, input).await
}

fn checked(value: &Value) -> Result<NewTenant, Failure> {
    input::parse(value, None).map_err(|faults| Failure::new(Exit::Usage, refusal(&faults)))
}

fn refusal(faults: &[Fault]) -> String {
    let list: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    format!("nothing was started: {} fault(s) in the input:{list}\n({})", faults.len(), remedy(faults))
}

fn remedy(faults: &[Fault]) -> &'static str {
    match faults.iter().any(|fault| fault.code == fault::FaultCode::Required) {
        true => "REQUIRED fields must be given, in --file or as flags; `tenantry tenant create --help` lists them",
        false => "`tenantry tenant create --help` lists the fields; docs/runbook-tenants.md explains the codes",
    }
}

/// One id per purchase, so that a second start finds the first.
fn id_of(tenant: &NewTenant) -> String {
    let apple = tenant.apple_iap.as_ref().map(|iap| iap.original_transaction_id.clone()).unwrap_or_default();
    let minted = tenant.tenant_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    let purchase = if !tenant.stripe.subscription.is_empty() {
        Purchase::Subscription(&tenant.stripe.subscription)
    } else if !tenant.checkout_session_id.is_empty() {
        Purchase::Checkout(&tenant.checkout_session_id)
    } else if !apple.is_empty() {
        Purchase::AppleTransaction(&apple)
    } else {
        Purchase::Minted(&minted)
    };
    creation_workflow_id(&purchase)
}

fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn answer(id: &str, started: Started, followed: &Followed, output: Output) -> Result<Exit, Failure> {
    match followed {
        Followed::Completed(result) => {
            match output {
                Output::Json => {
                    print_json(&json!({ "workflowId": id, "started": started, "result": result }));
                }
                Output::Text => print(&text(id, result)),
            }
            Ok(Exit::Ok)
        }
        other @ (Followed::Failed { .. } | Followed::Waiting(_) | Followed::TimedOut) => {
            Err(follow::not_completed(id, other))
        }
    }
}

/// The result for people.
pub(super) fn text(id: &str, result: &Value) -> String {
    let of = |field: &str| result[field].as_str().unwrap_or_default().to_owned();
    let mail = if result["emailSent"] == true { "sent" } else { "not sent" };
    let mut text = format!(
        "tenant {} is ready\n  administrator  {}\n  client         {}\n  credential     {}\n  welcome mail   {mail}\n  run            {id}",
        of("tenantId"),
        of("adminUserId"),
        of("clientId"),
        of("credentialDelivery"),
    );
    for entry in result["skipped"].as_array().into_iter().flatten() {
        text.push_str(&format!("\n  left out       {}", entry.as_str().unwrap_or_default()));
    }
    text
}
