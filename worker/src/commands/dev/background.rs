//! `dev up|down|status|env`: the stack that stays.

use super::{Folders, sample, show};
use crate::cli::{Output, print, print_json};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use devstack::{Condition, DownError, Lines, Options, StartError};
use serde_json::json;
use std::collections::BTreeMap;

/// Starts the stack and leaves it running; `fresh` begins with empty data.
pub(super) async fn up(use_external: bool, fresh: bool, output: Output) -> Result<Exit, Failure> {
    let folders = Folders::find()?;
    let options = Options { background: true, fresh, ..folders.options(&folders.kept(), use_external)? };
    let stack = Box::pin(devstack::start(&options, &Lines)).await.map_err(did_not_start)?;
    let environment = stack.environment();
    if use_external || !devstack::points_outside() {
        let source = Source::of(environment.clone());
        Box::pin(sample::tenant(&source, show::tell)).await?;
        sample::point_here(&source)?;
    }
    let program = options.binary.display();
    let curl = show::curl_of(&environment).unwrap_or_default();
    match output {
        Output::Text => print(&format!(
            "the stack is up\n{}\n  variables   eval \"$({program} dev env)\"\n  a domain    tenantry domain register \
             --tenant {} {} --wait active\n  then        {curl}\n  end it      {program} dev down",
            urls_text(&environment),
            sample::TENANT,
            sample::HOST
        )),
        Output::Json => print_json(&json!({"root": stack.root(), "urls": urls(&environment)})),
    }
    Ok(Exit::Ok)
}

/// Ends the stack, and what a crash left.
pub(super) async fn down(output: Output) -> Result<Exit, Failure> {
    let folders = Folders::find()?;
    let mut ended = Vec::new();
    for root in [folders.kept(), folders.shown()] {
        match devstack::down(&root).await {
            Ok(report) => ended.extend(report.ended),
            Err(error) => {
                let exit = match &error {
                    DownError::Owned { .. } => Exit::Refused,
                    DownError::Part(_) => Exit::Internal,
                };
                return Err(Failure::of(exit, error));
            }
        }
    }
    match output {
        Output::Text if ended.is_empty() => print("nothing was running"),
        Output::Text => print(&format!("ended {}", ended.join(", "))),
        Output::Json => print_json(&json!({"ended": ended})),
    }
    Ok(Exit::Ok)
}

/// Shows the parts; answers no when one is gone that should run.
pub(super) fn status(output: Output) -> Result<Exit, Failure> {
    let stack = Folders::find()?.running()?;
    let parts = stack.status();
    let word = |condition: Condition| match condition {
        Condition::Running => "running",
        Condition::Stopped => "stopped",
        Condition::Gone => "gone",
    };
    match output {
        Output::Text => {
            let mut text = format!("stack in {}\n", stack.root().display());
            for part in &parts {
                let ports: Vec<String> = part.ports.iter().map(|(name, port)| format!("{name} {port}")).collect();
                text.push_str(&format!(
                    "  {:<20} {:<8} {:>7}  {}\n",
                    part.name,
                    word(part.condition),
                    part.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
                    ports.join(", ")
                ));
            }
            print(&format!("{text}{}", urls_text(&stack.environment())));
        }
        Output::Json => {
            let parts: Vec<_> = parts
                .iter()
                .map(|part| {
                    let ports: BTreeMap<_, _> = part.ports.iter().cloned().collect();
                    json!({"name": part.name, "condition": word(part.condition), "pid": part.pid, "log": part.log, "ports": ports})
                })
                .collect();
            print_json(&json!({"root": stack.root(), "parts": parts, "urls": urls(&stack.environment())}));
        }
    }
    let gone = parts.iter().any(|part| part.condition == Condition::Gone);
    Ok(if gone { Exit::No } else { Exit::Ok })
}

/// Prints the variables for a shell, or as JSON.
pub(super) fn env(appliance: bool, output: Output) -> Result<Exit, Failure> {
    let stack = Folders::find()?.running()?;
    let mut environment = stack.environment();
    if appliance {
        environment = devstack::variables_of_appliance(&environment).ok_or_else(|| {
            Failure::new(Exit::NotFound, "this stack has no appliance: it runs without the licence API")
        })?;
    }
    environment.insert(devstack::STACK_VARIABLE.to_owned(), stack.root().display().to_string());
    match output {
        Output::Text => {
            let lines: Vec<String> =
                environment.iter().map(|(name, value)| format!("export {name}={}", quoted(value))).collect();
            print(&lines.join("\n"));
        }
        Output::Json => print_json(&environment),
    }
    Ok(Exit::Ok)
}

/// A word that a POSIX shell takes literally.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Why a stack did not start, as an exit code.
pub(super) fn did_not_start(error: StartError) -> Failure {
    let exit = match &error {
        StartError::AlreadyRunning(_) => Exit::Refused,
        StartError::Prepare { .. } | StartError::Part(_) => Exit::Unreachable,
    };
    Failure::of(exit, error)
}

/// Where a browser or a tool goes.
pub(super) fn urls(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut urls = BTreeMap::new();
    let mut add = |name: &str, variable: &str| {
        if let Some(value) = environment.get(variable) {
            urls.insert(name.to_owned(), value.clone());
        }
    };
    add("temporalUi", "TENANTRY_DEV_TEMPORAL_UI");
    add("temporal", "TEMPORAL_ADDRESS");
    add("kubeconfig", "KUBECONFIG");
    add("licenseApi", "ALGA_LICENSE_SERVICE_URL");
    add("download", "TENANTRY_DEV_DOWNLOAD_PAGE");
    urls
}

pub(super) fn urls_text(environment: &BTreeMap<String, String>) -> String {
    urls(environment).iter().map(|(name, url)| format!("  {name:<11} {url}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_literal_for_a_shell() {
        assert_eq!(quoted("a b$c"), "'a b$c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
