//! The registry from the command line: register, reissue, revoke, look, and set a status.

use super::service::Service;
use crate::cli::{Output, print, print_json};
use crate::clients::license_runs::LicenseRuns;
use crate::clients::temporal;
use crate::config::{ClientSettings, Source};
use crate::exit::{Exit, Failure};
use clap::{Args, Subcommand};
use proto::v1::{EssentialsRegistrationInput, ReissueInput};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Arguments of `license register-tenant`.
#[derive(Debug, Args)]
pub(super) struct RegisterArgs {
    /// Name of the company.
    #[arg(long, value_name = "NAME")]
    company: String,
    /// Address of the contact, to which codes are mailed.
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// essentials or pro.
    #[arg(long, default_value = "essentials")]
    edition: String,
    /// Name of the contact.
    #[arg(long, value_name = "NAME")]
    contact: Option<String>,
    /// The order's id: one submission is one tenant, however often this is repeated.
    #[arg(long, value_name = "ID")]
    submission: Option<String>,
    /// Pins the tenant's id.
    #[arg(long, value_name = "UUID")]
    tenant: Option<Uuid>,
    /// The paid subscription; without it a pro tenant gets no code yet.
    #[arg(long, value_name = "ID")]
    subscription: Option<String>,
    /// Seats; unlimited when left out.
    #[arg(long)]
    seats: Option<i64>,
    /// connected or airgap.
    #[arg(long)]
    transport: Option<String>,
    /// As the shop does it for essentials: the registration workflow registers, and mails the code. Nothing shows it here.
    #[arg(long, requires = "submission", conflicts_with_all = ["tenant", "subscription", "seats", "transport"])]
    mail: bool,
    /// The page that the mail's download link leads to; only with --mail.
    #[arg(long, value_name = "URL", requires = "mail")]
    download_page: Option<String>,
}

/// Arguments of `license reissue`.
#[derive(Debug, Args)]
pub(super) struct ReissueArgs {
    /// The tenant.
    #[arg(long, value_name = "UUID", required_unless_present = "email")]
    tenant: Option<Uuid>,
    /// The address of its contact.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Also ends every appliance of the tenant, whose credentials stop working.
    #[arg(long)]
    revoke_appliances: bool,
    /// Idempotency key, 16 to 128 characters: the same key gives the same code.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The reissue workflow mails the code to the tenant's contact. Nothing shows it here.
    #[arg(long, requires = "tenant", conflicts_with_all = ["email", "revoke_appliances"])]
    mail: bool,
}

/// Arguments of `license claim-code`.
#[derive(Debug, Args)]
pub(super) struct ClaimCodeArgs {
    /// The subscription.
    #[arg(long, value_name = "ID")]
    subscription: String,
    /// Idempotency key, 16 to 128 characters: the same key gives the same code.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// Arguments of `license revoke`.
#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// The subscription.
    #[arg(long, value_name = "ID")]
    subscription: String,
}

