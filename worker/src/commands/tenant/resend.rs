//! `tenant resend-welcome`.

use crate::cli::{Output, print, print_json};
use crate::commands::domain::uuid;
use crate::config::Source;
use crate::exit::{Exit, Failure};
use clap::Args;
use proto::v1::ResendWelcomeInput;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// Arguments of `tenant resend-welcome`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ResendArgs {
    /// The tenant's UUID.
    #[arg(long, value_name = "UUID", value_parser = uuid)]
    tenant: Uuid,
    /// The administrator's UUID; the oldest active one when left out.
    #[arg(long, value_name = "UUID", value_parser = uuid)]
    user: Option<Uuid>,
    /// Who asks; written to the audit log.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Their mail address, for the audit log.
    #[arg(long, value_name = "ADDRESS", default_value = "")]
    by_email: String,
}

/// Sends it and says what became of it.
pub(super) async fn run(source: &Source, args: &ResendArgs, output: Output) -> Result<Exit, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let id = format!("resend-welcome-email-{}-{now}", args.tenant);
    let input = ResendWelcomeInput {
        tenant_id: args.tenant.to_string(),
        user_id: args.user.map(|user| user.to_string()).unwrap_or_default(),
        triggered_by: args.by.clone(),
        triggered_by_email: args.by_email.clone(),
    };
    let result = super::runs(source).await?.resend(&id, &input).await?;
    let sent = result.success == Some(true);
    match output {
        Output::Json => print_json(&result),
        Output::Text if sent => print(&format!(
            "sent to the administrator of {}; the new credential is in force{}",
            result.tenant_name.unwrap_or_default(),
            result.error.map(|error| format!("\n  but: {error}")).unwrap_or_default()
        )),
        Output::Text => print(&format!("not sent: {}", result.error.unwrap_or_default())),
    }
    Ok(if sent { Exit::Ok } else { Exit::No })
}
