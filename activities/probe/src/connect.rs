//! Dialling one address, with a deadline on every step.

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DialError {
    /// Our own side: no route for the address family, no free socket.
    OwnSide(String),
    /// The other side, or the way to it.
    Failed(String),
}

/// Opens a TCP connection.
pub(crate) async fn dial(address: IpAddr, port: u16, deadline: Instant) -> Result<TcpStream, DialError> {
    match timeout_at(deadline, TcpStream::connect(SocketAddr::new(address, port))).await {
        Ok(Ok(stream)) => {
            // Small requests; a failure here costs milliseconds and nothing else.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(error)) if is_own_side(&error) => Err(DialError::OwnSide(error.to_string())),
        Ok(Err(error)) => Err(DialError::Failed(error.to_string())),
        Err(_) => Err(DialError::Failed("timed out".to_owned())),
    }
}

/// Speaks TLS over a connection, with the given verifier and the host as server name (SNI).
pub(crate) async fn secure(
    stream: TcpStream,
    name: ServerName<'static>,
    verifier: Arc<dyn ServerCertVerifier>,
    deadline: Instant,
) -> Result<TlsStream<TcpStream>, String> {
    let connector = TlsConnector::from(Arc::new(client_config(verifier)));
    bounded(deadline, connector.connect(name, stream)).await
}

/// The provider of every TLS client here.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Waits for a step until the deadline; errors become text.
pub(crate) async fn bounded<T, E: std::fmt::Display>(
    deadline: Instant,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match timeout_at(deadline, step).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("timed out".to_owned()),
    }
}

fn client_config(verifier: Arc<dyn ServerCertVerifier>) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider supports the default versions")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    // A resumed session shows no certificate.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// Too many open files, of the process and of the system (`errno` 24 and 23 on Linux).
const OUT_OF_FILES: [i32; 2] = [24, 23];

fn is_own_side(error: &io::Error) -> bool {
    let out_of_files = error.raw_os_error().is_some_and(|code| OUT_OF_FILES.contains(&code));
    // What is not in this list is theirs; so is HostUnreachable, which a router on the way may report.
    let no_way_out = matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::OutOfMemory
    );
    out_of_files || no_way_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: &io::Error, own: bool) {
        assert_eq!(is_own_side(error), own, "{error}");
    }

    #[test]
    fn a_missing_route_is_ours_and_a_refusal_is_theirs() {
        check(&io::ErrorKind::NetworkUnreachable.into(), true);
        check(&io::ErrorKind::AddrNotAvailable.into(), true);
        check(&io::Error::from_raw_os_error(24), true);
        check(&io::ErrorKind::ConnectionRefused.into(), false);
        check(&io::ErrorKind::HostUnreachable.into(), false);
        check(&io::ErrorKind::ConnectionReset.into(), false);
    }
}