/// Commands of `license tenants`.
#[derive(Debug, Subcommand)]
pub(super) enum TenantsCommand {
    /// Lists registered tenants, the newest first.
    List {
        /// Part of the name or address, or the beginning of the id.
        #[arg(long)]
        query: Option<String>,
        /// A status: registered, installed, active, suspended, cancelled.
        #[arg(long)]
        status: Option<String>,
        /// essentials or pro.
        #[arg(long)]
        edition: Option<String>,
        /// 1 to 200.
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// `next_cursor` of the page before.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Shows one tenant with its subscription, codes and appliances. Codes are masked.
    #[command(after_help = "Examples:\n  tenantry license tenants show --tenant 11111111-2222-4333-8444-555555555555")]
    Show {
        /// The tenant.
        #[arg(long, value_name = "UUID")]
        tenant: Uuid,
    },
    /// Suspends or cancels a tenant, or lifts either with `active`.
    #[command(after_help = "Examples:\n  tenantry license tenants set-status --tenant \
                            11111111-2222-4333-8444-555555555555 --status suspended")]
    SetStatus {
        /// The tenant.
        #[arg(long, value_name = "UUID")]
        tenant: Uuid,
        /// suspended, cancelled, or active.
        #[arg(long)]
        status: String,
    },
}

/// Commands of `license appliance`.
#[derive(Debug, Subcommand)]
pub(super) enum ApplianceCommand {
    /// Ends one appliance of a subscription: its credential stops working.
    #[command(after_help = "Examples:\n  tenantry license appliance revoke --subscription sub_4711 --appliance \
                            appliance-0123456789abcdef0123456789abcdef")]
    Revoke {
        /// The subscription.
        #[arg(long, value_name = "ID")]
        subscription: String,
        /// The id that the appliance gave itself.
        #[arg(long, value_name = "ID")]
        appliance: String,
    },
}

/// Registers a tenant, and prints its install code.
pub(super) async fn register(args: &RegisterArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    if args.mail {
        if args.edition != "essentials" {
            return Err(Failure::new(
                Exit::Usage,
                "--mail: only for essentials; a paid code is mailed with the payment",
            ));
        }
        let input = EssentialsRegistrationInput {
            submission_id: args.submission.clone().unwrap_or_default(),
            company_name: args.company.clone(),
            contact_name: args.contact.clone().unwrap_or_default(),
            contact_email: args.email.clone(),
            download_url: args.download_page.clone().unwrap_or_default(),
        };
        let reply = runs(source).await?.register(&input).await?;
        let id = contract::names::essentials_registration_id(&input.submission_id);
        let shown = json!({ "tenant_id": reply.tenant_id, "claim_code_id": reply.claim_code_id, "workflow_id": id });
        return show(&shown, output);
    }
    let body = without_null(json!({
        "company_name": args.company, "contact_email": args.email, "edition": args.edition,
        "contact_name": args.contact, "submission_id": args.submission, "tenant_id": args.tenant,
        "stripe_sub_id": args.subscription, "seats": args.seats, "transport": args.transport,
    }));
    let service = Service::of(source)?;
    // A submission is the entity's key already, and a subscription may be added to it later: under a key of the header that
    // would be another request.
    let answer = match args.submission {
        Some(_) => service.post_entity(&["register-tenant"], &body).await?,
        None => service.post(&["register-tenant"], &body, None).await?,
    };
    let shown = show(&answer, output);
    if answer["install_code"] == "" && matches!(output, Output::Text) {
        print("note               there is no code yet: the same --submission with --subscription makes it");
    }
    shown
}

/// Gives a tenant a new code; older ones that were not used end.
pub(super) async fn reissue(args: &ReissueArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    if args.mail {
        let input = ReissueInput {
            request_id: args.key.clone().unwrap_or_else(|| Uuid::new_v4().to_string()),
            tenant_id: args.tenant.map(|tenant| tenant.to_string()).unwrap_or_default(),
        };
        let id = runs(source).await?.reissue(&input).await?;
        return show(&json!({ "mailed": true, "tenant_id": input.tenant_id, "workflow_id": id }), output);
    }
    let body = without_null(json!({
        "tenant_id": args.tenant, "contact_email": args.email,
        "revoke_appliances": args.revoke_appliances.then_some(true),
    }));
    show(&Service::of(source)?.post(&["install-codes", "reissue"], &body, args.key.as_deref()).await?, output)
}

/// Makes an activation code of a subscription, with which an installed appliance is upgraded.
pub(super) async fn claim_code(args: &ClaimCodeArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    let body = json!({ "stripe_sub_id": args.subscription });
    show(&Service::of(source)?.post(&["claim-codes"], &body, args.key.as_deref()).await?, output)
}

/// Ends a subscription: nothing is signed for it any more.
pub(super) async fn revoke(args: &RevokeArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    let body = json!({ "stripe_sub_id": args.subscription });
    show(&Service::of(source)?.post(&["revoke"], &body, None).await?, output)
}

/// Ends one appliance.
pub(super) async fn appliance(command: &ApplianceCommand, output: Output, source: &Source) -> Result<Exit, Failure> {
    let ApplianceCommand::Revoke { subscription, appliance } = command;
    let body = json!({ "stripe_sub_id": subscription, "appliance_id": appliance });
    show(&Service::of(source)?.post(&["revoke"], &body, None).await?, output)
}

/// Prints the signed statement of licence keys that the service publishes.
pub(super) async fn keys(output: Output, source: &Source) -> Result<Exit, Failure> {
    show(&Service::of(source)?.keys().await?, output)
}

/// Looks at tenants, or sets the status of one.
pub(super) async fn tenants(command: &TenantsCommand, output: Output, source: &Source) -> Result<Exit, Failure> {
    let service = Service::of(source)?;
    match command {
        TenantsCommand::List { query, status, edition, limit, cursor } => {
            let limit = limit.to_string();
            let given = [("query", query), ("status", status), ("edition", edition), ("cursor", cursor)];
            let mut asked: Vec<(&str, &str)> =
                given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
            asked.push(("limit", &limit));
            let page = service.get(&["tenants"], &asked).await?;
            match output {
                Output::Json => print_json(&page),
                Output::Text => print(&table(&page)),
            }
            Ok(Exit::Ok)
        }
        TenantsCommand::Show { tenant } => show(&service.get(&["tenants", &tenant.to_string()], &[]).await?, output),
        TenantsCommand::SetStatus { tenant, status } => {
            let path = ["tenants", &tenant.to_string(), "status"];
            show(&service.post(&path, &json!({ "status": status }), None).await?, output)
        }
    }
}

/// The workflows, on `APPLIANCE_LICENSE_TASK_QUEUE`, else the queue of tenants.
async fn runs(source: &Source) -> Result<LicenseRuns, Failure> {
    let settings = ClientSettings::parse(source, &[]).map_err(|problems| Failure::of(Exit::No, problems))?;
    let client = temporal::connect(&settings.temporal).await?;
    let queue = source.value("APPLIANCE_LICENSE_TASK_QUEUE").unwrap_or(contract::names::TENANT_QUEUE);
    Ok(LicenseRuns::new(client, queue.to_owned()))
}

fn without_null(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => other,
    }
}

