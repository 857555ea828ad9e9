//! Counts the worker's SQL statements by the log of PostgreSQL: what its role sent, without what its monitors ask.

use sqlx::PgPool;
use std::fmt;
use std::fs::{File, metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// The worker's role in the log's prefix.
const ROLE: &str = "tenantry_worker|";
/// What the worker's monitors ask every 4 s and its counts every minute, whatever the domains and tenants do.
const MONITORS: [&str; 5] = [
    "select 1",
    "schema_migrations",
    "AS domains FROM public.portal_domains",
    "FROM tenantry.removal_holds h ORDER BY",
    "AS count FROM tenantry.creations",
];
/// Frames of a transaction, counted apart from statements.
const FRAMES: [&str; 5] = ["BEGIN", "COMMIT", "ROLLBACK", "SET", "DISCARD"];

/// Lets PostgreSQL log every statement with the role that sent it. Sessions that are open take it over too.
///
/// # Errors
/// The database refused: only a superuser may.
pub(crate) async fn log_all(owner: &PgPool) -> anyhow::Result<()> {
    for statement in [
        "ALTER SYSTEM SET log_statement = 'all'",
        "ALTER SYSTEM SET log_line_prefix = '%u|'",
        "SELECT pg_reload_conf()",
    ] {
        sqlx::query(statement).execute(owner).await?;
    }
    Ok(())
}

/// A point in the log.
pub(crate) struct Mark {
    log: PathBuf,
    offset: u64,
}

impl Mark {
    /// The end of the log as it is.
    pub(crate) fn now(log: &Path) -> anyhow::Result<Self> {
        Ok(Self { log: log.to_owned(), offset: metadata(log)?.len() })
    }

    /// What was logged since.
    pub(crate) fn until_now(&self) -> anyhow::Result<Statements> {
        let mut counted = Statements::default();
        for sql in statements(&since(&self.log, self.offset)?) {
            let frame = FRAMES.iter().any(|frame| sql.trim_start().to_uppercase().starts_with(frame));
            if frame { counted.frames += 1 } else { counted.statements += 1 }
        }
        Ok(counted)
    }
}

/// The text of a log from an offset on.
pub(crate) fn since(path: &Path, offset: u64) -> anyhow::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
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

/// How many statements. The frames hold those of the monitors' own transactions too.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statements {
    /// Statements of the work.
    pub(crate) statements: u32,
    /// Beginnings and ends of transactions.
    pub(crate) frames: u32,
}

impl fmt::Display for Statements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
                   tenantry_worker|DETAIL:  Parameters: $1 = '1'\n\
                   tenantry_worker|LOG:  execute <unnamed>: SELECT version FROM tenantry.schema_migrations\n\
                   tenantry_worker|LOG:  execute <unnamed>: \n\tSELECT c.state, count(*) AS count FROM tenantry.creations c\n\
                   app_user|LOG:  statement: SELECT 3\n";
        assert_eq!(statements(log), [" UPDATE a SET b", "BEGIN"]);
    }
}
