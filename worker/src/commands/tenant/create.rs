//! `tenant create`.

use super::follow::{self, Followed};
use super::input::InputArgs;
use super::look::{self, Known, Looks, Standing};
use super::problem::Problem;
use crate::cli::{Output, print, print_json};
use crate::clients::tenant_runs::{Ended, Started, TenantRuns};
use crate::commands::domain::duration;
use crate::config::Source;
use crate::exit::{Exit, Failure};
use clap::Args;
use model::tenant::failure::{ABANDONED, FailureType};
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
    #[arg(long, value_name = "ID", value_parser = super::run_id)]
    workflow_id: Option<String>,
    /// Starts and does not wait.
    #[arg(long)]
    detach: bool,
    /// Longest wait.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30m")]
    timeout: Duration,
}

/// Checks, starts, and follows.
pub(super) async fn run(source: &Source, args: &CreateArgs, output: Output) -> Result<Exit, Failure> {
    let value = args.input.read()?;
    let tenant = checked(&value)?;
    let id = args.workflow_id.clone().unwrap_or_else(|| id_of(&tenant));
    let (runs, looks) = (super::runs(source).await?, Looks::connect(source).await?);
    if looks.standing(&id).await? == Standing::Closed
        && let Some(ended) = runs.end(&id, BEFORE).await?
        && let Some(text) = before(&ended, handed_over(&runs, &ended).await?.as_ref())
    {
        tell(&text);
    }
    let started = start(&runs, &id, &value).await?;
    let mut order = Order { id, started, known: None };
    if started == Started::Existing {
        runs.creation(&order.id).await?;
        order.known = look::compare(&looks.input(&order.id).await?, &tenant);
        tell(&order.found());
    }
    let id = order.id.as_str();
    if args.detach {
        match output {
            Output::Text => print(&format!("{id}\nfollow it with `tenantry tenant watch --workflow-id {id}`")),
            Output::Json => print_json(&order.json(None)),
        }
        return Ok(Exit::Ok);
    }
    let followed = follow::follow(&runs, id, Some(args.timeout), |change| tell(&follow::line(change))).await?;
    match &followed {
        Followed::Completed(result) => {
            match output {
                Output::Json => print_json(&order.json(Some(result))),
                Output::Text => print(&text(id, result)),
            }
            Ok(Exit::Ok)
        }
        other @ (Followed::Failed { .. } | Followed::Waiting(_) | Followed::TimedOut) => {
            Err(follow::not_completed(id, other))
        }
    }
}

/// How long the end of a run that is known to have ended is waited for.
const BEFORE: Duration = Duration::from_secs(5);

/// How the run ended that an earlier one handed over to; `None` where none did, or it goes on.
async fn handed_over(runs: &TenantRuns, ended: &Ended) -> Result<Option<Ended>, Failure> {
    let successor = match ended {
        Ended::Failed { kind, details: Some(details), .. } if kind == FailureType::RepairRequired.as_str() => {
            details["workflowId"].as_str()
        }
        Ended::Failed { .. } | Ended::Completed(_) => None,
    };
    match successor {
        Some(id) => runs.end(id, BEFORE).await,
        None => Ok(None),
    }
}

/// What a new run of a creation that ended without a tenant goes on with; `None` where it is not a new run's concern.
fn before(ended: &Ended, successor: Option<&Ended>) -> Option<String> {
    let abandoned = |ended: &Ended| matches!(ended, Ended::Failed { kind, .. } if kind == ABANDONED);
    match ended {
        Ended::Completed(_) => None,
        _ if abandoned(ended) || successor.is_some_and(abandoned) => Some(
            "this creation was abandoned before: the new run goes on with what was committed then, and does what is \
             left with the input that is given now"
                .to_owned(),
        ),
        Ended::Failed { kind, text, .. } => Some(format!(
            "this creation failed before with {kind}: {text}; the new run goes on with what was committed"
        )),
    }
}

