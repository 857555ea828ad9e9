//! Our own executable in its roles: sample application, challenge responder and worker.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::spec::{PartSpec, Ready};

/// What the roles have in common.
#[derive(Clone, Debug)]
pub(crate) struct Roles<'a> {
    pub(crate) root: &'a Path,
    pub(crate) binary: &'a Path,
    pub(crate) ports: &'a BTreeMap<String, u16>,
    /// The stack's environment, and what the caller adds.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Roles<'_> {
    fn local(&self, name: &str) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.get(name).copied().unwrap_or_default()))
    }

    /// Describes the sample application.
    pub(crate) fn sample_app(&self) -> PartSpec {
        let address = self.local("sample-app");
        PartSpec::new("sample-app", self.binary, self.root)
            .args(["dev".to_owned(), "part".to_owned(), "sample-app".to_owned(), address.to_string()])
            .ready(Ready::Http { address, path: "/healthz".to_owned() })
            .binds(&["sample-app"])
            .tier(3)
    }

    /// Describes the challenge responder, under an identity of its own.
    pub(crate) fn responder(&self) -> PartSpec {
        let address = self.local("responder");
        let kubeconfig = self.root.join("cluster/tenantry-challenge.kubeconfig").display().to_string();
        let mut part = PartSpec::new("challenge-responder", self.binary, self.root)
            .args(["challenge-responder"])
            .ready(Ready::Http { address, path: "/ready".to_owned() })
            .binds(&["responder"])
            .tier(4);
        part.env = self.environment.clone();
        part.env("KUBECONFIG", kubeconfig).env("PORTAL_DOMAIN_CHALLENGE_LISTEN", address.to_string())
    }

    /// Describes the worker; ready when its own health service says so.
    pub(crate) fn worker(&self) -> PartSpec {
        let health = self.local("worker-health");
        let mut part = PartSpec::new("worker", self.binary, self.root)
            .args(["worker"])
            .ready(Ready::Http { address: health, path: "/ready".to_owned() })
            .binds(&["worker-health", "worker-metrics"])
            .tier(5);
        part.ready_within = Duration::from_secs(60);
        part.env = self.environment.clone();
        part.env("TENANTRY_BIND_ADDRESS", Ipv4Addr::LOCALHOST.to_string())
            .env("HEALTH_CHECK_PORT", health.port().to_string())
            .env("METRICS_PORT", self.local("worker-metrics").port().to_string())
    }
}
