//! A scripted edge: an authority, TLS and plain servers, a resolver, and the settings that lead the probe to them.

use futures::FutureExt;
use futures::future::BoxFuture;
use model::portal::network::NetworkPolicy;
use probe::{Limits, Probe, ResolveError, ResolveHost, Settings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The host of every test.
pub(crate) const HOST: &str = "portal.customer.test";
/// Its mark.
pub(crate) const NONCE: &str = "nonce-of-this-tenant";
/// Where the servers listen unless a test says otherwise.
pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two authorities of one name would be told apart by a bad signature only.
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("authority {}", MADE.fetch_add(1, Ordering::SeqCst));
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self, name: &str) -> Identity {
        self.sign(CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    pub(crate) fn issue_expired(&self, name: &str) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity { chain: vec![certificate.der().clone()], key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() }
    }
}

impl Identity {
    pub(crate) fn fingerprint(&self) -> String {
        Sha256::digest(&self.chain[0]).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What a server does with one request.
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Like `Answer`, and closes the connection.
    Last {
        status: u16,
        headers: Vec<(&'static str, String)>,
    },
    /// Never answers.
    Hang,
}

pub(crate) fn answer(status: u16) -> Reply {
    Reply::Answer { status, headers: Vec::new(), body: Vec::new() }
}

pub(crate) fn content(body: &str) -> Reply {
    Reply::Answer { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

pub(crate) fn redirect(location: impl Into<String>) -> Reply {
    Reply::Answer { status: 302, headers: vec![("location", location.into())], body: Vec::new() }
}

pub(crate) fn marked(nonce: &str) -> Reply {
    Reply::Answer { status: 404, headers: vec![("portal-probe", nonce.to_owned())], body: Vec::new() }
}

type Script = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

/// A running server; it ends with the runtime of its test.
pub(crate) struct Server {
    pub(crate) port: u16,
    requests: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

impl Server {
    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub(crate) async fn plain(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(SocketAddr::new(HERE, 0), None, script).await
    }

    pub(crate) async fn tls(identity: Identity, script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(SocketAddr::new(HERE, 0), Some(identity), script).await
    }

    /// The script gets the path of each request.
    pub(crate) async fn start(
        at: SocketAddr,
        identity: Option<Identity>,
        script: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = identity.map(|identity| TlsAcceptor::from(Arc::new(server_config(identity))));
        let (requests, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let server = Self { port, requests: Arc::clone(&requests), open: Arc::clone(&open) };
        let script: Script = Arc::new(script);
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (acceptor, script) = (acceptor.clone(), Arc::clone(&script));
                let (requests, open) = (Arc::clone(&requests), Arc::clone(&open));
                tokio::spawn(async move {
                    open.fetch_add(1, Ordering::SeqCst);
                    match acceptor {
                        None => talk(stream, &script, &requests).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                talk(stream, &script, &requests).await;
                            }
                        }
                    }
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        server
    }
}

fn server_config(identity: Identity) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)
        .unwrap()
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, script: &Script, requests: &AtomicUsize) {
    let mut seen = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            let mut chunk = [0; 1024];
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(n) => seen.extend_from_slice(&chunk[..n]),
            }
        };
        let request: Vec<u8> = seen.drain(..end).collect();
        requests.fetch_add(1, Ordering::SeqCst);
        let path = String::from_utf8_lossy(&request).split(' ').nth(1).unwrap_or("").to_owned();
        let (status, headers, body, last) = match script(&path) {
            Reply::Answer { status, headers, body } => (status, headers, body, false),
            Reply::Last { status, headers } => (status, headers, Vec::new(), true),
            // Until the other side gives up.
            Reply::Hang => {
                let _ = stream.read(&mut [0; 16]).await;
                return;
            }
        };
        let mut head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        let sent = stream.write_all((head + "\r\n").as_bytes()).await.and(stream.write_all(&body).await);
        if sent.is_err() || last {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// Answers from a table; a host that is not in it cannot be resolved. Counts how many lookups run at once.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) hosts: BTreeMap<String, Vec<IpAddr>>,
    pub(crate) running: AtomicUsize,
    pub(crate) most: AtomicUsize,
}

impl ResolveHost for Table {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        async move {
            self.most.fetch_max(self.running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            self.running.fetch_sub(1, Ordering::SeqCst);
            self.hosts.get(host).cloned().ok_or_else(|| ResolveError("no resolver answers".to_owned()))
        }
        .boxed()
    }
}

/// A table with [`HOST`] at the given addresses.
pub(crate) fn table(addresses: &[IpAddr]) -> Table {
    Table { hosts: BTreeMap::from([(HOST.to_owned(), addresses.to_vec())]), ..Table::default() }
}

/// Short bounds, so that a hanging server costs half a second.
pub(crate) const SHORT: Limits = Limits {
    look: Duration::from_millis(500),
    body_bytes: 4096,
    addresses: 16,
    batch: 4,
    retry_unit: Duration::from_millis(5),
};

/// Bounds for everything that does not hang: a busy machine must not make a test fail.
pub(crate) fn ample() -> Limits {
    Limits { look: Duration::from_secs(20), ..SHORT }
}

/// Settings for loopback servers.
pub(crate) fn settings(http_port: u16, https_port: u16, resolver: Table) -> Settings {
    let network = NetworkPolicy::dev(["customer.test"], ["127.0.0.0/8"]).unwrap();
    Settings { http_port, https_port, limits: ample(), ..Settings::new(network, Arc::new(resolver)) }
}

/// A probe that trusts `authority`, and the folder that holds its file.
pub(crate) fn trusting(authority: &Authority, mut settings: Settings) -> (Probe, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    settings.extra_ca_file = Some(file);
    (Probe::new(settings), folder)
}
