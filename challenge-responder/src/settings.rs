//! What the role needs to know.

use std::fmt;
use std::net::SocketAddr;

/// Connection string of the database. It may hold a password, so it is never printed.
#[derive(Clone)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Wraps a connection string, `postgres://…`.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

/// Settings of the role. At least one source must be configured.
#[derive(Clone)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Cluster whose Challenges are answered.
    pub kube: Option<kube::Client>,
    /// Namespace of the Challenges; `None` for all.
    pub challenge_namespace: Option<String>,
    /// Database with the worker's preflight tokens, under a role that may only select them.
    pub database_url: Option<DatabaseUrl>,
    /// Path that answers 200 while the process lives.
    pub health_path: String,
    /// Path that answers 200 while every configured source can be asked.
    pub ready_path: String,
}

impl Settings {
    /// Settings without a source, with the usual health paths `/health` and `/ready`.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            kube: None,
            challenge_namespace: None,
            database_url: None,
            health_path: "/health".to_owned(),
            ready_path: "/ready".to_owned(),
        }
    }
}

/// Why the role cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ResponderError {
    /// Nothing to answer from.
    #[error("cannot run without a source: set a cluster, a database, or both")]
    NoSource,
    /// A path does not begin with a slash, or both are the same.
    #[error("cannot use the health paths {health:?} and {ready:?}: two different paths that begin with a slash")]
    HealthPaths {
        /// As configured.
        health: String,
        /// As configured.
        ready: String,
    },
    /// The connection string cannot be read. Its text is left out, because it may hold a password.
    #[error("cannot read the database's connection string")]
    DatabaseUrl,
    /// The port is taken, or the address is not ours.
    #[error("could not listen on {address}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// Signals cannot be received.
    #[error("could not wait for signals")]
    Signals(#[source] std::io::Error),
    /// The server ended by itself.
    #[error("could not go on serving")]
    Serve(#[source] std::io::Error),
}
