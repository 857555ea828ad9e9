//! The signing key in a file (`ALGA_LICENSE_PRIVATE_KEY_FILE`), and its replacement without a restart.

use crate::signer::{LicenseSigner, LocalKey, SignError};
use crate::watched::{FileError, Watched, read_text};
use async_trait::async_trait;
use credentials::KeyId;
use model::license::token_keys::{PublicKey, TrustSet};
use p256::SecretKey;
use p256::ecdsa::SigningKey;
use p256::pkcs8::DecodePrivateKey as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most bytes of the file. A key has 250.
const FILE_MAX: usize = 16 * 1024;

/// Why a signing key cannot be used. One line that names the remedy; neither path nor content is in it.
#[derive(Debug, thiserror::Error)]
pub enum SignerFileError {
    /// The file cannot be read.
    #[error("could not read the file of the signing key: check that it exists and that this user may read it")]
    Unreadable(#[from] FileError),
    /// It holds something else.
    #[error(
        "cannot use the signing key: the file must hold one P-256 private key in PEM (`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`)"
    )]
    NotAKey,
    /// No public key of its id is trusted, so nobody could verify what it signs.
    #[error(
        "cannot use the signing key {kid}: no public key of this id is published; publish it first, or correct ALGA_LICENSE_KID"
    )]
    NotPublished {
        /// Its id.
        kid: KeyId,
    },
    /// The published key of its id is another one.
    #[error(
        "cannot use the signing key {kid}: it is not the published key of this id; mount the right file, or correct ALGA_LICENSE_KID"
    )]
    OtherKey {
        /// Its id.
        kid: KeyId,
    },
    /// The published key of its id does not count now.
    #[error("cannot use the signing key {kid}: the published key of this id is revoked, or out of its time")]
    NotInForce {
        /// Its id.
        kid: KeyId,
    },
}

/// Signs with the key of a file: PKCS#8 (`BEGIN PRIVATE KEY`) or SEC 1 (`BEGIN EC PRIVATE KEY`) in PEM.
#[derive(Debug)]
pub struct FileSigner(LocalKey);

impl FileSigner {
    /// Reads the file. What was read is wiped afterwards.
    ///
    /// # Errors
    /// [`SignerFileError::Unreadable`], [`SignerFileError::NotAKey`].
    pub fn read(path: &Path, kid: KeyId) -> Result<Self, SignerFileError> {
        let text = read_text(path, FILE_MAX)?;
        let key = SecretKey::from_pkcs8_pem(text.trim())
            .or_else(|_| SecretKey::from_sec1_pem(text.trim()))
            .map_err(|_| SignerFileError::NotAKey)?;
        Ok(Self(LocalKey { kid, key: SigningKey::from(key) }))
    }

    /// Compares the key with the one that verifiers know at `now` (unix seconds): a service starts only if they agree.
    ///
    /// # Errors
    /// [`SignerFileError::NotPublished`], [`SignerFileError::OtherKey`], [`SignerFileError::NotInForce`].
    pub fn require_published(&self, published: &TrustSet, now: i64) -> Result<(), SignerFileError> {
        let kid = || self.0.kid.clone();
        let entry = published.entry(self.0.kid.as_str()).ok_or_else(|| SignerFileError::NotPublished { kid: kid() })?;
        if entry.key != self.0.public_key() {
            return Err(SignerFileError::OtherKey { kid: kid() });
        }
        if entry.counts_at(now) { Ok(()) } else { Err(SignerFileError::NotInForce { kid: kid() }) }
    }
}

#[async_trait]
impl LicenseSigner for FileSigner {
    fn kid(&self) -> &KeyId {
        &self.0.kid
    }

    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.0.sign(message))
    }
}

/// The signing key of a file that may be replaced while we run (contract, section 7: no step of a rotation needs a restart).
///
/// At start the key must be the published one of `ALGA_LICENSE_KID`. A new key in the file is known by its public key: its id
/// is that under which it is published. A key that nobody can verify leaves the one before in force.
#[derive(Debug)]
pub struct WatchedSigner {
    file: Watched<FileSigner>,
}

impl WatchedSigner {
    /// Reads the file for the first time. `published` gives what verifiers trust, whenever the file has changed; `now` the
    /// time in unix seconds.
    ///
    /// # Errors
    /// [`SignerFileError`]: without a key that verifiers know nothing starts.
    pub fn open(
        path: impl Into<PathBuf>,
        kid: KeyId,
        published: impl Fn() -> TrustSet + Send + Sync + 'static,
        now: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Result<Self, SignerFileError> {
        let file = Watched::open(path.into(), move |path: &Path, before: Option<&FileSigner>| {
            let (published, now) = (published(), now());
            let mut signer = FileSigner::read(path, before.map_or(&kid, |before| &before.0.kid).clone())?;
            if before.is_some() {
                let public = signer.public_key();
                let known = published.iter().find(|(_, entry)| entry.key == public && entry.counts_at(now));
                if let Some(kid) = known.and_then(|(kid, _)| KeyId::parse(kid)) {
                    signer.0.kid = kid;
                }
            }
            signer.require_published(&published, now)?;
            Ok::<_, SignerFileError>(signer)
        })?;
        Ok(Self { file })
    }

    /// The signer of now: its id and its key belong together, whatever happens to the file meanwhile.
    pub fn current(&self) -> Arc<FileSigner> {
        self.file.current()
    }
}

#[cfg(test)]
#[path = "signer_file_tests.rs"]
mod tests;
