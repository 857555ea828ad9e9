//! Counts what the worker asks: the audit log of the API server by its identity, the log of PostgreSQL by its role.

use anyhow::Context as _;
use harness::Rig;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Only the worker's identity, and only finished requests.
const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\nrules:\n\
                      - level: Metadata\n  users: [tenantry]\n- level: None\n";
/// The worker's role in the log's prefix.
const ROLE: &str = "tenantry_worker|";
/// What the worker's monitors ask every 4 s, whatever the domains do.
const MONITORS: [&str; 2] = ["select 1", "schema_migrations"];
/// Frames of a transaction, counted apart from statements.
const FRAMES: [&str; 5] = ["BEGIN", "COMMIT", "ROLLBACK", "SET", "DISCARD"];

fn audit_log(rig: &Rig) -> PathBuf {
    rig.stack.root().join("cluster/audit.log")
}

/// Starts the API server again with an audit log.
pub(crate) async fn audit_requests(rig: &Rig) -> anyhow::Result<()> {
    let policy = rig.stack.root().join("cluster/audit-policy.yaml");
    std::fs::write(&policy, POLICY)?;
    let spec = rig.stack.spec("apiserver")?.args([
        "--".to_owned(),
        format!("--audit-policy-file={}", policy.display()),
        format!("--audit-log-path={}", audit_log(rig).display()),
    ]);
    rig.stack.stop_part("apiserver").await?;
    rig.stack.start_new(spec).await?;
    Ok(())
}

/// Lets PostgreSQL log every statement with the role that sent it.
pub(crate) async fn log_statements(rig: &Rig) -> anyhow::Result<()> {
    for statement in [
        "ALTER SYSTEM SET log_statement = 'all'",
        "ALTER SYSTEM SET log_line_prefix = '%u|'",
        "SELECT pg_reload_conf()",
    ] {
        sqlx::query(statement).execute(&rig.database).await?;
    }
    Ok(())
}

fn statement_log(rig: &Rig) -> anyhow::Result<PathBuf> {
    let postgres = rig.stack.status().into_iter().find(|part| part.name == "postgres");
    Ok(postgres.context("no PostgreSQL")?.log)
}

/// A point in both logs.
pub(crate) struct Mark {
    audit: u64,
    statements: u64,
}

impl Mark {
    pub(crate) fn now(rig: &Rig) -> anyhow::Result<Self> {
        Ok(Self { audit: metadata(audit_log(rig))?.len(), statements: metadata(statement_log(rig)?)?.len() })
    }

    /// What was logged since.
    pub(crate) fn until_now(&self, rig: &Rig) -> anyhow::Result<Counted> {
        let mut counted = Counted::default();
        for line in since(&audit_log(rig), self.audit)?.lines() {
            let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            if let Some(request) = request(&event) {
                *counted.requests.entry(request).or_default() += 1;
            }
        }
        for sql in statements(&since(&statement_log(rig)?, self.statements)?) {
            let frame = FRAMES.iter().any(|frame| sql.trim_start().to_uppercase().starts_with(frame));
            if frame { counted.frames += 1 } else { counted.statements += 1 }
        }
        Ok(counted)
    }
}

fn since(path: &Path, offset: u64) -> anyhow::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// `verb resource`; `None` for a watch, which is open anyway, and for what names no resource (the monitor's `/version`).
fn request(event: &serde_json::Value) -> Option<String> {
    let verb = event["verb"].as_str()?;
    let resource = event["objectRef"]["resource"].as_str()?;
    (verb != "watch").then(|| format!("{verb} {resource}"))
}

/// The worker's statements without those of its monitors. An entry goes on over lines that begin with a tab.
fn statements(log: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in log.lines() {
        match (line.strip_prefix('\t'), entries.last_mut()) {
            (Some(more), Some(entry)) => entry.push_str(&format!(" {more}")),
            (Some(_), None) => {}
            (None, _) => entries.push(line.to_owned()),
        }
    }
    let ours = entries.iter().filter_map(|entry| entry.strip_prefix(ROLE)?.split_once("LOG:  ").and_then(|e| sql(e.1)));
    ours.filter(|sql| !MONITORS.iter().any(|monitor| sql.contains(monitor))).map(str::to_owned).collect()
}

/// The SQL of a log entry: `execute sqlx_s_1: …` or `statement: …`.
fn sql(text: &str) -> Option<&str> {
    let (kind, sql) = text.split_once(": ")?;
    (kind == "statement" || kind.starts_with("execute ")).then_some(sql)
}

/// Requests and statements of one change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    requests: BTreeMap<String, u32>,
    statements: u32,
    frames: u32,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests: u32 = self.requests.values().sum();
        let each: Vec<String> = self.requests.iter().map(|(what, count)| format!("{count} {what}")).collect();
        write!(f, "{requests} requests ({}), ", each.join(", "))?;
        write!(f, "{} statements, {} frames of transactions", self.statements, self.frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_are_told_apart() {
        assert_eq!(sql("execute sqlx_s_1: SELECT 2"), Some("SELECT 2"));
        assert_eq!(sql("statement: BEGIN"), Some("BEGIN"));
        assert_eq!(sql("checkpoint starting: time"), None);
        let log = "tenantry_worker|LOG:  execute <unnamed>: \n\tUPDATE a\n\tSET b\ntenantry_worker|LOG:  statement: BEGIN\n\
                   tenantry_worker|LOG:  execute <unnamed>: SELECT version FROM tenantry.schema_migrations\n\
                   app_user|LOG:  statement: SELECT 3\n";
        assert_eq!(statements(log), [" UPDATE a SET b", "BEGIN"]);
        let watch = serde_json::json!({ "verb": "watch", "objectRef": { "resource": "gateways" } });
        assert_eq!(request(&watch), None);
        let get = serde_json::json!({ "verb": "get", "objectRef": { "resource": "gateways" } });
        assert_eq!(request(&get).as_deref(), Some("get gateways"));
    }
}
