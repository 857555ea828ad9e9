//! HTTPS: nothing is sent to a host that cannot prove its name.

use crate::{LIMITS, base, caller};
use outbound::{Body, Call, CallError, Cause, Limits, Want};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[tokio::test]
async fn a_certificate_that_nobody_trusts_gets_no_request() {
    let caller = caller(LIMITS);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        TlsAcceptor::from(Arc::new(config)).accept(stream).await.map(|_| ())
    });
    let endpoint = base(&format!("https://localhost:{port}")).endpoint(&["a"]);
    let sent = caller.send(Call::post(endpoint, Body::json(&json!({"secret": 1})), Want::Status)).await;
    assert!(matches!(sent, Err(CallError::Transient { cause: Cause::NoConnection, .. })), "{sent:?}");
    assert!(served.await.unwrap().is_err(), "the client ends the handshake");
}

#[tokio::test]
async fn a_handshake_that_stalls_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = base(&format!("https://{}", listener.local_addr().unwrap())).endpoint(&["a"]);
    // The kernel accepts; nobody speaks. Only the limit of connecting ends this.
    let limits = Limits { connect: Duration::from_millis(300), ..LIMITS };
    let sent = caller(limits).send(Call::post(endpoint, Body::json(&json!({})), Want::Status)).await;
    assert!(matches!(sent, Err(CallError::Transient { cause: Cause::NoConnection, .. })), "{sent:?}");
}
