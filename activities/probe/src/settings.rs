//! What the probe needs to know, and its bounds.

use futures::future::BoxFuture;
use model::portal::http01::Ports;
use model::portal::network::NetworkPolicy;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A lookup that our own side could not make.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not resolve the host: {0}")]
pub struct ResolveError(pub String);

/// Resolves a host the way a visitor does.
pub trait ResolveHost: Send + Sync + 'static {
    /// Returns every published address, v4 and v6; none when the host does not exist or has no address.
    ///
    /// # Errors
    /// [`ResolveError`] only when our own lookup path failed: the probe then says that it could not tell.
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>>;
}

/// How a [`Probe`](crate::Probe) looks at hosts.
#[derive(Clone)]
pub struct Settings {
    /// Plain-HTTP port as seen from outside (`PORTAL_DOMAIN_EXTERNAL_HTTP_PORT`, 80).
    pub http_port: u16,
    /// TLS port as seen from outside (`PORTAL_DOMAIN_EXTERNAL_HTTPS_PORT`, 443).
    pub https_port: u16,
    /// PEM file with trust anchors beside the system's (`PORTAL_DOMAIN_PROBE_CA_FILE`); read again when it changes.
    pub extra_ca_file: Option<PathBuf>,
    /// Which addresses may be dialled.
    pub network: NetworkPolicy,
    /// How hosts are resolved.
    pub resolver: Arc<dyn ResolveHost>,
    /// Bounds.
    pub limits: Limits,
}

impl Settings {
    /// Settings of production: ports 80 and 443, the system's trust anchors, default bounds.
    pub fn new(network: NetworkPolicy, resolver: Arc<dyn ResolveHost>) -> Self {
        Self { http_port: 80, https_port: 443, extra_ca_file: None, network, resolver, limits: Limits::default() }
    }

    pub(crate) const fn ports(&self) -> Ports {
        Ports { http: self.http_port, https: self.https_port }
    }
}

/// Bounds of one look. The defaults are those of the domain-health contract, section 11 ("10 s, 64 KiB").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time for all connections and requests to one address; also for one lookup.
    pub look: Duration,
    /// Bytes of one answer that are read.
    pub body_bytes: usize,
    /// Addresses of one host that are dialled; a host with more is no ordinary host.
    pub addresses: usize,
    /// Hosts of a batch that are looked at together: 200 hosts of 10 s each, all silent, still fit one activity of 50 s.
    pub batch: usize,
    /// Unit of the retry schedule of a patient look; one second outside of tests.
    pub retry_unit: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(10),
            body_bytes: 64 * 1024,
            addresses: 16,
            batch: 64,
            retry_unit: Duration::from_secs(1),
        }
    }
}
