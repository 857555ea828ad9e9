//! `tenant resend-welcome`.

use super::uuid;
use crate::cli::{Output, print, print_json};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use clap::Args;
use proto::v1::{ResendWelcomeInput, ResendWelcomeResult};
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
        Output::Text => print(&refusal(&result)),
    }
    Ok(if sent { Exit::Ok } else { Exit::No })
}

/// Why nothing was sent: the code, and the sentence, which says when the next mail is allowed where that is the reason.
fn refusal(result: &ResendWelcomeResult) -> String {
    let code = result.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("not sent{code}: {}", result.error.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_its_code_where_the_worker_gives_one() {
        let error = Some("three times within the hour".to_owned());
        let mut result = ResendWelcomeResult { error, ..ResendWelcomeResult::default() };
        assert_eq!(refusal(&result), "not sent: three times within the hour");
        result.code = Some("TOO_MANY_IN_AN_HOUR".to_owned());
        assert_eq!(refusal(&result), "not sent (TOO_MANY_IN_AN_HOUR): three times within the hour");
    }
}