fn show(answer: &Value, output: Output) -> Result<Exit, Failure> {
    match output {
        Output::Json => print_json(answer),
        Output::Text => print(&lines(answer, 0)),
    }
    Ok(Exit::Ok)
}

/// One line for each field; what is nested stands below its name.
fn lines(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let mut text = String::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => text.push_str(&format!("{indent}{name}\n{}\n", lines(value, depth + 1))),
            Value::Array(items) => {
                text.push_str(&format!("{indent}{name} ({})\n", items.len()));
                for item in items {
                    text.push_str(&format!("{}\n", lines(item, depth + 1)));
                }
            }
            Value::Null => text.push_str(&format!("{indent}{name:<18} -\n")),
            Value::String(word) => text.push_str(&format!("{indent}{name:<18} {}\n", plain(word))),
            Value::Bool(_) | Value::Number(_) => text.push_str(&format!("{indent}{name:<18} {value}\n")),
        }
    }
    text.trim_end().to_owned()
}

fn table(page: &Value) -> String {
    let mut text = format!("{:<36}  {:<10}  {:<10}  {:<9}  {}\n", "TENANT", "EDITION", "STATUS", "CODE", "COMPANY");
    for item in page["items"].as_array().into_iter().flatten() {
        let field = |name: &str| plain(item[name].as_str().unwrap_or("-"));
        text.push_str(&format!(
            "{:<36}  {:<10}  {:<10}  {:<9}  {}\n",
            field("tenant_id"),
            field("edition"),
            field("status"),
            field("install_code_state"),
            field("company_name")
        ));
    }
    if let Some(cursor) = page["next_cursor"].as_str() {
        text.push_str(&format!("more with --cursor {cursor}\n"));
    }
    text.trim_end().to_owned()
}

/// A text of the registry for a terminal: control characters could move the cursor or hide a line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_lines_and_nothing_moves_the_cursor() {
        let answer =
            json!({ "tenant_id": "t", "entitlement": null, "install_codes": [{ "code_masked": "****M2RX\u{1b}[2J" }] });
        let text = lines(&answer, 0);
        assert!(text.contains("tenant_id          t"), "{text}");
        assert!(text.contains("install_codes (1)\n  code_masked"), "{text}");
        assert!(text.contains("entitlement        -") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn absent_arguments_are_absent_members() {
        assert_eq!(without_null(json!({ "a": 1, "b": null })), json!({ "a": 1 }));
    }

    #[test]
    fn a_page_names_the_next_one() {
        let page =
            json!({ "items": [{ "tenant_id": "t", "company_name": "Acme", "status": "active" }], "next_cursor": "c1" });
        let text = table(&page);
        assert!(text.contains("Acme") && text.ends_with("more with --cursor c1"), "{text}");
    }
}
