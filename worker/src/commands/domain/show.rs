//! `status` and `explain`: the run's own answer; the row's when no run answers.

use super::{Whose, context, text};
use crate::cli::{Output, print, print_json};
use crate::clients::portal_runs::Answer;
use crate::config::Source;
use crate::exit::{Exit, Failure};
use proto::v1::{ExplainReply, StatusReply};
use serde_json::{Value, json};
use store::DomainDetail;

/// `tenantry domain status`.
pub(super) async fn status(source: &Source, whose: Whose, output: Output) -> Result<Exit, Failure> {
    let domains = Box::pin(context::Domains::connect(source)).await?;
    let row = domains.required_row(whose).await?;
    let answer = domains.ask::<StatusReply>(whose.tenant, "status").await?;
    let silent = why_silent(&answer);
    match (output, answer) {
        (Output::Text, Answer::Run(reply)) => print(&text::status(&reply)),
        (Output::Json, Answer::Run(reply)) => print_json(&with_source("run", &reply)),
        (Output::Text, Answer::NoRun | Answer::Silent(_)) => print(&text::row(&row, &silent)),
        (Output::Json, Answer::NoRun | Answer::Silent(_)) => {
            print_json(&json!({"source": "row", "run": silent, "host": row.domain, "status": row.status,
                "message": row.status_message, "row": row}));
        }
    }
    Ok(Exit::Ok)
}

/// `tenantry domain explain`.
pub(super) async fn explain(source: &Source, whose: Whose, output: Output) -> Result<Exit, Failure> {
    let domains = Box::pin(context::Domains::connect(source)).await?;
    let detail = store::domain_status(domains.rows(), whose.tenant)
        .await
        .map_err(|error| Failure::of(Exit::Unreachable, error))?
        .filter(|detail| is_named(detail, whose))
        .ok_or_else(|| context::not_found(whose))?;
    let answer = domains.ask::<ExplainReply>(whose.tenant, "explain").await?;
    let silent = why_silent(&answer);
    match (output, answer) {
        (Output::Text, Answer::Run(reply)) => print(&text::explain(&reply)),
        (Output::Json, Answer::Run(reply)) => print_json(&with_source("run", &reply)),
        (Output::Text, Answer::NoRun | Answer::Silent(_)) => print(&text::detail(&detail, &silent)),
        (Output::Json, Answer::NoRun | Answer::Silent(_)) => {
            print_json(&json!({"source": "row", "run": silent, "stored": detail}));
        }
    }
    Ok(Exit::Ok)
}

fn is_named(detail: &DomainDetail, whose: Whose) -> bool {
    let Some(named) = whose.domain_id else { return true };
    match (&detail.row, &detail.claim) {
        (Some(row), _) => row.portal_domain_id == named,
        (None, Some(claim)) => claim.portal_domain_id == named.to_string(),
        (None, None) => false,
    }
}

fn why_silent<T>(answer: &Answer<T>) -> String {
    match answer {
        Answer::Run(_) => String::new(),
        Answer::NoRun => "no run is open; `tenantry domain reconcile` starts one".to_owned(),
        Answer::Silent(why) => format!("the run did not answer: {why}"),
    }
}

/// The run's answer as it is, with one field that says where it comes from.
fn with_source(source: &str, reply: &impl serde::Serialize) -> Value {
    let mut value = serde_json::to_value(reply).expect("our own messages serialise");
    if let Value::Object(fields) = &mut value {
        fields.insert("source".to_owned(), Value::String(source.to_owned()));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_runs_answer_and_its_source() {
        let reply = StatusReply {
            host: "a.test".to_owned(),
            status: "active".to_owned(),
            serving_now: true,
            ..Default::default()
        };
        let value = with_source("run", &reply);
        assert_eq!((value["source"].as_str(), value["status"].as_str()), (Some("run"), Some("active")));
        assert_eq!(value["servingNow"], Value::Bool(true));
    }
}
