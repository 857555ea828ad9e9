//! `replay`: histories against the code of this build. The gate before a deploy.

use crate::cli::{Output, print, print_json};
use crate::clients::temporal;
use crate::config::{ClientSettings, Source};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::{history, register, scope};
use clap::Args;
use futures::TryStreamExt as _;
use serde::Serialize;
use std::path::{Path, PathBuf};
use temporalio_client::{
    UntypedWorkflow, WorkflowExecutionInfo, WorkflowFetchHistoryOptions, WorkflowHistory, WorkflowListOptions,
};
use temporalio_common::data_converters::DataConverter;
use temporalio_protos::temporal::api::history::v1::History;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_sdk::workflow_replayer::{WorkflowReplayError, WorkflowReplayer, WorkflowReplayerOptions};

/// Histories of one query. More would say nothing new and take minutes.
const QUERY_MAX: usize = 1000;
/// Histories that one worker of the SDK replays one after the other: making one costs as much as some hundred events.
const AT_ONCE: usize = 50;

/// Arguments of `replay`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  temporal workflow show -w portal-domain:… --output json > run.json\n  \
                        tenantry replay run.json tests/histories\n  \
                        tenantry replay --query 'WorkflowType=\"portalDomainRegistrationWorkflow\" AND ExecutionStatus=\"Running\"'")]
pub(crate) struct ReplayArgs {
    /// Files, or folders of them: protobuf, the SDK's JSON, or what the Temporal CLI and UI export.
    #[arg(required_unless_present = "query", conflicts_with = "query")]
    files: Vec<PathBuf>,
    /// Runs that this visibility query finds, fetched from Temporal.
    #[arg(long, value_name = "VISIBILITY_QUERY")]
    query: Option<String>,
    /// Most runs of a query.
    #[arg(long, default_value_t = QUERY_MAX)]
    limit: usize,
}

/// What became of one history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    name: String,
    workflow_type: String,
    events: usize,
    ok: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    problem: String,
}

/// Runs the command.
pub(crate) async fn run(args: ReplayArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    crate::telemetry::logs::install(
        source.value("LOG_LEVEL").unwrap_or("error"),
        crate::telemetry::logs::Reader::Person,
        None,
    );
    let histories = match &args.query {
        Some(query) => fetch(source, query, args.limit).await?,
        None => {
            // A name that was mistyped must not look like a gate that passed or a build that fails.
            if let Some(missing) = args.files.iter().find(|path| !path.exists()) {
                return Err(Failure::new(Exit::NotFound, format!("there is no file or folder {}", missing.display())));
            }
            read_files(&args.files)
        }
    };
    if histories.is_empty() {
        return Err(Failure::new(Exit::NotFound, "no history was found: nothing was shown of this build"));
    }
    let settings = ClientSettings::parse(source, &[]).map_err(|problems| Failure::of(Exit::No, problems))?;
    let replayer =
        replayer(&temporal::converter(&settings.temporal)?).or_exit(Exit::Internal, "could not set up the replay")?;
    let mut verdicts = Vec::with_capacity(histories.len());
    let mut histories = histories.into_iter().peekable();
    while histories.peek().is_some() {
        let judged = judge(&replayer, histories.by_ref().take(AT_ONCE).collect()).await;
        if output == Output::Text {
            judged.iter().for_each(|verdict| print(&line(verdict)));
        }
        verdicts.extend(judged);
    }
    let failed = verdicts.iter().filter(|verdict| !verdict.ok).count();
    match output {
        Output::Text => print(&format!("{} replayed, {failed} failed", verdicts.len())),
        Output::Json => {
            print_json(&serde_json::json!({"replayed": verdicts.len(), "failed": failed, "histories": verdicts}))
        }
    }
    Ok(if failed == 0 { Exit::Ok } else { Exit::No })
}

fn line(verdict: &Verdict) -> String {
    match verdict.ok {
        true => format!("ok      {}  {}  {} events", verdict.name, verdict.workflow_type, verdict.events),
        false => format!("FAILED  {}  {}  {}", verdict.name, verdict.workflow_type, verdict.problem),
    }
}

