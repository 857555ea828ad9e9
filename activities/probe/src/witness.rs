//! Certificate verifiers of the two looks.

use model::portal::probe::{Leaf, TrustFault};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

/// Verifies as a browser does, and remembers the leaf that was shown, also when it is refused.
#[derive(Debug)]
pub(crate) struct Witness {
    inner: Arc<WebPkiServerVerifier>,
    seen: OnceLock<(Leaf, Option<TrustFault>)>,
}

impl Witness {
    /// A witness for one connection.
    pub(crate) fn new(inner: Arc<WebPkiServerVerifier>) -> Self {
        Self { inner, seen: OnceLock::new() }
    }

    /// The leaf that was shown, and why it was refused.
    pub(crate) fn seen(&self) -> Option<(Leaf, Option<TrustFault>)> {
        self.seen.get().cloned()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        // A second handshake of one look (after a closed connection) shows nothing that the first did not.
        let _ = self.seen.set((leaf(end_entity), verdict.as_ref().err().map(fault)));
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Accepts every certificate. Only for redirects of the challenge path, as authorities do: before the first certificate
/// there is none to verify, and what is fetched is compared with a value that only we know.
#[derive(Debug)]
pub(crate) struct Unverified(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Reads what is reported of a leaf.
pub(crate) fn leaf(der: &CertificateDer<'_>) -> Leaf {
    let fingerprint_sha256 = Sha256::digest(der).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let not_after_ms = x509_parser::parse_x509_certificate(der)
        .map_or(0, |(_, certificate)| certificate.validity().not_after.timestamp().saturating_mul(1000));
    Leaf { fingerprint_sha256, not_after_ms }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enums of rustls are non-exhaustive")]
fn fault(error: &Error) -> TrustFault {
    match error {
        Error::InvalidCertificate(cause) => match cause {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TrustFault::WrongName
            }
            CertificateError::UnknownIssuer => TrustFault::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TrustFault::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TrustFault::NotYetValid,
            other => TrustFault::Other(other.to_string()),
        },
        other => TrustFault::Other(other.to_string()),
    }
}
