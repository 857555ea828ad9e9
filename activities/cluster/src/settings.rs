//! Settings of this crate.

use model::portal::edge::EdgeScope;
use model::portal::manifest::EdgeSettings;
use std::time::Duration;

/// How the cluster is talked to, and where the objects live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the objects of a domain live, and what they lead to.
    pub edge: EdgeSettings,
    /// Bound of one call to the API server.
    pub call_timeout: Duration,
    /// How long a look waits for the watches to be complete, once, after a start.
    pub sync_timeout: Duration,
    /// Longest wait of `awaitCertificate`.
    pub await_max: Duration,
}

impl Settings {
    /// The bounds in use. A look is a step of at most 5 s, so one call gets 3 s of it; an await lasts at most 2 minutes
    /// (portal-domain contract, section 16).
    pub fn new(edge: EdgeSettings) -> Self {
        Self {
            edge,
            call_timeout: Duration::from_secs(3),
            sync_timeout: Duration::from_secs(2),
            await_max: Duration::from_secs(110),
        }
    }

    /// The workload that our Gateways select.
    pub(crate) fn scope(&self) -> EdgeScope {
        EdgeScope {
            labels: self.edge.gateway_selector.clone(),
            http_port: self.edge.gateway_http_port,
            https_port: self.edge.gateway_https_port,
        }
    }

    /// Certificate and Gateway lie in one namespace, so the edge reads the certificate's own Secret.
    pub(crate) fn one_namespace(&self) -> bool {
        self.edge.cert_namespace == self.edge.gateway_namespace
    }
}
