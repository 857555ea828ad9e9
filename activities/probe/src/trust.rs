//! Trust anchors of the probe: the system's, and those of a file that may change while we run.

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::{RootCertStore, pki_types::CertificateDer};
use rustls_pki_types::pem::PemObject;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::Mutex;

/// Makes certificate verifiers; re-reads the extra file when its time or length changed.
pub(crate) struct TrustAnchors {
    provider: Arc<CryptoProvider>,
    system: RootCertStore,
    extra: Option<PathBuf>,
    current: Mutex<Option<Current>>,
}

struct Current {
    stamp: Option<Stamp>,
    verifier: Arc<WebPkiServerVerifier>,
}

/// What tells one version of the file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

/// Trust anchors could not be had: our own side, so nothing can be said of any certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not load trust anchors: {0}")]
pub(crate) struct TrustError(String);

impl TrustAnchors {
    /// Reads the system's anchors once. The extra file is read at the first look.
    pub(crate) fn new(provider: Arc<CryptoProvider>, extra: Option<PathBuf>) -> Self {
        let loaded = rustls_native_certs::load_native_certs();
        let mut system = RootCertStore::empty();
        let (added, refused) = system.add_parsable_certificates(loaded.certs);
        if added == 0 || !loaded.errors.is_empty() {
            tracing::warn!(added, refused, errors = loaded.errors.len(), "the system's trust anchors are incomplete");
        }
        Self { provider, system, extra, current: Mutex::new(None) }
    }

    /// The verifier for the anchors as they are now. A file that became unreadable leaves the last good set in force.
    pub(crate) async fn verifier(&self) -> Result<Arc<WebPkiServerVerifier>, TrustError> {
        let mut current = self.current.lock().await;
        let stamp = match &self.extra {
            None => None,
            Some(path) => match stamp(path).await {
                Ok(stamp) => Some(stamp),
                Err(error) => return keep(current.as_ref(), TrustError(error.to_string())),
            },
        };
        if let Some(known) = current.as_ref()
            && known.stamp == stamp
        {
            return Ok(Arc::clone(&known.verifier));
        }
        let made = self.build().await;
        match made {
            Ok(verifier) => {
                *current = Some(Current { stamp, verifier: Arc::clone(&verifier) });
                Ok(verifier)
            }
            Err(error) => keep(current.as_ref(), error),
        }
    }

    async fn build(&self) -> Result<Arc<WebPkiServerVerifier>, TrustError> {
        let mut roots = self.system.clone();
        if let Some(path) = &self.extra {
            let pem = tokio::fs::read(path).await.map_err(|error| TrustError(error.to_string()))?;
            let anchors: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
                .collect::<Result<_, _>>()
                .map_err(|_| TrustError("the file of extra trust anchors is not PEM".to_owned()))?;
            if roots.add_parsable_certificates(anchors).0 == 0 {
                return Err(TrustError("the file of extra trust anchors holds no certificate".to_owned()));
            }
        }
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|error| TrustError(error.to_string()))
    }
}

async fn stamp(path: &Path) -> std::io::Result<Stamp> {
    let meta = tokio::fs::metadata(path).await?;
    Ok(Stamp { modified: meta.modified().ok(), length: meta.len() })
}

fn keep(current: Option<&Current>, error: TrustError) -> Result<Arc<WebPkiServerVerifier>, TrustError> {
    match current {
        Some(known) => {
            tracing::warn!(%error, "keeping the trust anchors that were read before");
            Ok(Arc::clone(&known.verifier))
        }
        None => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    fn authority() -> String {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[tokio::test]
    async fn the_extra_file_is_read_again_when_it_changes_and_kept_when_it_breaks() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let anchors = TrustAnchors::new(provider, Some(file.clone()));
        assert!(anchors.verifier().await.is_err(), "a file that was never read is our own trouble");

        let one = authority();
        std::fs::write(&file, &one).unwrap();
        let first = anchors.verifier().await.unwrap();
        assert!(Arc::ptr_eq(&first, &anchors.verifier().await.unwrap()), "an unchanged file is not read again");

        std::fs::write(&file, one + &authority()).unwrap();
        let second = anchors.verifier().await.unwrap();
        assert!(!Arc::ptr_eq(&first, &second));

        std::fs::write(&file, "nothing").unwrap();
        assert!(Arc::ptr_eq(&second, &anchors.verifier().await.unwrap()));
        std::fs::remove_file(&file).unwrap();
        assert!(Arc::ptr_eq(&second, &anchors.verifier().await.unwrap()));
    }
}
