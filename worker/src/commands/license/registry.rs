//! The registry from the command line: register, reissue, revoke, look, and set a status.

use super::registry_args::{
    ApplianceCommand, ClaimCodeArgs, EntitleArgs, RegisterArgs, ReissueArgs, RevokeArgs, TenantsCommand,
};
use super::service::{Repeats, Service, remedy_of};
use crate::cli::{Output, print, print_json};
use crate::clients::license_runs::{LicenseRuns, RunFault};
use crate::clients::temporal;
use crate::config::{self, ClientSettings, Reader, Source};
use crate::exit::{Exit, Failure};
use model::tenant::failure::{FailureType, TRANSIENT};
use proto::v1::{EssentialsRegistrationInput, ReissueInput};
use serde_json::{Map, Value, json};
use uuid::Uuid;

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
        return mailed(&input, output, source).await;
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
        None => service.post(&["register-tenant"], &body, Repeats::Once).await?,
    };
    let shown = show(&answer, output);
    if answer["install_code"] == "" && matches!(output, Output::Text) {
        print("note               there is no code yet: the same --submission with --subscription makes it");
    }
    shown
}

/// Registers as the shop does, and tells what became of the mail.
async fn mailed(input: &EssentialsRegistrationInput, output: Output, source: &Source) -> Result<Exit, Failure> {
    is_shown_in_mails(&input.download_url, source)?;
    let runs = runs(source).await?;
    let reply = runs.register(input).await.map_err(of_run)?;
    let id = contract::names::essentials_registration_id(&input.submission_id);
    let tenant = reply.tenant_id.clone().unwrap_or_default();
    let mailed = runs.is_mailed(&id).await.map_err(|fault| not_mailed(fault, &tenant))?;
    let answer = json!({
        "tenant_id": reply.tenant_id, "claim_code_id": reply.claim_code_id, "workflow_id": id, "mailed": mailed,
    });
    let shown = show(&answer, output);
    if !mailed && matches!(output, Output::Text) {
        print("note               the mail is not out yet: the run of workflow_id goes on; the Temporal UI shows it");
    }
    shown
}

/// The tenant is registered, and its mail is not sent.
fn not_mailed(fault: RunFault, tenant: &str) -> Failure {
    let failure = of_run(fault);
    let Failure { exit, error } = failure;
    Failure {
        exit,
        error: error.context(format!(
            "the tenant {tenant} is registered, but nothing was mailed; a new code: `tenantry license reissue --tenant {tenant} --mail`"
        )),
    }
}

/// Refuses a page that the mail would leave out.
fn is_shown_in_mails(page: &str, source: &Source) -> Result<(), Failure> {
    let mut reader = Reader::new(source);
    let loopback = config::loopback(&mut reader);
    let loopback = reader.finish(loopback).map_err(|problems| Failure::of(Exit::No, problems))?;
    if page.is_empty() || config::links(loopback).admit(page) {
        return Ok(());
    }
    let text = "--download-page: mails show https links without blanks only, and http ones to this machine where \
                ALGA_LICENSE_ALLOW_LOOPBACK is true";
    Err(Failure::new(Exit::Usage, text))
}

/// Gives a failed run the exit code that its refusal has without a run.
fn of_run(fault: RunFault) -> Failure {
    let (kind, text, details) = match fault {
        RunFault::Call(failure) => return failure,
        RunFault::Failed { kind, text, details } => (kind, text, details),
    };
    let code = details.as_ref().and_then(|details| details["code"].as_str());
    if kind == FailureType::Validation.as_str() {
        return Failure::new(Exit::Usage, format!("{text} [{kind}]"));
    }
    if kind == TRANSIENT {
        return Failure::new(Exit::Unreachable, format!("{text} [{kind}]"));
    }
    match code {
        Some(_) => {
            let (exit, remedy) = remedy_of(code);
            Failure::new(exit, format!("{text} [{kind}]; {remedy}"))
        }
        None => Failure::new(Exit::Refused, format!("{text} [{kind}]")),
    }
}

/// Gives a tenant a new code; older ones that were not used end.
pub(super) async fn reissue(args: &ReissueArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    if args.mail {
        let input = ReissueInput {
            request_id: args.key.clone().unwrap_or_else(|| Uuid::new_v4().to_string()),
            tenant_id: args.tenant.map(|tenant| tenant.to_string()).unwrap_or_default(),
        };
        let id = runs(source).await?.reissue(&input).await.map_err(of_run)?;
        return show(&json!({ "mailed": true, "tenant_id": input.tenant_id, "workflow_id": id }), output);
    }
    let body = without_null(json!({
        "tenant_id": args.tenant, "contact_email": args.email,
        "revoke_appliances": args.revoke_appliances.then_some(true),
    }));
    show(
        &Service::of(source)?.post(&["install-codes", "reissue"], &body, Repeats::Under(args.key.as_deref())).await?,
        output,
    )
}

