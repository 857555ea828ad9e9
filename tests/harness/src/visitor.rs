//! A visitor of one host, who comes back four times a second: what served must go on serving, whatever happens around it.

use anyhow::{Context as _, bail, ensure};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

/// Time between two visits.
const PAUSE: Duration = Duration::from_millis(250);
/// A visit that takes longer failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most of an answer that is read.
const ANSWER_MAX: u64 = 64 * 1024;

/// Where and with which trust the edge is visited.
#[derive(Clone, Debug)]
pub struct Door {
    /// The edge's address and TLS port.
    pub edge: SocketAddr,
    /// Trust anchors as PEM; read at each visit, because a restarted authority has another root.
    pub roots: PathBuf,
}

impl Door {
    /// The stack's, from its environment.
    ///
    /// # Errors
    /// A variable is missing.
    pub fn of(environment: &std::collections::BTreeMap<String, String>) -> anyhow::Result<Self> {
        let value = |name: &str| environment.get(name).with_context(|| format!("the stack has no {name}"));
        let port = value("PORTAL_DOMAIN_EXTERNAL_HTTPS_PORT")?.parse()?;
        let edge = SocketAddr::from((devstack::EDGE_ADDRESS, port));
        Ok(Self { edge, roots: PathBuf::from(value("PORTAL_DOMAIN_PROBE_CA_FILE")?) })
    }

    /// One visit: a verified certificate for this name, and the portal's page.
    ///
    /// # Errors
    /// What a browser would have shown instead.
    pub async fn visit(&self, host: &str) -> anyhow::Result<()> {
        tokio::time::timeout(PATIENCE, self.knock(host)).await.context("no answer in time")?
    }

    async fn knock(&self, host: &str) -> anyhow::Result<()> {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(&self.roots)? {
            roots.add(root?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.edge).await?;
        let name = ServerName::try_from(host.to_owned())?;
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let request = format!("GET /client-portal/dashboard HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // The end of a TLS stream without a farewell is no failure of the site.
        let ended = stream.take(ANSWER_MAX).read_to_end(&mut answer).await;
        let status = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        if status.is_empty() {
            ended?;
            bail!("an empty answer");
        }
        ensure!(status.contains(" 200 "), "{status}");
        Ok(())
    }
}

/// A visitor at work.
#[derive(Debug)]
pub struct Visitor {
    host: String,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    good: u64,
    failed: Vec<String>,
}

impl Visitor {
    /// Begins to visit a host that serves.
    pub fn send(door: &Door, host: &str) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (door, name, notes) = (door.clone(), host.to_owned(), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            let began = Instant::now();
            loop {
                let visit = door.visit(&name).await;
                {
                    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                    match visit {
                        Ok(()) => notes.good += 1,
                        Err(error) => notes.failed.push(format!("after {:.1?}: {error:#}", began.elapsed())),
                    }
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { host: host.to_owned(), seen, task }
    }

    /// What was seen since the last question: at least one visit, and none that failed.
    ///
    /// # Errors
    /// Nobody could come, or some visits failed: when, and what was shown.
    pub async fn was_served(&self) -> anyhow::Result<u64> {
        // A question that comes at once after the last one waits for a visit of its own.
        crate::wait::eventually(&format!("a visit to {}", self.host), 2 * PATIENCE, || async {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.good == 0 && seen.failed.is_empty() { Err("none yet".to_owned()) } else { Ok(()) }
        })
        .await?;
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        ensure!(
            seen.failed.is_empty(),
            "{} stopped serving: {} of {} visits failed, {}",
            self.host,
            seen.failed.len(),
            seen.failed.len() as u64 + seen.good,
            seen.failed[0]
        );
        Ok(seen.good)
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}
