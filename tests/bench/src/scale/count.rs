//! Counts what the worker asks: the audit log of the API server by its identity, the log of PostgreSQL by its role.

use crate::statements::{self, Statements, since};
use anyhow::Context as _;
use harness::Rig;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::metadata;
use std::path::PathBuf;

/// Only the worker's identity, and only finished requests.
const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\nrules:\n\
                      - level: Metadata\n  users: [tenantry]\n- level: None\n";

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

fn statement_log(rig: &Rig) -> anyhow::Result<PathBuf> {
    let postgres = rig.stack.status().into_iter().find(|part| part.name == "postgres");
    Ok(postgres.context("no PostgreSQL")?.log)
}

/// A point in both logs.
pub(crate) struct Mark {
    audit: u64,
    statements: statements::Mark,
}

impl Mark {
    pub(crate) fn now(rig: &Rig) -> anyhow::Result<Self> {
        Ok(Self { audit: metadata(audit_log(rig))?.len(), statements: statements::Mark::now(&statement_log(rig)?)? })
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
        counted.sql = self.statements.until_now()?;
        Ok(counted)
    }
}

/// `verb resource`; `None` for a watch, which is open anyway, and for what names no resource (the monitor's `/version`).
fn request(event: &serde_json::Value) -> Option<String> {
    let verb = event["verb"].as_str()?;
    let resource = event["objectRef"]["resource"].as_str()?;
    (verb != "watch").then(|| format!("{verb} {resource}"))
}

/// Requests and statements of one change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    requests: BTreeMap<String, u32>,
    sql: Statements,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests: u32 = self.requests.values().sum();
        let each: Vec<String> = self.requests.iter().map(|(what, count)| format!("{count} {what}")).collect();
        write!(f, "{requests} requests ({}), ", each.join(", "))?;
        write!(f, "{}", self.sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        let watch = serde_json::json!({ "verb": "watch", "objectRef": { "resource": "gateways" } });
        assert_eq!(request(&watch), None);
        let get = serde_json::json!({ "verb": "get", "objectRef": { "resource": "gateways" } });
        assert_eq!(request(&get).as_deref(), Some("get gateways"));
    }
}
