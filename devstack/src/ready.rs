//! Asks a part whether it serves.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::spec::{PartSpec, Ready};

/// One look may take this long.
const LOOK: Duration = Duration::from_secs(2);

/// Looks once; the error says what was seen instead.
pub(crate) async fn look(spec: &PartSpec) -> Result<(), String> {
    let look = async {
        match &spec.ready {
            Ready::Running => Ok(()),
            Ready::Tcp(address) => TcpStream::connect(address).await.map(drop),
            Ready::Http { address, path } => ask(TcpStream::connect(address).await?, path).await,
            Ready::Https { address, path, authority } => ask(tls(*address, authority).await?, path).await,
            Ready::File(path) => tokio::fs::metadata(path).await.map(drop),
            Ready::Command(command) => run(command, spec).await,
        }
    };
    match tokio::time::timeout(LOOK, look).await {
        Ok(seen) => seen.map_err(|error| error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> io::Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    // The status line is enough; a peer that ends TLS carelessly does not matter then.
    let mut some = [0; 512];
    while answer.len() < 12 {
        match stream.read(&mut some).await? {
            0 => break,
            read => answer.extend_from_slice(some.get(..read).unwrap_or_default()),
        }
    }
    let line = String::from_utf8_lossy(&answer);
    match line.split_whitespace().nth(1) {
        Some("200") => Ok(()),
        Some(status) => Err(io::Error::other(format!("GET {path} answered {status}"))),
        None => Err(io::Error::other(format!("GET {path} gave no answer"))),
    }
}

async fn tls(address: SocketAddr, authority: &Path) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority).map_err(io::Error::other)? {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::from(address.ip()), stream).await
}

async fn run(command: &[String], spec: &PartSpec) -> io::Result<()> {
    let (program, args) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = tokio::process::Command::new(program);
    command.args(args).envs(&spec.env).kill_on_drop(true);
    let ended = command.output().await?;
    match ended.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&ended.stderr).trim().to_owned())),
    }
}