/// Makes an activation code of a subscription, with which an installed appliance is upgraded.
pub(super) async fn claim_code(args: &ClaimCodeArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    let body = json!({ "stripe_sub_id": args.subscription });
    show(&Service::of(source)?.post(&["claim-codes"], &body, Repeats::Under(args.key.as_deref())).await?, output)
}

/// Changes what a subscription grants.
pub(super) async fn entitle(args: &EntitleArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    let body = without_null(json!({
        "stripe_sub_id": args.subscription, "customer": args.customer, "tier": "pro", "seats": args.seats,
        "transport": args.transport, "tenant_id": args.tenant,
    }));
    show(&Service::of(source)?.post(&["sign"], &body, Repeats::Freely).await?, output)
}

/// Ends a subscription: nothing is signed for it any more.
pub(super) async fn revoke(args: &RevokeArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    let body = json!({ "stripe_sub_id": args.subscription });
    show(&Service::of(source)?.post(&["revoke"], &body, Repeats::Freely).await?, output)
}

/// Ends one appliance.
pub(super) async fn appliance(command: &ApplianceCommand, output: Output, source: &Source) -> Result<Exit, Failure> {
    let ApplianceCommand::Revoke { subscription, appliance } = command;
    let body = json!({ "stripe_sub_id": subscription, "appliance_id": appliance });
    show(&Service::of(source)?.post(&["revoke"], &body, Repeats::Freely).await?, output)
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
            show(&service.post(&path, &json!({ "status": status }), Repeats::Freely).await?, output)
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

    fn run_failed(kind: &str, details: Option<Value>) -> Failure {
        of_run(RunFault::Failed { kind: kind.to_owned(), text: "a sentence".to_owned(), details })
    }

    #[test]
    fn a_failed_run_exits_like_the_call_without_one() {
        let refused = |code: &str| run_failed("registration_rejected", Some(json!({ "code": code })));
        for (failure, exit) in [
            (refused("tenant_not_found"), Exit::NotFound),
            (refused("invalid_request"), Exit::Usage),
            (refused("tenant_suspended"), Exit::Refused),
            (run_failed("registration_rejected", Some(json!({ "code": null }))), Exit::Refused),
            (run_failed(FailureType::Validation.as_str(), Some(json!([{ "field": "companyName" }]))), Exit::Usage),
            (run_failed("code_ended", None), Exit::Refused),
            (run_failed(TRANSIENT, None), Exit::Unreachable),
            (of_run(RunFault::Call(Failure::new(Exit::Unreachable, "x"))), Exit::Unreachable),
        ] {
            assert_eq!(failure.exit, exit, "{failure}");
        }
        let text =
            not_mailed(RunFault::Failed { kind: "code_ended".into(), text: "ended".into(), details: None }, "t1");
        assert_eq!(text.exit, Exit::Refused);
        let text = text.to_string();
        assert!(text.contains("reissue --tenant t1 --mail") && text.ends_with("ended [code_ended]"), "{text}");
    }

    #[test]
    fn a_page_that_the_mail_would_leave_out_is_refused_before_anything_is_started() {
        let (hosted, local) = (Source::of([]), Source::of([set("ALGA_LICENSE_ALLOW_LOOPBACK", "true")]));
        for page in ["", "https://shop.example/download"] {
            assert!(is_shown_in_mails(page, &hosted).is_ok(), "{page}");
        }
        for page in
            ["http://shop.example/", "http://127.0.0.1:8080/", "ftp://x", "shop.example", "https://x y", "https://x\n"]
        {
            let failure = is_shown_in_mails(page, &hosted).expect_err(page);
            assert_eq!(failure.exit, Exit::Usage);
        }
        assert!(is_shown_in_mails("http://127.0.0.1:8080/", &local).is_ok());
        let unclear = Source::of([set("ALGA_LICENSE_ALLOW_LOOPBACK", "maybe")]);
        let failure = is_shown_in_mails("https://shop.example/", &unclear).expect_err("unclear");
        assert!(failure.exit == Exit::No && failure.to_string().contains("ALGA_LICENSE_ALLOW_LOOPBACK"), "{failure}");
    }

    fn set(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
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