/// An order and the run that carries it out.
struct Order {
    id: String,
    started: Started,
    /// Of a run that was there already: what it was started with, where that can be read here.
    known: Option<Known>,
}

impl Order {
    /// What is said of a run that was there already.
    fn found(&self) -> String {
        let id = &self.id;
        match &self.known {
            None => format!("a run {id} is there already: this is it; what it was started with cannot be read here"),
            Some(known) => {
                let name: String = known.tenant_name.chars().filter(|c| !c.is_control()).collect();
                let mut text = format!("a run {id} is there already, for the tenant {name}: this is it");
                if !known.differs.is_empty() {
                    let fields = known.differs.join(", ");
                    text.push_str(&format!(
                        "\nwarning: this order differs from the run's in {fields}; nothing of it is done: one purchase \
                         has one tenant"
                    ));
                }
                text
            }
        }
    }

    fn json(&self, result: Option<&Value>) -> Value {
        let mut json = json!({ "workflowId": self.id, "started": self.started });
        if let Some(known) = &self.known {
            json["tenantName"] = known.tenant_name.clone().into();
            json["differs"] = json!(known.differs);
        }
        if let Some(result) = result {
            json["result"] = result.clone();
        }
        json
    }
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
    input::parse(value, None).map_err(|faults| Problem::of_faults(&faults, refusal(&faults)).exit(Exit::Usage))
}

fn refusal(faults: &[Fault]) -> String {
    let list: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    format!("nothing was started: {} fault(s) in the input:{list}\n({})", faults.len(), remedy(faults))
}

fn remedy(faults: &[Fault]) -> &'static str {
    match faults.iter().any(|fault| fault.code == fault::FaultCode::Required) {
        true => {
            "REQUIRED fields must be given, in --file or as flags; `tenantry tenant create --help` lists the flags, docs/runbook-tenants.md the fields of the file"
        }
        false => "docs/runbook-tenants.md lists the fields and explains the codes",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: &str) -> Ended {
        let details = Some(json!({ "workflowId": "tenant-repair-1" }));
        Ended::Failed { kind: kind.to_owned(), text: "the text".to_owned(), details }
    }

    #[test]
    fn a_start_says_what_it_goes_on_with() {
        assert_eq!(before(&Ended::Completed(Value::Null), None), None);
        for text in [before(&failed(ABANDONED), None), before(&failed("RepairRequired"), Some(&failed(ABANDONED)))] {
            assert!(text.is_some_and(|text| text.starts_with("this creation was abandoned before")));
        }
        let text = before(&failed("RepairRequired"), None).expect("told");
        assert!(text.starts_with("this creation failed before with RepairRequired: the text"), "{text}");
    }

    #[test]
    fn a_run_that_is_there_is_named_and_a_different_order_is_told() {
        let differs = vec!["tenantName", "adminUser.email"];
        let known = Some(Known { tenant_name: "Other \u{1b}Ltd".to_owned(), differs });
        let order = Order { id: "run".to_owned(), started: Started::Existing, known };
        let text = order.found();
        assert!(text.contains("for the tenant Other Ltd: this is it"), "{text}");
        assert!(text.contains("warning: this order differs from the run's in tenantName, adminUser.email"), "{text}");
        let json = order.json(Some(&json!({ "tenantId": "t" })));
        assert_eq!(
            (&json["differs"], &json["result"]["tenantId"]),
            (&json!(["tenantName", "adminUser.email"]), &json!("t"))
        );
        let known = Some(Known { tenant_name: "Same".to_owned(), differs: Vec::new() });
        assert!(!Order { known, ..order }.found().contains("warning"));
    }

    #[test]
    fn a_faulty_input_lists_its_faults_for_programs() {
        let failure = checked(&json!({ "tenantName": "x" })).expect_err("no administrator");
        let document = super::super::problem::document(&failure);
        assert_eq!(document["error"]["faults"], json!([{ "field": "adminUser", "code": "REQUIRED" }]));
        assert_eq!(document["error"]["exit"], 2);
    }
}