/// The same workflows and the same interceptors as the worker.
fn replayer(converter: &DataConverter) -> anyhow::Result<WorkflowReplayer> {
    let mut options = WorkflowReplayerOptions::new()
        .workflow_interceptor(scope::interceptor())
        .data_converter(converter.clone())
        .build();
    register::on_replayer(&mut options)?;
    Ok(WorkflowReplayer::new(options)?)
}

fn type_of(history: &History) -> String {
    match history.events.first().and_then(|event| event.attributes.as_ref()) {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
            started.workflow_type.as_ref().map(|kind| kind.name.clone()).unwrap_or_default()
        }
        Some(_) | None => String::new(),
    }
}

type Read = (String, Result<History, String>);

async fn judge(replayer: &WorkflowReplayer, read: Vec<Read>) -> Vec<Verdict> {
    let whole: Vec<WorkflowHistory> =
        read.iter().filter_map(|(_, history)| history.clone().ok()).map(Into::into).collect();
    // A history that cannot even be begun ends the whole lot: then each is judged alone.
    let mut results = replayer.replay_workflows(whole).await.ok().map(Vec::into_iter);
    let mut verdicts = Vec::with_capacity(read.len());
    for (name, history) in read {
        let (workflow_type, events) = history.as_ref().map_or((String::new(), 0), |h| (type_of(h), h.events.len()));
        let problem = match (history, &mut results) {
            (Err(problem), _) => problem,
            (Ok(_), Some(results)) => match results.next().map(|result| result.replay_failure) {
                Some(None) => String::new(),
                Some(Some(failure)) => failure.to_string(),
                None => "could not be replayed: the replay ended early".to_owned(),
            },
            (Ok(history), None) => match replayer.replay_workflow(history.into()).await {
                Ok(()) => String::new(),
                Err(WorkflowReplayError::Replay(failure)) => failure.to_string(),
                Err(error) => format!("could not be replayed: {error}"),
            },
        };
        verdicts.push(Verdict { name, workflow_type, events, ok: problem.is_empty(), problem: one_line(&problem) });
    }
    verdicts
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read_files(files: &[PathBuf]) -> Vec<Read> {
    let read = |path: &PathBuf| {
        let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
        history::read(&bytes).map_err(|error| error.to_string())
    };
    let mut all = Vec::new();
    for path in files {
        match below(path) {
            Ok(found) => all.extend(found),
            Err(error) => return vec![(path.display().to_string(), Err(format!("cannot be read: {error}")))],
        }
    }
    all.iter().map(|path| (path.display().to_string(), read(path))).collect()
}

/// The files of a folder and of those below it, sorted; a file is itself.
fn below(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries = std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        files.extend(below(&entry)?);
    }
    Ok(files)
}

async fn fetch(source: &Source, query: &str, limit: usize) -> Result<Vec<Read>, Failure> {
    let settings = ClientSettings::parse(source, &[]).map_err(|problems| Failure::of(Exit::No, problems))?;
    let client = temporal::connect(&settings.temporal).await?;
    let found: Vec<_> = client
        .list_workflows(query, WorkflowListOptions::builder().limit(limit).build())
        .try_collect()
        .await
        .or_exit(Exit::Unreachable, "could not run the query")?;
    let mut histories = Vec::with_capacity(found.len());
    for run in found {
        let info = WorkflowExecutionInfo::builder()
            .namespace(settings.temporal.namespace.clone())
            .workflow_id(run.id())
            .run_id(run.run_id())
            .build();
        let handle = temporalio_client::WorkflowHandle::<_, UntypedWorkflow>::new(client.clone(), info);
        let events = handle.fetch_history(WorkflowFetchHistoryOptions::default()).into_events().await;
        let history = events.map(|events| History { events }).map_err(|error| format!("cannot be fetched: {error}"));
        histories.push((format!("{} {}", run.id(), run.run_id()), history));
    }
    Ok(histories)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_history() {
        let verdict = Verdict {
            name: "a.json".to_owned(),
            workflow_type: "readinessWorkflow".to_owned(),
            events: 5,
            ok: true,
            problem: String::new(),
        };
        assert_eq!(line(&verdict), "ok      a.json  readinessWorkflow  5 events");
        let failed = Verdict { ok: false, problem: one_line("no\n  such file"), ..verdict };
        assert_eq!(line(&failed), "FAILED  a.json  readinessWorkflow  no such file");
    }
}
