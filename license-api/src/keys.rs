//! The keys of the service, each read again when its file changes.

use crate::clock::Clock;
use crate::code_keys::GuardedCodeKeys;
use crate::settings::KeyFiles;
use crate::watch::Watched;
use credentials::{KeyFile, KeyFileError, KeyId, SealingKeys};
use license::built_in::{TEST_KEYS, built_in};
use license::codes::{CodeKeys, CodeKeysError};
use license::signer::LicenseSigner;
use license::signer_file::{SignerFileError, WatchedSigner};
use license::verifier::Verifier;
use model::license::keyset::{Keyset, KeysetFailure, Source};
use model::license::token_keys::TrustSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Most bytes of a keyset statement: the verifier's own bound (licensing contract, L-25, leaves room for it in an answer).
const STATEMENT_MAX: u64 = 16 * 1024;

/// Why a key cannot be used: the setting, and one line.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The id of the signing key has another form than an id.
    #[error("ALGA_LICENSE_KID: must be 1 to 32 of A-Z a-z 0-9 . _ -")]
    Kid,
    /// The signing key.
    #[error("ALGA_LICENSE_PRIVATE_KEY_FILE")]
    Signing(#[source] SignerFileError),
    /// The keys of install codes.
    #[error("TENANTRY_LICENSE_MINT_KEYS_FILE and TENANTRY_LICENSE_LOOKUP_KEYS_FILE")]
    Codes(#[source] CodeKeysError),
    /// The keys that seal.
    #[error("TENANTRY_SEALING_KEYS_FILE")]
    Sealing(#[source] KeyFileError),
    /// The keyset statement.
    #[error("TENANTRY_LICENSE_KEYSET_FILE")]
    Keyset(#[source] StatementError),
}

/// Why a keyset statement is not served.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// It cannot be read, or is too long.
    #[error("could not read the keyset statement")]
    Unreadable,
    /// Nobody would take it.
    #[error(transparent)]
    Refused(#[from] KeysetFailure),
}

/// A statement that was verified, and its text.
#[derive(Debug, Clone)]
pub struct Statement {
    /// As it was published.
    pub text: String,
    /// What it says.
    pub keyset: Keyset,
}

/// Who signs licences.
pub enum Signing {
    /// The key of a file.
    File(WatchedSigner),
    /// A given signer: tests, and a holder of keys elsewhere.
    Given(Arc<dyn LicenseSigner>),
}

/// Every key.
pub struct Keys {
    /// Signs licences.
    pub signing: Signing,
    /// Mint and find codes.
    pub codes: GuardedCodeKeys,
    sealing: Watched<SealingKeys, KeyFileError>,
    statement: Option<Arc<Watched<Statement, StatementError>>>,
}

impl Keys {
    /// Reads every file, and compares the signing key with the published one.
    ///
    /// # Errors
    /// [`KeysError`]: without its keys nothing starts.
    pub fn open(files: &KeyFiles, clock: &Arc<dyn Clock>) -> Result<Self, KeysError> {
        let statement = statement(files, clock)?;
        let kid = KeyId::parse(&files.kid).ok_or(KeysError::Kid)?;
        let published = published(statement.clone());
        let time = Arc::clone(clock);
        let signer = WatchedSigner::open(&files.signing, kid, published, move || time.unix_seconds());
        let signing = Signing::File(signer.map_err(KeysError::Signing)?);
        Self::with(signing, files, statement)
    }

    /// The same with a signer of one's own; the file of the signing key is not read.
    ///
    /// # Errors
    /// [`KeysError`] of the other files.
    pub fn with_signer(
        signer: Arc<dyn LicenseSigner>,
        files: &KeyFiles,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, KeysError> {
        let statement = statement(files, clock)?;
        Self::with(Signing::Given(signer), files, statement)
    }

    fn with(
        signing: Signing,
        files: &KeyFiles,
        statement: Option<Arc<Watched<Statement, StatementError>>>,
    ) -> Result<Self, KeysError> {
        let codes = GuardedCodeKeys::open(&files.mint, &files.lookup, Instant::now()).map_err(KeysError::Codes)?;
        let path = files.sealing.clone();
        let read = Box::new(move || Ok(KeyFile::read(&path)?.sealing));
        let sealing = Watched::open("sealing keys", vec![files.sealing.clone()], read, Instant::now());
        Ok(Self { signing, codes, sealing: sealing.map_err(KeysError::Sealing)?, statement })
    }

    /// The signer of now.
    pub fn signer(&self) -> Arc<dyn LicenseSigner> {
        match &self.signing {
            Signing::File(file) => file.current(),
            Signing::Given(signer) => Arc::clone(signer),
        }
    }

    /// The keys of install codes of now. One request works with one such value.
    pub fn codes(&self) -> CodeKeys {
        self.codes.current()
    }

    /// The keys that seal, of now.
    pub fn sealing(&self) -> Arc<SealingKeys> {
        self.sealing.current(Instant::now())
    }

    /// The keyset statement of now, where there is one.
    pub fn statement(&self) -> Option<Arc<Statement>> {
        self.statement.as_ref().map(|watched| watched.current(Instant::now()))
    }
}

/// What verifiers trust: the keys built in and those of the statement.
fn published(
    statement: Option<Arc<Watched<Statement, StatementError>>>,
) -> impl Fn() -> TrustSet + Send + Sync + 'static {
    move || {
        let statement = statement.as_ref().map(|watched| watched.current(Instant::now()));
        built_in(TEST_KEYS).trust(statement.as_ref().map(|statement| &statement.keyset))
    }
}

fn statement(
    files: &KeyFiles,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<Watched<Statement, StatementError>>>, KeysError> {
    let Some(path) = files.keyset.clone() else { return Ok(None) };
    let (watched, clock) = (path.clone(), Arc::clone(clock));
    let read = Box::new(move || read_statement(&path, clock.unix_seconds()));
    let statement = Watched::open("keyset statement", vec![watched], read, Instant::now());
    Ok(Some(Arc::new(statement.map_err(KeysError::Keyset)?)))
}

/// Reads and verifies a statement with the root keys of this build. One that is over is refused: appliances would refuse
/// it too.
fn read_statement(path: &Path, now: i64) -> Result<Statement, StatementError> {
    let length = std::fs::metadata(path).map_err(|_| StatementError::Unreadable)?.len();
    if length > STATEMENT_MAX {
        return Err(StatementError::Unreadable);
    }
    let text = std::fs::read_to_string(path).map_err(|_| StatementError::Unreadable)?.trim().to_owned();
    let built_in = built_in(TEST_KEYS);
    let keyset = Keyset::verify(&text, &built_in.roots, &Verifier::new(1), Source::Delivered, now)?;
    Ok(Statement { text, keyset })
}
