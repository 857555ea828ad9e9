//! What a part is: a program, and how to know that it serves.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One part of the stack, as data: it is kept in `stack.json`, so that another process can start the part again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartSpec {
    /// Its name: of its log file, and on the command line.
    pub name: String,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments. No secrets: every user of the machine sees them.
    pub args: Vec<String>,
    /// Variables beside those of the starting process.
    pub env: BTreeMap<String, String>,
    /// Variables of the starting process that it must not see.
    pub unset: Vec<String>,
    /// The folder it runs in.
    pub cwd: PathBuf,
    /// User and group to run as, when it must not run as ours.
    pub user: Option<(u32, u32)>,
    /// How to know that it serves.
    pub ready: Ready,
    /// How long it may take to serve.
    pub ready_within: Duration,
    /// How it is asked to end.
    pub stop: StopWith,
    /// Parts of a higher tier are stopped first (the API server before etcd).
    pub tier: u8,
    /// Names of the ports that it binds.
    pub ports: Vec<String>,
}

impl PartSpec {
    /// Describes a part that is ready when it runs and stops at SIGTERM.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>, cwd: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            unset: Vec::new(),
            cwd: cwd.into(),
            user: None,
            ready: Ready::Running,
            ready_within: Duration::from_secs(60),
            stop: StopWith::Terminate,
            tier: 1,
            ports: Vec::new(),
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// Sets how to know that it serves.
    #[must_use]
    pub fn ready(mut self, ready: Ready) -> Self {
        self.ready = ready;
        self
    }

    /// Sets the tier; see the field.
    #[must_use]
    pub fn tier(mut self, tier: u8) -> Self {
        self.tier = tier;
        self
    }

    /// Names ports that it binds.
    #[must_use]
    pub fn binds(mut self, ports: &[&str]) -> Self {
        self.ports.extend(ports.iter().map(|port| (*port).to_owned()));
        self
    }
}

/// How to know that a part serves. Conditions, never pauses.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Ready {
    /// It runs; nothing more can be seen from outside.
    Running,
    /// It accepts connections.
    Tcp(SocketAddr),
    /// It answers `GET path` with 200.
    Http {
        /// Where it listens.
        address: SocketAddr,
        /// Path and query.
        path: String,
    },
    /// The same over TLS, under an authority of ours.
    Https {
        /// Where it listens.
        address: SocketAddr,
        /// Path and query.
        path: String,
        /// PEM file of the authority; the certificate must name 127.0.0.1.
        authority: PathBuf,
    },
    /// It writes this file, which is removed before it starts.
    File(PathBuf),
    /// This command succeeds; variables are those of the part.
    Command(Vec<String>),
}

/// How a part is asked to end, before it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopWith {
    /// SIGTERM.
    Terminate,
    /// SIGINT (PostgreSQL: end the sessions, then stop), SIGQUIT instead of SIGKILL, so that its shared memory goes.
    Postgres,
}
